#!/bin/sh
# Makes the second world: problems, and a model after its cold start. Three to six minutes on one core.
# Usage: examples/sums/make.sh [FOLDER]      (default: target/sums)
set -eu
cd "$(dirname "$0")/../.."
out=${1:-target/sums}
[ -e "$out/base/model.safetensors" ] && exit 0
cargo build -p sums -p retrial-trainer
target/debug/sums --out "$out"
target/debug/retrial-trainer sft --model "$out/fresh" --data "$out/cold-start.jsonl" \
    --out "$out/base" --epochs 2 --batch 128 --learning-rate 3e-3 --seed 0
