#!/usr/bin/env bash
# Puts the binaries of this machine and libtorch's libraries into docker/prebuilt, for the targets
# of docker/Dockerfile that build nothing: docker/prebuilt.sh [--release]
set -euo pipefail
cd "$(dirname "$0")/.."
profile=debug
[ "${1:-}" = --release ] && profile=release
make libtorch
cargo build ${1:+"$1"} --workspace --bins
rm -rf docker/prebuilt
mkdir -p docker/prebuilt/lib
for name in retrial retrial-trainer retrial-policy; do
    strip -o "docker/prebuilt/$name" "target/$profile/$name"
done
cp "${LIBTORCH:-.libtorch}"/lib/*.so* docker/prebuilt/lib/
