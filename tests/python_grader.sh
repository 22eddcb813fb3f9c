#!/usr/bin/env bash
# Builds the Python wheel of the grader, installs it beside Math-Verify in an environment of its own,
# and compares its verdicts with those of `retrial grade` on all cases.
# Usage: tests/python_grader.sh [--fast]      (--fast leaves Math-Verify out)
set -euo pipefail
cd "$(dirname "$0")/.."
environment=target/python-grader
[ -d "$environment" ] || python3 -m venv "$environment"
python=$environment/bin/python
"$python" -m pip install --quiet --upgrade pip
# The build cache stays between runs; pip's own copy of the sources would lose it.
CARGO_TARGET_DIR=$PWD/target/python-grader-build "$python" -m pip install --quiet --force-reinstall \
    --no-deps ./orchestrator/grader/python
[ "${1:-}" = --fast ] || "$python" -m pip install --quiet 'math-verify[antlr4_13_2]==0.9.0'
[ -n "${RETRIAL:-}" ] || cargo build --quiet -p retrial --bin retrial
"$python" tests/python_grader.py "${RETRIAL:-target/debug/retrial}"
