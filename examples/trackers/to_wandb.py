"""Tracks a run in Weights & Biases: [track] command = ["python3", "to_wandb.py"].

Usage: to_wandb.py [PROJECT]. The usual variables apply, WANDB_MODE=offline among them.
"""

import sys

import wandb
from events import events, named

lines = events("wandb")
begin = next(lines)
name = named(begin)
run = wandb.init(
    project=sys.argv[1] if len(sys.argv) > 1 else "retrial",
    id=begin["id"],
    name=begin["run"],
    config=begin["config"],
    resume="allow",
)
status = 1  # Without an `end` the run was killed.
for event in lines:
    if event["event"] in ("step", "evaluation"):
        run.log({name(key): value for key, value in event["metrics"].items()}, step=event["step"])
    elif event["event"] == "warning":
        run.alert(title=f"step {event['step']}", text=event["message"], level=wandb.AlertLevel.WARN)
    elif event["event"] == "end":
        run.summary["outcome"] = event["outcome"]
        status = 1 if event["outcome"] == "failed" else 0
run.finish(exit_code=status)
