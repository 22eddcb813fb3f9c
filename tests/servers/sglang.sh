#!/usr/bin/env bash
# Runs the tests against a real SGLang on this machine's CPU.
#
# Installs SGLang 0.5.23 from PyPI into .servers/sglang, once (2 to 3 minutes, 3.5 GB), and serves
# the demo's model. Needs python3.11 or later with venv, gcc and binutils.
source "$(dirname "$0")/lib.sh"
environment=$root/.servers/sglang
port=18200

if [ ! -d "$environment" ]; then
    echo "installing SGLang 0.5.23 into $environment"
    new_environment "$environment.new"
    install_without "$environment.new" --prerelease=allow sglang==0.5.23 <<'PACKAGES'
flash-attn-4
flashinfer_python
humming-kernels
nvidia-cutlass-dsl
nvidia-mathdx
nvshmem4py-cu13
quack-kernels
sgl-deep-ep
sgl-deep-gemm
sgl-flash-mla
sglang-kernel
tilelang
torchcodec
torchaudio
cuda-python
cuda-toolkit
cuda-bindings
nvidia-cudnn-cu13
nvidia-cusparselt-cu13
nvidia-nccl-cu13
nvidia-nvshmem-cu13
PACKAGES
    packages=$(packages_of "$environment.new")
    "$environment.new/bin/python" tests/servers/stand_ins.py "$packages/torch/lib"
    # Its kernels come for CUDA only. Without them it computes by torch, but imports their names.
    mkdir -p "$packages/sgl_kernel"
    cp tests/servers/sgl_kernel.py "$packages/sgl_kernel/__init__.py"
    wheel=$(mktemp -d)
    "$environment.new/bin/pip" download --quiet --no-deps --dest "$wheel" sglang-kernel==0.4.10
    python3 - "$wheel" "$packages/sgl_kernel" <<'EXTRACT'
import pathlib, sys, zipfile

[wheel] = pathlib.Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    [name] = [name for name in archive.namelist() if name.endswith("/scalar_type.py")]
    pathlib.Path(sys.argv[2], "scalar_type.py").write_bytes(archive.read(name))
EXTRACT
    rm -rf "$wheel"
    mv "$environment.new" "$environment"
fi

model=$(mktemp -d)
cp -r examples/dialects/base "$model/base"
env -u PYTHONDONTWRITEBYTECODE \
    SGLANG_USE_CPU_ENGINE=1 HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 OMP_NUM_THREADS=1 \
    CUDA_VISIBLE_DEVICES= \
    "$environment/bin/python" -m sglang.launch_server --model-path "$model/base" \
    --served-model-name policy --api-key "$RETRIAL_SERVER_KEY" --host 127.0.0.1 --port $port --device cpu \
    --attention-backend torch_native --sampling-backend pytorch --dtype float32 \
    --context-length 128 --max-total-tokens 32768 --mem-fraction-static 0.3 \
    --disable-cuda-graph --disable-overlap-schedule --skip-server-warmup \
    > .servers/sglang.log 2>&1 &
server=$!
trap 'kill $server 2> /dev/null || true; rm -rf "$model"' EXIT
test_against "http://127.0.0.1:$port" $server .servers/sglang.log on_sglang RETRIAL_SGLANG_URL
