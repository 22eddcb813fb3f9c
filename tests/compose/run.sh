#!/usr/bin/env bash
# Brings the stack of compose.yaml up on a real Docker engine, kills each service in the middle of a
# step, and compares the weights it ends with to those of a run that nothing happened to.
#
# Needs root, and Debian's packages docker.io, docker-compose and debootstrap, which it installs. No
# image is fetched: the base is made here, and the binaries are copied in.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf 'compose: %s\n' "$*" >&2; }
skip() { say "skipped: $*"; exit 0; }

[ "$(id -u)" = 0 ] || skip "only root can start a Docker engine"
if ! [ -x /usr/bin/docker-compose ] || ! [ -x /usr/sbin/dockerd ] || ! [ -x /usr/sbin/debootstrap ]; then
    say "installing docker.io, docker-compose and debootstrap"
    { apt-get update && apt-get install --yes --no-install-recommends \
        docker.io docker-compose debootstrap; } > /dev/null 2>&1 \
        || skip "the packages are not to be had"
fi

folder=$(mktemp -d)
docker() { /usr/bin/docker "$@"; }
compose() { /usr/bin/docker-compose --project-name retrial-test "$@"; }
engine=
finish() {
    status=$?
    if [ $status != 0 ]; then
        compose logs --tail 20 2> /dev/null || true
        tail -n 5 "$folder"/*.log 2> /dev/null || true
    fi
    compose down --volumes --timeout 5 > /dev/null 2>&1 || true
    [ -z "$engine" ] || kill "$engine" 2> /dev/null || true
    rm -rf "$folder"
    exit $status
}
trap finish EXIT

# Tries a command every second until it succeeds: until_so SECONDS WHAT COMMAND...
until_so() {
    local left=$1 what=$2
    shift 2
    until "$@" > /dev/null 2>&1; do
        left=$((left - 1))
        [ $left -gt 0 ] || { say "waited in vain for $what"; return 1; }
        sleep 1
    done
}

if ! docker info > /dev/null 2>&1; then
    /usr/sbin/dockerd > "$folder/dockerd.log" 2>&1 &
    engine=$!
    until_so 30 "the Docker engine" docker info || skip "no Docker engine starts here"
fi

export BASE_IMAGE=retrial-test-base:bookworm
export ORCHESTRATOR_IMAGE=retrial-test/orchestrator TRAINER_IMAGE=retrial-test/trainer
export ORCHESTRATOR_TARGET=orchestrator-prebuilt TRAINER_TARGET=trainer-prebuilt
export STEPS=8
if ! docker image inspect $BASE_IMAGE > /dev/null 2>&1; then
    say "making the base image, a Debian 12"
    debootstrap --variant=minbase bookworm "$folder/root" > "$folder/debootstrap.log"
    tar -C "$folder/root" -c . | docker import - $BASE_IMAGE > /dev/null
fi

docker run --rm $BASE_IMAGE true 2> "$folder/smoke.log" || skip "no container starts here"

say "building the images"
docker/prebuilt.sh > "$folder/prebuilt.log" 2>&1
for profile in demo vllm sglang; do
    compose --profile $profile config --quiet
done
compose build > "$folder/build.log" 2>&1
size() { docker image inspect --format '{{.Size}}' "$1"; }
added=$(($(size $ORCHESTRATOR_IMAGE) - $(size $BASE_IMAGE)))
say "the orchestrator's image adds $((added / 1000000)) MB to its base"
[ $added -le 60000000 ]

say "a run that nothing happens to"
target/debug/retrial run examples/dialects/lte.toml --set run.name=demo --set run.steps=$STEPS \
    --set run.folder="$folder/weights" --set run.database="$folder/retrial.db" \
    > "$folder/run.log" 2>&1
last=$(printf 'demo/v%06d/model.safetensors' $STEPS)
expected=$(sha256sum < "$folder/weights/$last")

say "docker-compose up"
compose up --detach --no-build 2> "$folder/up.log"
step_is_done() { compose logs --no-color orchestrator | grep -q "step *$1/"; }
step=0
for service in policy trainer orchestrator; do
    step=$((step + 1))
    until_so 120 "step $step" step_is_done $step
    say "killing $service after step $step"
    docker kill "retrial-test_${service}_1" > /dev/null
    compose up --detach --no-build 2>> "$folder/up.log"
done

until_so 120 "step 4" step_is_done 4
say "a stop, and up again"
compose stop 2>> "$folder/up.log"
compose up --detach --no-build 2>> "$folder/up.log"
has_ended() {
    [ "$(docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' retrial-test_orchestrator_1)" = "exited 0" ]
}
until_so 180 "the end of the run" has_ended
found=$(compose run --rm --no-deps --entrypoint sha256sum -T trainer \
    "/var/lib/retrial/weights/$last" 2> /dev/null | cut -d ' ' -f 1)
[ "$found  -" = "$expected" ] || { say "the weights differ: $found, $expected"; exit 1; }
compose run --rm --no-deps -T orchestrator mistakes --db /var/lib/retrial/log/retrial.db \
    --run demo --limit 1 2> /dev/null | grep -q demo
say "ok: the run ends with the weights of an undisturbed one"
