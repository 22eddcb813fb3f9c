"""Writes problems of reasoning-gym as JSON lines.

Usage: python problems.py OUT SIZE SEED TASK [TASK ...]
"""

import json
import sys

import reasoning_gym

out, size, seed, *tasks = sys.argv[1:]
with open(out, "w") as lines:
    for task in tasks:
        data = reasoning_gym.create_dataset(task, size=int(size), seed=int(seed))
        for index, entry in enumerate(data):
            # Where any right answer will do there is none; the verifier does not need it.
            answer = entry["answer"] or "(any right one)"
            tags = {"task": task, "size": size, "seed": seed, "index": str(index)}
            problem = {"id": f"{task}-{seed}-{index}", "problem": entry["question"].strip()}
            lines.write(json.dumps(problem | {"answer": answer, "tags": tags}) + "\n")
