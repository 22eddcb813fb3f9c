#!/usr/bin/env bash
# Makes the library for groups over NCCL, libretrial_c10d_nccl.so, and says where it lies.
#
# It is compiled against libtorch's headers (LIBTORCH, or .libtorch) and those of NCCL and CUDA, which
# come out of the wheels that torch 2.11.0 is made with, checked against the SHA-256 below (200 MB,
# once). Nothing of CUDA is needed to compile; to load it, libtorch_cuda.so of torch 2.11.0.
set -euo pipefail
cd "$(dirname "$0")/../../.."

say() { printf 'nccl: %s\n' "$*" >&2; }

libtorch=${LIBTORCH:-.libtorch}
[ -e "$libtorch/include/torch" ] || { say "$libtorch has no include/torch"; say "hint: make libtorch"; exit 1; }
out=target/nccl
headers=$out/headers
if [ ! -e $headers ]; then
    mkdir -p $out
    work=$(mktemp -d -p $out download.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    cat >"$work/requirements.txt" <<'HASHES'
nvidia-nccl-cu13==2.28.9 --hash=sha256:e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
nvidia-cuda-crt==13.0.88 --hash=sha256:2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4
nvidia-cuda-cccl==13.0.85 --hash=sha256:e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649
HASHES
    say "downloading the headers' wheels from PyPI (200 MB, once)"
    python3 -m pip download --quiet --no-deps --no-cache-dir --disable-pip-version-check \
        --only-binary=:all: --python-version 3.11 --implementation cp \
        --platform manylinux_2_18_x86_64 --platform manylinux_2_17_x86_64 \
        --platform manylinux2014_x86_64 --require-hashes -r "$work/requirements.txt" -d "$work"
    for wheel in "$work"/*.whl; do
        python3 -m zipfile -e "$wheel" "$work/wheels"
    done
    mkdir "$work/headers"
    cp -r "$work"/wheels/nvidia/*/include/. "$work/headers"
    mv "$work/headers" $headers
fi

# Stands for the library that only a libtorch for CUDA has, so that this one names it as needed.
mkdir -p $out/stand-in
echo | c++ -shared -x c++ - -Wl,-soname,libtorch_cuda.so -o $out/stand-in/libtorch_cuda.so
c++ -std=c++17 -O1 -fPIC -shared -w -DUSE_C10D_NCCL \
    -I trainer/native/shim -I trainer/native/nccl/include \
    -I "$libtorch/include" -I "$libtorch/include/torch/csrc/api/include" \
    -I $headers -I $headers/cccl \
    trainer/native/nccl/nccl.cpp -o $out/libretrial_c10d_nccl.so \
    -L $out/stand-in -Wl,--no-as-needed -ltorch_cuda
say "ready: $PWD/$out/libretrial_c10d_nccl.so"
say "hint: export RETRIAL_C10D_NCCL=$PWD/$out/libretrial_c10d_nccl.so"
