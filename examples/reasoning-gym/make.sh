#!/bin/sh
# Makes problems of reasoning-gym and a model to try them on, into target/reasoning-gym. About a minute,
# most of it for `pip install`.
# Usage: examples/reasoning-gym/make.sh [TASK ...]      (default: three simple ones)
set -eu
cd "$(dirname "$0")/../.."
out=target/reasoning-gym
mkdir -p "$out/base"
[ -x "$out/venv/bin/python" ] || python3 -m venv "$out/venv"
"$out/venv/bin/python" -c 'import reasoning_gym' 2>/dev/null ||
    "$out/venv/bin/pip" install --quiet reasoning-gym
[ $# -gt 0 ] || set -- chain_sum leg_counting spell_backward
"$out/venv/bin/python" examples/reasoning-gym/problems.py "$out/train.jsonl" 500 1 "$@"
"$out/venv/bin/python" examples/reasoning-gym/problems.py "$out/heldout.jsonl" 20 2 "$@"
# The demo's model with room for longer prompts: it runs everywhere, and solves nothing of this.
cp examples/dialects/base/* "$out/base/"
sed -i 's/"max_position_embeddings": 128/"max_position_embeddings": 1024/' "$out/base/config.json"
sed -i 's/"model_max_length": 128/"model_max_length": 1024/' "$out/base/tokenizer_config.json"
