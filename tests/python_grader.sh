#!/usr/bin/env bash
# Builds the Python wheel of the grader, installs it beside Math-Verify in an environment of its own,
# compares its verdicts with those of `retrial grade` on all cases, and prints both graders' agreement.
# Usage: tests/python_grader.sh [--fast]      (--fast: an unoptimised wheel, and no Math-Verify)
# Exit status 75: PyPI is not to be had on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=target/python-grader
python=$environment/bin/python
skip() {
    echo "$1 cannot be installed" >&2
    exit 75
}
[ -x "$python" ] || python3 -m venv "$environment" || skip "a Python environment"
# What builds the wheel is installed first: a failure after it is one of the wheel.
"$python" -m pip install --quiet 'maturin>=1.7,<2' || skip maturin
profile=release
if [ "${1:-}" = --fast ]; then
    profile=dev
else
    "$python" -m pip install --quiet 'math-verify==0.9.0' || skip Math-Verify
fi
# The build cache stays between runs; pip's own copy of the sources would lose it.
PATH=$PWD/$environment/bin:$PATH CARGO_TARGET_DIR=$PWD/target/python-grader-build "$python" -m pip install \
    --quiet --force-reinstall --no-deps --no-build-isolation \
    --config-settings=build-args="--profile $profile" ./orchestrator/grader/python
[ -n "${RETRIAL:-}" ] || cargo build --quiet --workspace --bin retrial
"$python" tests/python_grader.py "${RETRIAL:-target/debug/retrial}" "$@"
