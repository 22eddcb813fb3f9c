"""Compares what trackers have of a run with its log. Run by tests/trackers.sh."""

import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SMALL = (
    "run.name=tracked", "rollout.problems=8", "rollout.group=4", "rollout.extra=4",
    "evaluation.every=1", "evaluation.k=2", "dashboard.enabled=false",
)


def train(folder, program, steps):
    command = json.dumps([sys.executable, str(ROOT / "examples/trackers" / program)])
    settings = (*SMALL, f"run.steps={steps}", f"track.command={command}")
    sets = [part for setting in settings for part in ("--set", setting)]
    environment = os.environ | {
        "WANDB_MODE": "offline", "WANDB_SILENT": "true", "TRACKIO_DIR": str(folder / "trackio"),
        "HF_HUB_OFFLINE": "1", "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    run = subprocess.run(
        [ROOT / "target/debug/retrial", "run", ROOT / "examples/dialects/lte.toml", "--resume", *sets],
        cwd=folder, env=environment, capture_output=True, text=True,
    )
    log = folder / "runs/tracked/tracker.log"
    said = run.stderr + (log.read_text() if log.exists() else "")
    assert run.returncode == 0, said
    assert "tracker" not in run.stderr, said


def logged(folder):
    """Numbers of the log: {(step, name): value}. Names as the programs give them, panel first."""
    export = [ROOT / "target/debug/retrial", "export", "metrics", "-"]
    lines = subprocess.run(export, cwd=folder, capture_output=True, text=True, check=True).stdout
    steps = map(json.loads, lines.splitlines())
    return {(s["step"], name): value for s in steps for name, value in s["metrics"].items()}


def records(data, block=32768, header=7):
    """The records of a file of W&B: a LevelDB log with 7 bytes of its own at the beginning."""
    at, parts = header, []
    while at + header <= len(data):
        if block - at % block < header:
            at += block - at % block
            continue
        length, kind = struct.unpack("<HB", data[at + 4 : at + header])
        parts.append(data[at + header : at + header + length])
        at += header + length
        if kind in (1, 4):  # Whole, or the last part.
            yield b"".join(parts)
            parts = []


def of_wandb(folder):
    from wandb.proto import wandb_internal_pb2

    found = {}
    files = sorted(folder.glob("wandb/offline-run-*/*.wandb"))
    assert len(files) == 2, files
    for file in files:
        for data in records(file.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            if record.WhichOneof("record_type") != "history":
                continue
            items = record.history.item
            row = {(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in items}
            step = row.pop("_step", record.history.step.num)
            for name, value in row.items():
                if not name.startswith("_"):
                    found.setdefault((step, name), []).append(value)
    return found


def of_trackio(folder):
    found = {}
    (database,) = [f for f in (folder / "trackio").glob("**/*.db")]
    with sqlite3.connect(database) as db:
        for step, metrics in db.execute("SELECT step, metrics FROM metrics"):
            for name, value in json.loads(metrics).items():
                found.setdefault((step, name), []).append(value)
    return found


def of_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (run,) = (folder / "tensorboard").iterdir()
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    found = {}
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            found.setdefault((event.step, name), []).append(event.value)
    return found


def of_mlflow(folder):
    found = {}
    with sqlite3.connect(folder / "mlflow.db") as db:
        for name, value, step in db.execute("SELECT key, value, step FROM metrics"):
            found.setdefault((step, name), []).append(value)
    return found


def check(program, read):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(folder, program, 2)
        train(folder, program, 3)
        # TensorBoard keeps panels in its names, as the others do; the log has no panels.
        found = {
            (step, name.split("/", 1)[1] if not name.startswith("held_out/") else name): values
            for (step, name), values in read(folder).items()
        }
        log = logged(folder)
        assert {step for step, _ in log} == {0, 1, 2, 3}
        assert found.keys() == log.keys(), sorted(found.keys() ^ log.keys())[:10]
        for key, value in log.items():
            once = len(found[key]) == 1
            # TensorBoard has 32 bits.
            close = abs(found[key][0] - value) <= 1e-6 * max(1.0, abs(value))
            assert once and close, f"{program}: {key}: {found[key]} and not {value}"
        print(f"{program}: {len(log)} numbers of a run and its continuation, each once, as in the log")


check("to_tensorboard.py", of_tensorboard)
check("to_trackio.py", of_trackio)
check("to_wandb.py", of_wandb)
check("to_mlflow.py", of_mlflow)
