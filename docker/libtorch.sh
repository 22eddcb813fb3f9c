#!/usr/bin/env bash
# Puts libtorch 2.11.0 into a folder of an image: docker/libtorch.sh cpu|cuda FOLDER
set -euo pipefail
device=$1 folder=$2
case "$device" in
cpu)
    # The CPU part of the wheel, as on a developer's machine.
    "$(dirname "$0")/fetch-libtorch.sh"
    mv .libtorch "$folder"
    ;;
cuda)
    # The whole wheel with NVIDIA's libraries beside it, in one folder of libraries.
    packages=$(mktemp -d)
    python3 -m pip install --quiet --break-system-packages --target "$packages" torch==2.11.0
    mkdir -p "$folder/lib"
    mv "$packages/torch/include" "$folder/"
    find "$packages/torch/lib" "$packages/nvidia" -name '*.so*' -exec mv -t "$folder/lib" {} +
    rm -rf "$packages"
    echo 2.11.0 > "$folder/build-version"
    ;;
*)
    echo "the device is $device, it must be cpu or cuda" >&2
    exit 1
    ;;
esac
