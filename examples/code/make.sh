#!/bin/sh
# Makes a model to try the example on, in target/code/base: the demo's, with room for longer prompts.
# It runs everywhere, and writes no code.
set -eu
cd "$(dirname "$0")/../.."
out=target/code/base
mkdir -p "$out"
cp examples/dialects/base/* "$out/"
sed -i 's/"max_position_embeddings": 128/"max_position_embeddings": 1024/' "$out/config.json"
sed -i 's/"model_max_length": 128/"model_max_length": 1024/' "$out/tokenizer_config.json"
