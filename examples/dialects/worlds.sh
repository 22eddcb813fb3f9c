#!/bin/sh
# Makes the cold-started models of the map (map.toml), which differ from base/ in one thing each.
# Two to five minutes a model on one core; one that is there already is left alone.
# Usage: examples/dialects/worlds.sh [FOLDER]      (default: target/dialects-worlds)
set -eu
cd "$(dirname "$0")/../.."
out=${1:-target/dialects-worlds}
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build -p dialects -p retrial-trainer

# The demo's problems with a solution to each: for method `gold`.
target/debug/dialects problems --solutions --out "$out/solved"

# world NAME WIDTH OPTION...
world() {
    name=$1 width=$2
    shift 2
    [ -e "$out/$name/model.safetensors" ] && return
    rm -rf "$work/fresh"
    target/debug/dialects model --out "$work/fresh" --width "$width"
    target/debug/dialects cold-start --out "$work/examples.jsonl" "$@"
    target/debug/retrial-trainer sft --model "$work/fresh" --data "$work/examples.jsonl" \
        --out "$out/$name" --epochs 2 --batch 128 --learning-rate 3e-3 --seed 0
}

# How likely the right reading is before training: a third of these.
for unusual in 0.003 0.03 0.1 0.3 0.6; do world "unusual-$unusual" 96 --unusual "$unusual"; done
# How many readings come into question.
for readings in 2 3; do world "readings-$readings" 96 --readings "$readings"; done
# How widely wrong answers are spread.
for slips in 0.1 0.3 0.6; do world "slips-$slips" 96 --slips "$slips"; done
# How large the model is.
for width in 32 192; do world "width-$width" "$width"; done
