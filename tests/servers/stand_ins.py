"""Makes stand-ins for the CUDA libraries that PyPI's build of torch links to, so that it can be
imported on a machine without a GPU and without those libraries: python3 stand_ins.py TORCH_LIB

Each stand-in has the names that torch's libraries want of it, under the versions they want. Calling
one is an error code; the number of devices is 0.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

FOLDER = Path(sys.argv[1])
LIBRARY = re.compile(r"NEEDED.*\[(lib(?:cu|nv|nccl)[^\]]*)\]")
# Where a symbol has no version: the library by the beginning of its name.
BY_PREFIX = [
    ("cuFile", "libcufile.so"),
    ("cusparseLt", "libcusparseLt.so"),
    ("nccl", "libnccl.so"),
    ("cudnn", "libcudnn.so"),
    ("cublasLt", "libcublasLt.so"),
]
SYMBOL = re.compile(r"__cuda|cu|nccl|nvshmem|nvrtc")


def read(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def wanted():
    """Names of the missing libraries, and for each the symbols by version."""
    present = {file.name for file in FOLDER.glob("*.so*")}
    missing, library_of_version, undefined = set(), {}, {}
    for file in FOLDER.glob("*.so*"):
        missing |= set(LIBRARY.findall(read("readelf", "-dW", file)))
        library = None
        for line in read("readelf", "-VW", file).splitlines():
            if found := re.search(r"File: (\S+)", line):
                library = found[1]
            elif library and (found := re.search(r"Name: (\S+)", line)):
                library_of_version[found[1]] = library
        for line in read("readelf", "--dyn-syms", "-W", file).splitlines():
            columns = line.split()
            if len(columns) >= 8 and columns[6] == "UND" and SYMBOL.match(columns[7]):
                name, _, version = columns[7].replace("@@", "@").partition("@")
                undefined.setdefault(name, version)
    # libcuda belongs to the driver and is opened at run time.
    missing -= present | {"libcuda.so.1"}

    symbols = {library: defaultdict(list) for library in missing}
    for name, version in undefined.items():
        library = library_of_version.get(version)
        if not version:
            starts = [start for prefix, start in BY_PREFIX if name.startswith(prefix)]
            library = next((m for m in missing for s in starts if m.startswith(s)), None)
        if library in symbols:
            symbols[library][version].append(name)
    return symbols


def build(library, by_version):
    with tempfile.TemporaryDirectory() as folder:
        source, versions = Path(folder, "stand_in.c"), Path(folder, "versions.map")
        functions = []
        for name in (name for names in by_version.values() for name in names):
            if name == "cudaGetDeviceCount":
                functions.append("int cudaGetDeviceCount(int *n) { *n = 0; return 100; }\n")
            else:
                functions.append(f"long {name}(void) {{ return 999; }}\n")
        source.write_text("".join(functions))
        blocks = [
            f"{version} {{ global: {'; '.join(names)}; }};\n"
            for version, names in by_version.items()
            if version
        ]
        versions.write_text("".join(blocks))
        script = [f"-Wl,--version-script,{versions}"] if blocks else []
        flags = ["-shared", "-fPIC", "-O1", "-w", "-fno-builtin", f"-Wl,-soname,{library}"]
        command = ["gcc", *flags, *script, "-o", FOLDER / library, source]
        subprocess.run(command, check=True)


for library, by_version in sorted(wanted().items()):
    build(library, by_version)
    print("stand-in:", library)
