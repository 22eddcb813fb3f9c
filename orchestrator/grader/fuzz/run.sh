#!/usr/bin/env bash
# Fuzzes each target of the grader for SECONDS, or those that are named, with the stable compiler.
# Stops at the first input that fails, which lies in target/fuzz-grader/failed then.
# Usage: orchestrator/grader/fuzz/run.sh SECONDS [TARGET...]
set -euo pipefail
cd "$(dirname "$0")"
seconds=$1
shift
[ $# -gt 0 ] || set -- equivalence parsing extraction
out=$(cd ../../.. && pwd)/target/fuzz-grader
host=$(rustc -vV | sed -n 's/^host: //p')
# What guides libFuzzer, in every crate but build scripts; overflows and failed assertions are found.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table" \
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true \
    cargo build --release --bins --target "$host" --target-dir "$out/build"
mkdir -p "$out/failed"
for target in "$@"; do
    mkdir -p "$out/$target"
    "$out/build/$host/release/$target" "$out/$target" "corpus/$target" -max_total_time="$seconds" \
        -timeout=10 -rss_limit_mb=4096 -max_len=4096 -dict=answers.dict \
        -artifact_prefix="$out/failed/$target-" -print_final_stats=1
done
