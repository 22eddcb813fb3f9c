#!/bin/sh
# Makes the weights in base/ again, from nothing: model folder, examples, supervised fine-tuning.
# Two to five minutes on one core. Same seeds, same weights (on the same kind of processor).
# Usage: examples/dialects/cold-start.sh [FOLDER]      (default: target/dialects-base)
set -eu
cd "$(dirname "$0")/../.."
out=${1:-target/dialects-base}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build -p dialects -p retrial-trainer
target/debug/dialects model --out "$work/fresh"
target/debug/dialects cold-start --out "$work/examples.jsonl" --examples 48000 --seed 0
target/debug/retrial-trainer sft --model "$work/fresh" --data "$work/examples.jsonl" \
    --out "$out" --epochs 2 --batch 128 --learning-rate 3e-3 --seed 0
