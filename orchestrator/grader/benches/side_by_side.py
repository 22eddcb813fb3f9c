"""Grades the same cases with Math-Verify and with this crate, each on one core.

    pip install math-verify==0.9.0
    python benches/side_by_side.py
Prints, for each set, Math-Verify's agreement with the expected verdicts and false verdicts
"correct", and both graders' pairs a second. Cases that Math-Verify does not finish within its own
timeouts count as wrong answers. This crate's side is criterion's: `cargo bench`.
"""

import json
import logging
import subprocess
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


def retrial_rate(name, cases):
    """Pairs a second that criterion measured last."""
    target = json.loads(
        subprocess.check_output(["cargo", "metadata", "--format-version=1", "--no-deps"])
    )["target_directory"]
    estimates = Path(target) / "criterion" / "pairs" / name / "new" / "estimates.json"
    return len(cases) * 1e9 / json.loads(estimates.read_text())["mean"]["point_estimate"]


def measure(name, cases):
    start = time.perf_counter()
    verdicts = [grade(case) for case in cases]
    seconds = time.perf_counter() - start
    agree = sum(v == case["expected"] for v, case in zip(verdicts, cases))
    false_correct = sum(v and not case["expected"] for v, case in zip(verdicts, cases))
    rate, ours = len(cases) / seconds, retrial_rate(name, cases)
    print(
        f"{name:>20}: {agree} of {len(cases)} agree, {false_correct} falsely correct, "
        f"{rate:.1f} pairs a second; retrial-grader {ours:.0f}, {ours / rate:.0f} times as many",
        flush=True,
    )


def main():
    logging.disable(logging.CRITICAL)
    folder = Path(__file__).parent.parent / "tests" / "cases"
    sets = {
        name: [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        for name in HARD
    }
    sets["all hard pairs"] = [case for name in HARD for case in sets[name]]
    real = (folder / "real_math100.jsonl").read_text().splitlines()
    sets["real responses"] = [json.loads(line) for line in real]
    subprocess.run(["cargo", "bench", "--quiet", "-p", "retrial-grader", "--", "pairs"], check=True)
    for name, cases in sets.items():
        measure(name, cases)


if __name__ == "__main__":
    main()
