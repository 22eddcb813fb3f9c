#!/usr/bin/env bash
# Runs the programs of examples/trackers with the real packages from PyPI (400 MB), over a run and its
# continuation, and compares what each package has then with the log.
# Exit status 75: the packages are not to be had on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=target/trackers
packages="trackio==0.43.0 wandb==0.31.0 tensorboardX==2.6.5 tensorboard==2.21.0 mlflow-skinny==3.17.2 sqlalchemy alembic"
python=$environment/bin/python
if ! "$python" -c "import trackio, wandb, tensorboardX, tensorboard, mlflow" 2> /dev/null; then
    { python3 -m venv --clear "$environment" && "$python" -m pip install --quiet uv &&
        "$environment/bin/uv" pip install --quiet --system-certs --python "$python" $packages; } || {
        echo "the packages of the trackers cannot be installed" >&2
        exit 75
    }
fi
cargo build --quiet --workspace --bin retrial --bin retrial-trainer --bin retrial-policy
"$python" tests/trackers.py
