"""The events of a run, as `retrial run` writes them to a tracker (docs/trackers.md).

A run that goes on tells its earlier steps again. What was handed over already is remembered in a file
of the working directory, one a run, so that no step is handed over twice.
"""

import json
import os
import sys


def events(kind):
    """Yields the event `run` first, then every event that the tracker `kind` has not had."""
    begin = json.loads(sys.stdin.readline())
    yield begin
    path = f".{kind}-{begin['id']}.json"
    had = {"step": -1, "evaluation": -1}
    if os.path.exists(path):
        with open(path) as file:
            had = json.load(file)
    for line in sys.stdin:
        event = json.loads(line)
        name = event["event"]
        if name not in had:
            yield event
        elif event["step"] > had[name]:
            yield event
            had[name] = event["step"]
            with open(path + ".new", "w") as file:
                json.dump(had, file)
            os.replace(path + ".new", path)


def named(begin):
    """A function from a name of the log to one with its panel before it: `reward/first_trial_pass_rate`."""
    panels = {metric["name"]: metric["panel"] for metric in begin["metrics"]}
    return lambda name: f"{panels[name]}/{name}" if name in panels else name


def flat(config, prefix=""):
    """The configuration as one table: `rollout.group` and so on."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
