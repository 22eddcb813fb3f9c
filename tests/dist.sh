#!/usr/bin/env bash
# Unpacks the package of `make dist` in a minimal Debian, and runs the first steps of the demo there. That
# Debian has no Rust, no Python and no compiler. The weights must be those of the same run outside.
#
# The programs are those of the dev profile, so that nothing is built twice in continuous integration.
# DIST_PROFILE=release tests what is shipped. Needs root and debootstrap, which it installs. Exits with 75
# where a minimal Debian is not available.
set -euo pipefail
cd "$(dirname "$0")/.."
STEPS=${STEPS:-3}

say() { printf 'dist: %s\n' "$*" >&2; }
skip() { say "skipped: $*"; exit 75; }
fail() { say "failed: $*"; exit 1; }

[ "$(id -u)" = 0 ] || skip "only root can make a Debian root folder"
if ! [ -x /usr/sbin/debootstrap ]; then
    say "installing debootstrap"
    { timeout 120 apt-get update && timeout 300 apt-get install --yes --no-install-recommends \
        debootstrap; } > /dev/null 2>&1 || skip "debootstrap cannot be installed"
fi
unshare --mount --pid --fork true 2> /dev/null || skip "this machine gives no namespaces"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
say "making a minimal Debian"
timeout 400 /usr/sbin/debootstrap --variant=minbase bookworm "$folder/root" > "$folder/debootstrap.log" 2>&1 \
    || { tail -n 3 "$folder/debootstrap.log" >&2; skip "a minimal Debian cannot be downloaded"; }
# What the run must not need: removed if this Debian has it.
rm -f "$folder"/root/usr/bin/python3* "$folder"/root/usr/bin/perl*

say "making the package"
GZIP_LEVEL=1 make --no-print-directory dist DIST_PROFILE="${DIST_PROFILE:-dev}"
tar -C "$folder/root/opt" -xzf target/dist/retrial-*.tar.gz
package=$(basename "$folder"/root/opt/retrial-*)

# inside COMMAND: a shell command in the minimal Debian, in the folder of the package.
inside() {
    unshare --mount --pid --fork chroot "$folder/root" /bin/sh -ec "
        mount -t proc proc /proc
        cd /opt/$package
        $1"
}
for program in cargo rustc cc python3 perl pip; do
    ! inside "command -v $program" > /dev/null || fail "this Debian has $program"
done
for program in retrial retrial-trainer retrial-policy; do
    version=$(inside "bin/$program --version") || fail "$program does not start"
    say "$version"
    [[ "$version" == "$program "*", libtorch 2.11.0)" ]] || fail "$program does not say its versions"
done

options="--set run.steps=$STEPS --set dashboard.enabled=false"
say "the first $STEPS steps of the demo, inside"
inside "bin/retrial run examples/dialects/lte.toml $options"
say "the same outside"
"target/dist/$package/bin/retrial" run examples/dialects/lte.toml $options \
    --set run.folder="$folder/runs" --set run.database="$folder/retrial.db" > "$folder/run.log" 2>&1 \
    || { tail -n 5 "$folder/run.log" >&2; fail "the run outside"; }
weights=dialects-lte/v$(printf %06d "$STEPS")/model.safetensors
cmp "$folder/root/opt/$package/runs/$weights" "$folder/runs/$weights" || fail "the weights differ"
say "ok: the package runs, and ends with the same weights"
