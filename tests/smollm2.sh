#!/usr/bin/env bash
# examples/smollm2 at its smallest size, with the real model from PyPI: the cold start, two steps of LTE
# that are killed and resumed, and log-probabilities that are those of transformers.
# Exit status 75: PyPI is not to be had on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --workspace --bin retrial --bin retrial-trainer --bin retrial-policy
examples/smollm2/make.sh tiny

root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() {
    (cd "$work" && "$root/target/debug/retrial" run "$root/examples/smollm2/tiny.toml" "$@")
}
if run --crash-at hints@2; then
    echo "the run did not end at its crash point" >&2
    exit 1
fi
run --resume
target/smollm2/venv/bin/python - "$work/retrial.db" << 'END'
import sqlite3, sys
log = sqlite3.connect(sys.argv[1])
steps = log.execute("SELECT step, none_pass, some_pass, all_pass FROM step_summary").fetchall()
correct, = log.execute("SELECT count(*) FROM rollouts WHERE verdict = 'correct'").fetchone()
print("steps with none-, some- and all-pass groups:", steps, "right responses:", correct)
assert [step for step, *_ in steps] == [1, 2], steps
# Without the cold start the model answers in no box at all.
assert correct > 0
END

# Whichever environment has it: that of the benches, or vLLM's.
for python in .servers/reference/bin/python .servers/vllm/bin/python; do
    if "$python" -c 'import torch, transformers' 2> /dev/null; then
        "$python" tests/smollm2_logprobs.py "$work/retrial.db"
        exit
    fi
done
echo "log-probabilities were not compared: transformers is not here (trainer/fetch-reference.sh installs it)"
