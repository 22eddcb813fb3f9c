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
[ $# -gt 0 ] || set -- a_finished_run a_run_that_goes_on screenshots
cargo test --workspace --test end_to_end -- --ignored --exact --test-threads 1 --nocapture \
    "${@/#/browser::}"
