#!/usr/bin/env bash
# Makes a package of programs that are built: docker/package.sh PROGRAMS LIBTORCH, two folders.
#
# The package is target/dist/retrial-VERSION-linux-x86_64.tar.gz. It holds the three programs, the
# libraries of libtorch that they load, the examples and the documentation. It runs from any folder, on any
# Linux whose C and C++ libraries are not older than those of the machine that built it. Nothing else has
# to be installed.
set -euo pipefail
programs=$(realpath "$1") libtorch=$(realpath "$2")
cd "$(dirname "$0")/.."

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=retrial-$version-linux-$(uname -m)
folder=target/dist/$name
rm -rf "$folder" "$folder.tar.gz"
mkdir -p "$folder/bin" "$folder/lib"
for program in retrial retrial-trainer retrial-policy; do
    strip -o "$folder/bin/$program" "$programs/$program"
done
cp "$libtorch"/lib/*.so* "$folder/lib/"
cp -r README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT SECURITY.md docs migrations "$folder/"
cp -r examples "$folder/"
find "$folder/examples" -name '*.rs' -delete -o -name Cargo.toml -delete
find "$folder" -type d -empty -delete
cat > "$folder/lib/README" <<'TEXT'
These libraries are not part of Retrial.

libtorch*.so, libc10.so    PyTorch 2.11.0, BSD-3-Clause (https://github.com/pytorch/pytorch)
libgomp.so.1               GCC, GPL-3.0 with the GCC Runtime Library Exception
libcudart, libcupti        NVIDIA CUDA Toolkit, redistributed under its licence

The programs of bin/ look here first. To use another libtorch of the same version, set LD_LIBRARY_PATH.
TEXT
# The same files make the same tarball, whoever builds it.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 00:00Z' \
    -C target/dist -c "$name" | gzip -n -"${GZIP_LEVEL:-6}" > "$folder.tar.gz"
echo "package: $folder.tar.gz ($(du -h "$folder.tar.gz" | cut -f1))" >&2
