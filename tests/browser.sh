#!/usr/bin/env bash
# Runs tests in a real browser: tests/browser.sh [TEST...]. Installs Debian's Chromium if there is
# none.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v chromium >/dev/null; then
    as_root=$([ "$(id -u)" = 0 ] || echo sudo)
    $as_root apt-get update -qq
    $as_root apt-get install -y -qq --no-install-recommends chromium
fi
cargo test -p retrial-tests --test browser -- --ignored --test-threads 1 --nocapture "$@"
