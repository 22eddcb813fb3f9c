#!/usr/bin/env bash
# Puts libtorch 2.11.0 (CPU) into .libtorch, once, for tch 0.24.
#
# It comes out of the PyPI wheel torch==2.11.0, of which the CPU build needs the headers and five
# libraries, about 0.5 GB; the two small CUDA libraries that libtorch_cpu.so links to come from
# NVIDIA's wheels. Every download is checked against the SHA-256 below. No Python package is
# installed. Set LIBTORCH to a libtorch 2.11 of your own (CUDA, another platform) to skip all this.
set -euo pipefail
cd "$(dirname "$0")/.."

# STEP is what a caller counts its steps by.
say() { printf '%slibtorch: %s\n' "${STEP-}" "$*" >&2; }

if [ -n "${LIBTORCH:-}" ]; then
    [ -e "$LIBTORCH/include/torch" ] || { say "LIBTORCH=$LIBTORCH has no include/torch"; exit 1; }
    say "using LIBTORCH=$LIBTORCH"
    exit 0
fi
target=.libtorch
[ "$(cat $target/build-version 2>/dev/null)" = "2.11.0" ] && { [ -z "${STEP-}" ] || say "is there"; exit 0; }

if [ "$(uname -s)-$(uname -m)" != "Linux-x86_64" ]; then
    say "only Linux x86_64 is fetched automatically, this is $(uname -s) $(uname -m)"
    say "hint: install torch 2.11.0 and set LIBTORCH to its folder (the one with include/ and lib/)"
    exit 1
fi
command -v python3 >/dev/null || { say "python3 with pip is needed to download"; exit 1; }

work=$(mktemp -d -p . .libtorch-download.XXXXXX)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
cat >"$work/requirements.txt" <<'HASHES'
torch==2.11.0 --hash=sha256:7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a
nvidia-cuda-cupti==13.0.85 --hash=sha256:4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
HASHES
say "downloading torch 2.11.0 from PyPI, 545 MB, once: a minute at 10 MB a second"
while sleep 10; do say "$(du -sm "$work" | cut -f1) of 545 MB"; done &
progress=$!
# The platform is fixed, so that the wheel and its hash do not depend on the Python at hand.
TMPDIR=$PWD/$work python3 -m pip download --quiet --no-deps --no-cache-dir --disable-pip-version-check \
    --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi none --abi abi3 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 \
    --require-hashes -r "$work/requirements.txt" -d "$work"

kill $progress
say "unpacking the CPU part"
python3 - "$work" <<'PY'
import glob, os, sys, zipfile
work = sys.argv[1]
out = os.path.join(work, "libtorch")
libs = {"libtorch_cpu.so", "libtorch.so", "libc10.so", "libgomp.so.1", "libcupti.so.13", "libcudart.so.13"}
for wheel in glob.glob(os.path.join(work, "*.whl")):
    with zipfile.ZipFile(wheel) as z:
        for name in z.namelist():
            base = os.path.basename(name)
            if name.startswith("torch/include/") and not name.endswith("/"):
                path = os.path.join(out, name[len("torch/"):])
            elif base in libs:
                path = os.path.join(out, "lib", base)
            else:
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with z.open(name) as src, open(path, "wb") as dst:
                while block := src.read(1 << 20):
                    dst.write(block)
missing = libs - set(os.listdir(os.path.join(out, "lib")))
if missing:
    sys.exit(f"libtorch: the wheels lack {sorted(missing)}")
open(os.path.join(out, "build-version"), "w").write("2.11.0")
PY
rm -rf $target
mv "$work/libtorch" $target
say "ready in $target ($(du -sh $target | cut -f1))"
