"""A verifier for all tasks of reasoning-gym: the reward is what the task's own `score_answer` says.

Reads a submission a line, writes a verdict a line. See docs/rewards.md.
"""

import functools
import json
import sys

import reasoning_gym

# Verdicts go to standard output. Whatever a task prints must not.
verdicts, sys.stdout = sys.stdout, sys.stderr


@functools.cache
def dataset(task, size, seed):
    return reasoning_gym.create_dataset(task, size=int(size), seed=int(seed))


@functools.lru_cache(maxsize=4096)
def entry(task, size, seed, index):
    return dataset(task, size, seed)[int(index)]


def verdict(answer, tags):
    problem = tags["task"], tags["size"], tags["seed"], tags["index"]
    try:
        score = float(dataset(*problem[:3]).score_answer(answer, entry(*problem)))
        return {"reward": min(max(score, 0.0), 1.0), "reason": f"{tags['task']} scores {score:g}"}
    except Exception as error:
        # No reward is better than one that was not earned or not deserved.
        return {"reward": None, "reason": f"{tags['task']}: {type(error).__name__}: {error}"}


for line in sys.stdin:
    submission = json.loads(line)
    said = verdict(submission["answer"], submission["tags"])
    print(json.dumps({"id": submission["id"]} | said), file=verdicts, flush=True)
