"""Makes problems of several kinds out of reasoning-gym, some of them with worked solutions.

Usage: python problems.py OUT SIZE [GSM8K]          (SIZE: tiny, cpu or gpu)

Writes for each kind heldout-KIND.jsonl and train-KIND.jsonl (id, problem, answer), and solved.jsonl of
all kinds: problems with a worked solution that ends in a box, for the cold start. A third of those have a
list of wrong answers too, which becomes a hint (`retrial prompts`). No problem is in two of the files.

GSM8K is a file of it as it is published (JSON Lines of question and answer): one kind more.
"""

import ast
import json
import operator
import random
import re
import sys
from datetime import date
from pathlib import Path

import reasoning_gym
from reasoning_gym.arithmetic.leg_counting import ANIMALS

# How many problems of each kind: held out, to train on, solved. The kinds, and how hard they are.
SIZES = {
    "tiny": (16, 64, 128, {
        "sums": dict(min_terms=2, max_terms=3, max_digits=1),
    }),
    "cpu": (96, 2000, 1600, {
        "sums": dict(min_terms=3, max_terms=4, min_digits=2, max_digits=2),
    }),
    "gpu": (128, 4000, 4000, {
        "sums": dict(min_terms=3, max_terms=5, min_digits=2, max_digits=3),
        "products": dict(min_digits=2, max_digits=3),
        "arithmetic": dict(min_terms=3, max_terms=4, max_digits=2, operators=["+", "-", "*"],
                           allow_negation=False),
        "legs": dict(min_animals=3, max_animals=5),
        "calendar": dict(tasks=["weekday_offset"]),
        "words": dict(),
    }),
}
TASKS = {
    "sums": "chain_sum", "products": "products", "arithmetic": "basic_arithmetic",
    "legs": "leg_counting", "calendar": "calendar_arithmetic", "words": "gsm_symbolic",
}
# Entry i of a data set is made from its seed plus i, so seeds that are near have the same problems.
APART = 10_000_000
# Problems of a kind that are looked at, in each part.
MOST = 100_000
# Characters of a worked solution; longer ones are left out.
LONGEST = 320
OPERATORS = {ast.Add: ("+", operator.add), ast.Sub: ("-", operator.sub), ast.Mult: ("*", operator.mul)}
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def expression(text):
    """The value of an expression, and its operations one by one."""
    steps = []

    def value(node):
        if isinstance(node, ast.BinOp):
            left, right = value(node.left), value(node.right)
            sign, apply = OPERATORS[type(node.op)]
            steps.append(f"{left} {sign} {right} = {apply(left, right)}.")
            return apply(left, right)
        return ast.literal_eval(node)

    value(ast.parse(text, mode="eval").body)
    return " ".join(steps)


def product(text):
    """A product of two numbers, by the digits of the second."""
    left, right = map(int, text.split(" * "))
    digits = [int(digit) * 10**place for place, digit in enumerate(reversed(str(right)))]
    parts = [part for part in reversed(digits) if part]
    steps = [f"{left} * {part} = {left * part}." for part in parts]
    if len(parts) > 1:
        steps.append(" + ".join(str(left * part) for part in parts) + f" = {left * right}.")
    return " ".join(steps)


def legs(animals):
    each = [(name, count, ANIMALS[name]) for name, count in animals.items()]
    steps = [f"{name}: {count} * {of_one} = {count * of_one}." for name, count, of_one in each]
    return " ".join(steps + [expression(" + ".join(str(count * of_one) for _, count, of_one in each))])


def weekday(metadata):
    start, days = date.fromisoformat(metadata["start_date"]), metadata["offset_days"]
    weeks, rest = divmod(abs(days), 7)
    walk = [DAYS[(start.weekday() + (step if days > 0 else -step)) % 7] for step in range(rest + 1)]
    return f"{abs(days)} = 7 * {weeks} + {rest}. " + ", ".join(walk) + "."


def worked(kind, entry):
    """A worked solution without its last sentence, the box."""
    metadata = entry["metadata"]
    match kind:
        case "sums" | "arithmetic":
            return expression(metadata["expression"])
        case "products":
            return product(metadata["expression"])
        case "legs":
            return legs(metadata["animals"])
        case "calendar":
            return weekday(metadata)
        case _:
            return re.sub(r"\s*####.*", "", metadata["answer_cot"], flags=re.DOTALL)


def mistakes(answer, solution, draw):
    """One to six wrong answers that a beginner could give."""
    if answer in DAYS:
        wrong = [day for day in DAYS if day != answer]
        return draw.sample(wrong, draw.randint(1, 3))
    if not re.fullmatch(r"-?\d+", answer):
        return []
    right = int(answer)
    near = {right + off for off in (-100, -20, -10, -9, -2, -1, 1, 2, 9, 10, 20, 100)} | {-right}
    near |= {int(number) for number in re.findall(r"= (-?\d+)", solution)}
    return [str(wrong) for wrong in draw.sample(sorted(near - {right}), draw.randint(1, 6))]


def generated(kind, settings, seed):
    """Problems of a kind: text, answer, worked solution."""
    data = reasoning_gym.create_dataset(TASKS[kind], seed=seed * APART, size=MOST, **settings)
    for entry in data:
        yield entry["question"].strip(), str(entry["answer"]), worked(kind, entry)
    sys.exit(f"{MOST} problems of {kind} are not enough: too many are equal, or have no solution")


def published(file, seed):
    """GSM8K in an order of the seed: its solutions have their sums twice, and end in `#### n`."""
    lines = [json.loads(line) for line in open(file)]
    random.Random(seed).shuffle(lines)
    for line in lines:
        solution, answer = line["answer"].rsplit("####", 1)
        answer = answer.strip().replace(",", "")
        yield line["question"], answer, re.sub(r"<<[^>]*>>", "", solution).strip()


def good(answer, solution):
    """Whether the solution is short, and comes to the answer: not all of reasoning-gym's do."""
    last = re.findall(r"-?[\d.]*\d|\w+", solution.replace(",", ""))[-1:]
    return len(solution) <= LONGEST and last == [answer]


def main(out, size, gsm8k=None):
    heldout, train, solved, kinds = SIZES[size]
    kinds = dict(kinds) | ({"gsm8k": None} if gsm8k else {})
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "solved.jsonl", "w") as examples:
        for kind, settings in kinds.items():
            seen = set()

            def fresh(seed, wanted, with_solution):
                """So many problems that no file has yet."""
                every = generated(kind, settings, seed) if settings is not None else published(gsm8k, 1)
                for text, answer, solution in every:
                    if not wanted:
                        return
                    if text not in seen and (good(answer, solution) or not with_solution):
                        seen.add(text)
                        wanted -= 1
                        yield text, answer, solution

            for part, (name, wanted) in enumerate([("heldout", heldout), ("train", train)]):
                with open(out / f"{name}-{kind}.jsonl", "w") as lines:
                    for number, (text, answer, _) in enumerate(fresh(part + 1, wanted, False)):
                        row = {"id": f"{kind}-{name}-{number}", "problem": text, "answer": answer}
                        lines.write(json.dumps(row) + "\n")
            draw = random.Random(f"{kind} {size}")
            for text, answer, solution in fresh(3, solved, True):
                row = {"problem": text, "response": f"{solution} \\boxed{{{answer}}}"}
                if draw.random() < 1 / 3:
                    row["wrong"] = mistakes(answer, solution, draw)
                examples.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[2] not in SIZES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
