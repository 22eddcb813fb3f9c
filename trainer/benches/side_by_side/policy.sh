#!/usr/bin/env bash
# Sampled tokens a second of the embedded server beside vLLM's on the CPU: the same model in f32, the
# same prompts and lengths, the same number of threads, at 1, 16 and 64 requests at once.
#
#   tests/servers/vllm.sh install       (once)
#   trainer/benches/side_by_side/policy.sh MODEL [THREADS]
#
# VLLM names another folder with vLLM, POLICY another build of the server; SIDES="ours" measures
# one of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
model=$1
threads=${2:-$(nproc)}
environment=${VLLM:-$root/.servers/vllm}
policy=${POLICY:-$root/target/debug/retrial-policy}
work=$(mktemp -d)
server=
trap 'kill $server 2> /dev/null || true; [ -n "${KEEP-}" ] || rm -rf "$work"' EXIT
vocabulary=$(sed -n 's/.*"vocab_size": *\([0-9]*\).*/\1/p' "$model/config.json")

# measure NAME PORT: waits until the server answers, measures it and ends it.
measure() {
    until curl -sf "http://127.0.0.1:$2/v1/models" > /dev/null; do
        kill -0 $server 2> /dev/null || { tail -5 "$work/log"; exit 1; }
        sleep 0.5
    done
    echo "$1 $(python3 "$here/ask.py" "http://127.0.0.1:$2" policy "$vocabulary" ${ROUNDS:-2})"
    kill $server
    wait $server || true
}

for side in ${SIDES:-ours vllm}; do
    case $side in
        ours)
            "$policy" --model "$model" --served-model-name policy --port 18101 \
                --max-num-seqs 64 --threads "$threads" > "$work/log" 2>&1 &
            server=$!
            measure "embedded" 18101
            ;;
        vllm)
            env -u PYTHONDONTWRITEBYTECODE TORCHDYNAMO_DISABLE=1 VLLM_CPU_KVCACHE_SPACE=4 \
                HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 \
                VLLM_HOST_IP=127.0.0.1 VLLM_CACHE_ROOT="$work/cache" \
                VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS="$threads" \
                "$environment/bin/python" -m vllm.entrypoints.cli.main serve "$model" \
                --served-model-name policy --host 127.0.0.1 --port 18102 --dtype float32 \
                --enforce-eager --max-model-len 1024 --max-num-seqs 64 --generation-config vllm \
                --no-enable-prefix-caching > "$work/log" 2>&1 &
            server=$!
            measure "vLLM" 18102
            ;;
    esac
done
