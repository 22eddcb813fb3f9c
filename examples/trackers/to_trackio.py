"""Tracks a run in trackio, on this machine: [track] command = ["python3", "to_trackio.py"].

Usage: to_trackio.py [PROJECT]. `trackio show` opens its dashboard.
"""

import sys

import trackio
from events import events, flat, named

lines = events("trackio")
begin = next(lines)
name = named(begin)
trackio.init(
    project=sys.argv[1] if len(sys.argv) > 1 else "retrial",
    name=begin["id"],
    config=dict(flat(begin["config"])),
    resume="allow",
)
for event in lines:
    if event["event"] in ("step", "evaluation"):
        metrics = {name(key): value for key, value in event["metrics"].items()}
        trackio.log(metrics, step=event["step"])
trackio.finish()
