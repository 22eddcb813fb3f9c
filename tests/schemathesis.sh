#!/usr/bin/env bash
# Asks the dashboard everything that /openapi.json allows and much that it does not, over the log of
# a short run, and fails if it ever answers 5xx. Installs schemathesis from PyPI into an ignored folder.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=.servers/schemathesis
if [ ! -x $tools/bin/schemathesis ]; then
    python3 -m venv $tools
    $tools/bin/pip install --quiet --disable-pip-version-check schemathesis==4.*
fi
cargo build
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
target/debug/retrial run examples/dialects/lte.toml --set run.steps=3 --set run.database="$work/log.db" \
    --set run.folder="$work/runs" --set dashboard.enabled=false
target/debug/retrial dashboard --db "$work/log.db" --listen 127.0.0.1:0 2>"$work/said" &
until url=$(grep -o 'http://[^ ]*/' "$work/said"); do
    kill -0 $! || { cat "$work/said"; exit 1; }
done
$tools/bin/schemathesis run "${url}openapi.json" --checks not_a_server_error \
    --max-examples "${EXAMPLES:-100}" --request-timeout 20
