"""Writes a run as TensorBoard event files: [track] command = ["python3", "to_tensorboard.py"].

Usage: to_tensorboard.py [FOLDER]. `tensorboard --logdir FOLDER` shows it. Needs the package
`tensorboardX`, or PyTorch.
"""

import json
import os
import sys

from events import events, named

try:
    from tensorboardX import SummaryWriter
except ImportError:
    from torch.utils.tensorboard import SummaryWriter

lines = events("tensorboard")
begin = next(lines)
name = named(begin)
folder = sys.argv[1] if len(sys.argv) > 1 else "tensorboard"
with SummaryWriter(os.path.join(folder, begin["id"])) as writer:
    if not begin["resumed"]:
        writer.add_text("config", "```json\n" + json.dumps(begin["config"], indent=2) + "\n```")
    for event in lines:
        if event["event"] in ("step", "evaluation"):
            for key, value in event["metrics"].items():
                writer.add_scalar(name(key), value, event["step"])
            writer.flush()
        elif event["event"] == "warning":
            writer.add_text(event["level"], event["message"], event["step"])
