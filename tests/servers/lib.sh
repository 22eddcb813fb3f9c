# What the scripts beside this one share.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
mkdir -p "$root/.servers"
# Exit status when a server cannot be installed or started on this machine.
unavailable=75

# What a server wants to be shown, and the tests show it.
export RETRIAL_SERVER_KEY=of-this-test

# A new virtual environment in $1, with uv in it.
new_environment() {
    rm -rf "$1"
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet uv
}

# Installs $2... into the environment $1, without the packages that standard input lists a line
# each: CUDA libraries and what is of no use here. A line with == pins a version instead.
install_without() {
    local environment=$1
    shift
    sed -E "/==/! s/$/ ; python_version < '3.0'/" > "$environment/overrides.txt"
    "$environment/bin/uv" pip install --system-certs --python "$environment/bin/python" \
        --override "$environment/overrides.txt" "$@"
}

# Where the environment $1 has its packages.
packages_of() {
    "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])'
}

# Waits for the server $1 (its process is $2, its log $3), then runs the tests whose names have $4,
# with its address in the variable $5.
test_against() {
    local url=$1 process=$2 log=$3 tests=$4 variable=$5
    echo "waiting for $url (its log: $log)"
    for _ in $(seq 300); do
        if python3 -c "import urllib.request as u; u.urlopen('$url/health')" 2> /dev/null; then
            env "$variable=$url" \
                cargo test --workspace --test end_to_end -- --ignored --test-threads 1 "$tests"
            return
        fi
        kill -0 "$process" 2> /dev/null || break
        sleep 1
    done
    tail -n 20 "$log" >&2
    echo "the server did not start" >&2
    exit $unavailable
}
