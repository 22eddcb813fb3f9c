"""Grades the same cases with Math-Verify, to set beside `cargo bench -p retrial-grader`.

Run on one core, in an environment that has it:
    pip install math-verify==0.9.0
    python benches/side_by_side.py
Prints, for each set, agreement with the expected verdicts, false verdicts "correct", and pairs a
second. Cases that it does not finish within its own timeouts count as wrong answers.
"""

import json
import logging
import time
from pathlib import Path

from math_verify import parse, verify

HARD = [
    "adversarial", "handmade", "hendrycks", "latex2sympy", "lighteval", "mathverify",
    "misc_rl_frameworks", "nemo_skills", "qwen25math", "areal",
]


def grade(case):
    def boxed(text):
        return text if "boxed" in text or "$" in text else f"${text}$"

    answer = case["response"]
    if case["form"] == "answer":
        answer = boxed(answer)
    try:
        return bool(verify(parse(boxed(case["gold"])), parse(answer)))
    except Exception:  # It raises whatever its parser raises.
        return False


def measure(name, cases):
    start = time.perf_counter()
    verdicts = [grade(case) for case in cases]
    seconds = time.perf_counter() - start
    agree = sum(v == case["expected"] for v, case in zip(verdicts, cases))
    false_correct = sum(v and not case["expected"] for v, case in zip(verdicts, cases))
    print(
        f"{name:>20}: {agree} of {len(cases)} agree, {false_correct} falsely correct, "
        f"{len(cases) / seconds:.1f} pairs a second",
        flush=True,
    )


def main():
    logging.disable(logging.CRITICAL)
    folder = Path(__file__).parent.parent / "tests" / "cases"
    sets = {
        name: [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        for name in [*HARD, "real_math100"]
    }
    for name, cases in sets.items():
        measure(name, cases)
    measure("all hard pairs", [case for name in HARD for case in sets[name]])


if __name__ == "__main__":
    main()
