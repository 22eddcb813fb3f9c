"""Compares the wheel with the command line on all cases, and sets it beside Math-Verify.

Usage: python tests/python_grader.py target/debug/retrial [--fast]      (--fast: no Math-Verify)
"""

import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import retrial_grader

CASES = Path("orchestrator/grader/tests/cases")
ORDINARY = "real_math100"


def cases():
    for path in sorted(CASES.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            case = json.loads(line)
            if "response" in case:
                case["set"] = path.stem
                yield case


def response(case):
    """A bare answer as a response would give it."""
    if case["form"] == "answer":
        return "\\boxed{" + case["response"] + "}"
    return case["response"]


def is_read(gold):
    """Whether a gold answer can be read; the command line stops at one that cannot."""
    try:
        retrial_grader.verify(gold, "")
    except ValueError:
        return False
    return True


def by_command_line(binary, graded):
    lines = [
        json.dumps({"id": at, "gold": case["gold"], "response": response(case)})
        for at, case in enumerate(graded)
    ]
    run = subprocess.run(
        [binary, "grade", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True
    )
    return [json.loads(line)["verdict"] for line in run.stdout.splitlines()]


def same_verdicts(binary):
    graded = [case for case in cases() if is_read(case["gold"])]
    golds, responses = [case["gold"] for case in graded], [response(case) for case in graded]
    batch = retrial_grader.grade_batch(golds, responses)
    single = [retrial_grader.grade(g, r).verdict for g, r in zip(golds, responses)]
    assert batch == single, "batches differ from single calls"
    command = by_command_line(binary, graded)
    assert len(command) == len(batch), (len(command), len(batch))
    differing = [case["id"] for case, a, b in zip(graded, command, batch) if a != b]
    assert not differing, f"the command line says otherwise: {differing}"
    print(f"{len(batch)} verdicts are those of the command line")


def calls():
    verify, parse = retrial_grader.verify, retrial_grader.parse
    assert verify(r"\frac{1}{2}", r"It is $\boxed{0.5}$.") is True
    assert verify(parse(r"\frac{1}{2}"), parse(r"It is \boxed{\frac13}.")) is False
    assert parse("I do not know.").answer is None and not parse("I do not know.")
    assert verify(r"\frac13", r"\boxed{0.333}", policy="lenient")
    assert not verify(r"\frac13", r"\boxed{0.333}")
    assert not verify("42", "The answer is 42.", extraction="boxed")
    assert retrial_grader.verify_batch(["1", "2"], [r"\boxed{1}", r"\boxed{1}"]) == [True, False]
    assert "correct" in retrial_grader.explain("1", r"\boxed{1}")
    assert retrial_grader.self_check("42") is None
    assert retrial_grader.self_check("\frac{1}{2}") is not None
    for call in (lambda: verify("", "1"), lambda: verify("1", "1", policy="none"),
                 lambda: retrial_grader.verify_batch(["1"], [])):
        try:
            call()
        except ValueError as error:
            assert str(error)
        else:
            raise AssertionError("a ValueError is due")
    # Any thread may grade; Math-Verify's time-outs need the main one.
    found = []
    thread = threading.Thread(target=lambda: found.append(verify("7", r"\boxed{7}")))
    thread.start()
    thread.join()
    assert found == [True]
    print("calls as documented")


def rate():
    ordinary = [case for case in cases() if case["set"] == ORDINARY]
    golds = [case["gold"] for case in ordinary] * 100
    responses = [response(case) for case in ordinary] * 100
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        retrial_grader.verify_batch(golds, responses)
        best = max(best, len(golds) / (time.perf_counter() - start))
    print(f"ordinary cases in batches: {best:,.0f} verdicts a second")


def score(verdicts, members):
    """How many verdicts agree with the label, and how many are falsely correct."""
    agree = sum(v == c["expected"] for v, c in zip(verdicts, members))
    return agree, sum(v and not c["expected"] for v, c in zip(verdicts, members))


def by_wheel(case):
    return is_read(case["gold"]) and retrial_grader.verify(case["gold"], response(case))


def by_math_verify(case):
    import math_verify

    gold = case["gold"]
    gold = gold if "$" in gold or "boxed" in gold else f"${gold}$"
    try:
        return bool(math_verify.verify(math_verify.parse(gold), math_verify.parse(response(case))))
    except Exception:  # It raises whatever its parser raises.
        return False


def graded(grader, members):
    start = time.perf_counter()
    verdicts = [grader(case) for case in members]
    return *score(verdicts, members), len(members) / (time.perf_counter() - start)


def beside_math_verify():
    """Both graders on the same cases and core, each called pair by pair."""
    logging.disable(logging.CRITICAL)
    print("| set | pairs | wheel: agree | falsely correct | pairs a second "
          "| Math-Verify: agree | falsely correct | pairs a second |")
    print("|---|---|---|---|---|---|---|---|")
    by_set = {}
    for case in cases():
        by_set.setdefault(case["set"], []).append(case)
    for name, members in by_set.items():
        agree, false, rate = graded(by_wheel, members)
        theirs, their_false, their_rate = graded(by_math_verify, members)
        print(f"| {name} | {len(members)} | {agree} | {false} | {rate:,.0f} "
              f"| {theirs} | {their_false} | {their_rate:,.0f} |", flush=True)


def main():
    calls()
    same_verdicts(sys.argv[1])
    rate()
    if "--fast" not in sys.argv:
        beside_math_verify()


if __name__ == "__main__":
    main()
