#!/usr/bin/env bash
# Fuzzes each target for SECONDS, or those that are named. Stops at the first input that fails, which
# lies in target/fuzz/failed then; what else was found, for another time, in target/fuzz/TARGET.
# Usage: tests/fuzz/run.sh SECONDS [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift
[ $# -gt 0 ] || set -- $(basename -s .tar tests/fuzz/corpus/*)
RUSTC_WORKSPACE_WRAPPER=$PWD/tests/fuzz/rustc.sh cargo build -p retrial-fuzz --bins --features libfuzzer
mkdir -p target/fuzz/failed
# Many targets read files, which cost nothing there.
[ ! -d /dev/shm ] || export TMPDIR=/dev/shm
for target in "$@"; do
    mkdir -p "target/fuzz/$target" "target/fuzz/corpus/$target"
    tar -xf "tests/fuzz/corpus/$target.tar" -C "target/fuzz/corpus/$target"
    target/debug/"$target" "target/fuzz/$target" "target/fuzz/corpus/$target" \
        -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 -max_len=65536 \
        -dict=tests/fuzz/words.dict -artifact_prefix="target/fuzz/failed/$target-" -print_final_stats=1
done
