#!/usr/bin/env bash
# Brings the stack of compose.yaml up on a real Docker engine, kills each service in the middle of a
# step, and compares the weights it ends with to those of a run that nothing happened to.
#
# Needs root, and Debian's packages docker.io, docker-compose and debootstrap, which it installs. No
# image is fetched: the base is made here, and the binaries are copied in. What is missing on this
# machine skips the test, what goes wrong with the stack fails it. Every wait has an end.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf 'compose: %s\n' "$*" >&2; }
skip() { say "skipped: $*"; exit 0; }
fail() { say "failed: $*"; exit 1; }
within() { timeout --kill-after=10 "$@"; }

[ "$(id -u)" = 0 ] || skip "only root can start a Docker engine"
if ! [ -x /usr/bin/docker-compose ] || ! [ -x /usr/sbin/dockerd ] || ! [ -x /usr/sbin/debootstrap ]; then
    say "installing docker.io, docker-compose and debootstrap"
    export DEBIAN_FRONTEND=noninteractive
    { within 120 apt-get update && within 300 apt-get install --yes --no-install-recommends \
        docker.io docker-compose debootstrap; } > /dev/null 2>&1 \
        || skip "the packages are not to be had"
fi

folder=$(mktemp -d)
project=retrial-test
docker() { within 120 /usr/bin/docker "$@"; }
compose() { within 180 /usr/bin/docker-compose --project-name $project "$@"; }
engine=
finish() {
    status=$?
    if [ $status != 0 ]; then
        compose ps 2> /dev/null || true
        compose logs --no-color --tail 20 2> /dev/null || true
        tail -n 5 "$folder"/*.log 2> /dev/null || true
    fi
    compose down --volumes --timeout 5 > /dev/null 2>&1 || true
    docker network rm $project-inside $project-smoke > /dev/null 2>&1 || true
    [ -z "$engine" ] || kill "$engine" 2> /dev/null || true
    rm -rf "$folder"
    exit $status
}
trap finish EXIT

# Tries a command every second until it succeeds: until_so SECONDS WHAT COMMAND...
until_so() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" > /dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { say "waited in vain for $what"; return 1; }
        sleep 1
    done
}

if ! docker info > /dev/null 2>&1; then
    /usr/sbin/dockerd > "$folder/dockerd.log" 2>&1 &
    engine=$!
    until_so 60 "the Docker engine" docker info \
        || { tail -n 3 "$folder/dockerd.log" >&2; skip "no Docker engine starts here"; }
fi

export BASE_IMAGE=retrial-test-base:bookworm
export ORCHESTRATOR_IMAGE=$project/orchestrator TRAINER_IMAGE=$project/trainer
export COMPOSE_PROFILES=demo STEPS=8 DASHBOARD_TOKEN=0123456789abcdef
DASHBOARD_PORT=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export DASHBOARD_PORT
if ! docker image inspect $BASE_IMAGE > /dev/null 2>&1; then
    say "making the base image, a Debian 12"
    within 400 debootstrap --variant=minbase bookworm "$folder/root" > "$folder/debootstrap.log" 2>&1 \
        || { tail -n 3 "$folder/debootstrap.log" >&2; skip "a Debian is not to be had"; }
    tar -C "$folder/root" -c . | docker import - $BASE_IMAGE > /dev/null \
        || skip "the engine takes no image"
fi
# What the stack asks of an engine, without the stack.
smoke() {
    docker network create --internal $project-inside && docker network create $project-smoke \
        && docker run --rm --network $project-inside $BASE_IMAGE true \
        && docker run --rm --network $project-smoke --publish 127.0.0.1:"$DASHBOARD_PORT":8080 \
            --user 10001 --read-only --tmpfs /tmp --cap-drop ALL \
            --security-opt no-new-privileges:true $BASE_IMAGE true
}
smoke > "$folder/smoke.log" 2>&1 \
    || { tail -n 3 "$folder/smoke.log" >&2; skip "the engine runs no such containers here"; }
docker network rm $project-inside $project-smoke > /dev/null

say "building the images"
within 1200 docker/prebuilt.sh > "$folder/build.log" 2>&1
for profile in demo vllm sglang; do
    compose --profile $profile config --quiet || fail "compose.yaml with the profile $profile"
    compose --file compose.yaml --file docker/lora.yaml --profile $profile config --quiet \
        || fail "docker/lora.yaml with the profile $profile"
done
size() { docker image inspect --format '{{.Size}}' "$1"; }
base=$(size $BASE_IMAGE)
added=$((($(size $ORCHESTRATOR_IMAGE) - base) / 1000000))
say "the orchestrator's image adds $added MB to its base, the trainer's" \
    "$((($(size $TRAINER_IMAGE) - base) / 1000000)) MB"
# The programs of this test are not optimised, which makes them larger than those of docker/Dockerfile.
[ $added -le 75 ] || fail "the orchestrator's image may add 75 MB"

say "a run that nothing happens to"
within 600 target/debug/retrial run examples/dialects/lte.toml --set run.name=demo \
    --set run.steps=$STEPS --set run.folder="$folder/weights" \
    --set run.database="$folder/retrial.db" --set dashboard.enabled=false > "$folder/run.log" 2>&1
last=$(printf 'demo/v%06d/model.safetensors' $STEPS)
expected=$(sha256sum < "$folder/weights/$last")

say "docker-compose up"
compose up --detach --no-build 2> "$folder/up.log"
step_is_done() { compose logs --no-color orchestrator | grep -q "step *$1/"; }
step=0
for service in policy trainer orchestrator; do
    step=$((step + 1))
    until_so 180 "step $step" step_is_done $step
    say "killing $service after step $step"
    docker kill "${project}_${service}_1" > /dev/null
    compose up --detach --no-build 2>> "$folder/up.log"
done

# What is at an address of the dashboard, as a browser on this machine sees it.
seen() {
    within 30 python3 -c 'import sys, urllib.request as u
request = u.Request(sys.argv[1], method=sys.argv[2])
print(u.urlopen(request, timeout=20).read().decode())' "http://127.0.0.1:$DASHBOARD_PORT$1" "${2:-GET}"
}
until_so 120 "the dashboard" seen /healthz
for path in / /runs/demo /mistakes?run=demo /metrics /openapi.json; do
    seen $path > "$folder/page" || fail "the dashboard does not answer $path"
done
seen /api/control/stop POST 2> "$folder/page" && fail "control takes no token"
grep -q "HTTP Error 401" "$folder/page" || fail "control is refused for another reason"
for service in policy trainer orchestrator; do
    inside() { docker exec "${project}_${service}_1" "$@"; }
    [ "$(inside id -u)" = 10001 ] || fail "$service is not an ordinary user"
    ! inside touch /here 2> /dev/null || fail "$service can write to its image"
done
# Who has no token is not served, on the network of the services either.
for service in policy:8000:/v1/models trainer:8100:/state; do
    IFS=: read -r host port route <<< "$service"
    docker exec "${project}_orchestrator_1" bash -c "exec 3<> /dev/tcp/$host/$port
        printf 'GET $route HTTP/1.0\r\n\r\n' >&3; read -r _ status _ <&3; [ \$status = 401 ]" \
        || fail "$host serves who shows no token"
done
[ -z "$(docker port ${project}_policy_1)$(docker port ${project}_trainer_1)" ] \
    || fail "a server can be reached from outside"

until_so 180 "step 4" step_is_done 4
say "a stop, and up again"
compose stop 2>> "$folder/up.log"
compose up --detach --no-build 2>> "$folder/up.log"
has_ended() { seen /api/runs/demo | grep -q '"word":"finished"'; }
until_so 300 "the end of the run" has_ended
found=$(compose run --rm --no-deps --entrypoint sha256sum -T trainer \
    "/var/lib/retrial/weights/$last" 2> /dev/null | cut -d ' ' -f 1)
[ "$found  -" = "$expected" ] || fail "the weights differ: $found, $expected"
seen /runs/demo > "$folder/page" || fail "the page is gone with the run"

say "the log"
docker exec "${project}_orchestrator_1" retrial mistakes --db /var/lib/retrial/log/retrial.db \
    --run demo --limit 1 | grep -q demo || fail "retrial mistakes shows none"
before=$SECONDS
compose stop 2>> "$folder/up.log"
[ $((SECONDS - before)) -lt 60 ] || fail "a finished run does not stop in time"
ended=$(docker inspect --format '{{.State.ExitCode}}' ${project}_orchestrator_1)
[ "$ended" = 0 ] || fail "a finished run ends with $ended"
# As docs/compose.md has it.
docker cp "$(compose ps --all --quiet orchestrator)":/var/lib/retrial/log "$folder/log"
rows() {
    python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])' "$folder/log/retrial.db" "$1"
}
[ "$(rows 'SELECT count(*) FROM mistakes')" -gt 0 ] || fail "the log on the host has no mistakes"
[ "$(rows 'SELECT count(*) FROM steps WHERE committed_at IS NOT NULL')" = $STEPS ] \
    || fail "the log on the host lacks steps"

for service in policy trainer orchestrator; do
    docker logs "${project}_${service}_1" > "$folder/lines" 2>&1
    python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
spans = [line["span"] for line in lines if "span" in line]
assert sys.argv[2] == "policy" or any(
    (span.get("run"), span.get("step")) == ("demo", 2) and span.get("phase") for span in spans
), "no line belongs to step 2 of the run"' "$folder/lines" $service || fail "the log lines of $service"
done

# The containers are made anew over the volumes, as an upgrade does.
say "up after the end"
compose up --detach --no-build --force-recreate 2>> "$folder/up.log"
until_so 120 "the dashboard of the finished run" has_ended
compose logs --no-color orchestrator > "$folder/lines"
! grep -q "step *[0-9]*/$STEPS" "$folder/lines" || fail "a finished run is run again"
say "ok: the run ends with the weights of an undisturbed one"
