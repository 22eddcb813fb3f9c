#!/usr/bin/env bash
# Builds the images from binaries of this machine, for one where a build of an image has no network:
# docker/prebuilt.sh [--release]. The runtime stages of docker/Dockerfile, and what goes on top.
#
# BASE_IMAGE, ORCHESTRATOR_IMAGE and TRAINER_IMAGE are as in compose.yaml.
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

# image NAME TARGET INSTRUCTION...: an image of a runtime stage, and what the instructions add.
image() {
    local name=$1 target=$2
    shift 2
    docker build --file docker/Dockerfile --target "$target-runtime" --tag "$name-runtime" \
        --build-arg BASE_IMAGE="${BASE_IMAGE:-debian:bookworm-slim}" \
        --build-arg REVISION="$(git rev-parse HEAD 2> /dev/null || echo unknown)" .
    printf '%s\n' "FROM $name-runtime" "$@" > docker/prebuilt/Dockerfile
    docker build --tag "$name" docker/prebuilt
}
image "${ORCHESTRATOR_IMAGE:-retrial/orchestrator:0.1.0}" orchestrator \
    "COPY retrial /usr/local/bin/"
image "${TRAINER_IMAGE:-retrial/trainer:0.1.0}" trainer \
    "COPY lib /opt/libtorch/lib" "COPY retrial-trainer retrial-policy /usr/local/bin/"
