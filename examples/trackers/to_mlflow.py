"""Tracks a run in MLflow: [track] command = ["python3", "to_mlflow.py"].

Usage: to_mlflow.py [EXPERIMENT]. MLFLOW_TRACKING_URI says where; without it, a file of the working
directory: `mlflow ui --backend-store-uri sqlite:///mlflow.db` shows it.
"""

import os
import sys

import mlflow
from events import events, flat, named

os.environ.setdefault("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
lines = events("mlflow")
begin = next(lines)
name = named(begin)
experiment = mlflow.set_experiment(sys.argv[1] if len(sys.argv) > 1 else "retrial")
known = mlflow.search_runs(
    [experiment.experiment_id],
    filter_string=f"tags.retrial_id = '{begin['id']}'",
    output_format="list",
)
with mlflow.start_run(
    run_id=known[0].info.run_id if known else None,
    run_name=begin["run"],
    tags={"retrial_id": begin["id"]},
):
    if not known:
        mlflow.log_params(dict(flat(begin["config"])))
    for event in lines:
        if event["event"] in ("step", "evaluation"):
            metrics = {name(key): value for key, value in event["metrics"].items()}
            mlflow.log_metrics(metrics, step=event["step"])
        elif event["event"] == "end":
            mlflow.set_tag("outcome", event["outcome"])
