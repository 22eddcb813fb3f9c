"""By hand, where PyTorch is: torchrun starts two ranks of the trainer, and starts both again when one
is killed; they go on from the last version.

    python3 trainer/tests/torchrun.py [target/debug/retrial-trainer]
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

TRAINER = sys.argv[1] if len(sys.argv) > 1 else "target/debug/retrial-trainer"
MODEL = pathlib.Path(__file__).parent / "reference/untied"
PORT, MEETING = "28731", "28732"
URL = f"http://127.0.0.1:{PORT}"


def state():
    """What the ranks say of themselves, once they serve."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return json.load(urllib.request.urlopen(f"{URL}/state", timeout=10))
        except OSError:
            assert time.monotonic() < deadline, "they do not serve"
            time.sleep(0.2)


def train(step):
    sample = lambda first: {
        "prompt": [first, first + 1],
        "response": [5, 6, 7],
        "sampler_logprobs": [-4.0] * 3,
        "advantage": 1.0 if first % 2 else -1.0,
        "part": "on_policy",
    }
    body = {
        "step": step,
        "batch": [sample(first) for first in range(6)],
        "temperature": 1.0,
        "objective": {},
        "optimizer": {},
        "micro_batch_tokens": 16,
    }
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{URL}/train", json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request, timeout=60))


def ranks(launcher):
    """The process of each rank."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for variable in variables:
            if parent == launcher and variable.startswith(b"RANK="):
                found[int(variable[5:])] = int(entry.name)
    return found


with tempfile.TemporaryDirectory() as versions:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--max-restarts", "1", "--master-port", MEETING, "--no-python"]
    command += [TRAINER, "serve", "--model", str(MODEL), "--versions", versions, "--port", PORT]
    launcher = subprocess.Popen(command)
    try:
        assert state()["version"] == 0
        assert train(1)["step"] == 1
        before = ranks(launcher.pid)
        assert sorted(before) == [0, 1], before
        os.kill(before[1], signal.SIGKILL)
        deadline = time.monotonic() + 120
        while set(ranks(launcher.pid).values()) & set(before.values()):
            assert time.monotonic() < deadline, "the old ranks have not ended"
            time.sleep(0.2)
        assert state()["version"] == 1
        assert train(2)["step"] == 2
        assert sorted(ranks(launcher.pid)) == [0, 1]
        shards = sorted(path.name for path in pathlib.Path(versions, "v000002").glob("model*"))
        assert len(shards) == 3, shards
    finally:
        launcher.terminate()
        launcher.wait()
print("torchrun started two ranks, and started them again")
