#!/usr/bin/env bash
# Runs examples/reasoning-gym with the real package from PyPI: right answers pass its verifier, and a run
# has its verdicts in the log.
# Exit status 75: the package is not to be had on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
examples/reasoning-gym/make.sh chain_sum leg_counting spell_backward || {
    echo "reasoning-gym cannot be installed" >&2
    exit 75
}
cargo build --quiet --workspace --bin retrial --bin retrial-trainer --bin retrial-policy
made=target/reasoning-gym
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$made/venv/bin/python" - "$made/heldout.jsonl" > "$work/right.jsonl" << 'END'
import json, sys
for line in open(sys.argv[1]):
    p = json.loads(line)
    response = "It is \\boxed{%s}." % p["answer"]
    print(json.dumps({"id": p["id"], "gold": p["answer"], "tags": p["tags"], "response": response}))
END
target/debug/retrial grade --reward examples/reasoning-gym/lte.toml "$work/right.jsonl" > "$work/verdicts"
right=$(grep -c '"verdict":"correct","reward":1.0' "$work/verdicts" || true)
[ "$right" -eq 60 ] || { echo "$right of 60 right answers pass" >&2; exit 1; }
root=$PWD
(cd "$work" && "$root/target/debug/retrial" run "$root/examples/reasoning-gym/lte.toml" \
    --set dashboard.enabled=false)
"$made/venv/bin/python" - "$work/retrial.db" << 'END'
import sqlite3, sys
log = sqlite3.connect(sys.argv[1])
kinds = log.execute("SELECT verdict, count(*) FROM rollouts GROUP BY verdict").fetchall()
scored = log.execute("SELECT count(*) FROM rollouts WHERE reason LIKE '% scores %'").fetchone()[0]
rollouts = sum(count for _, count in kinds)
print("verdicts:", dict(kinds))
assert rollouts > 0 and scored == rollouts, (scored, rollouts)
END
