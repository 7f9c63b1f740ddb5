"""A finished pipeline state mirrored into MLflow: one parent run, one child per arm. Reads no pipeline file itself.

A state is mirrored once. A run without the tag `qup.complete` is what a crash left: the next call deletes it and starts
afresh.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from qup.measured import Curve

T = TypeVar("T")
STATE, COMPLETE, KIND = "qup.state", "qup.complete", "qup.kind"
PARAM_LIMIT = 6000
"Longest parameter value MLflow takes, in characters."
METRICS_A_CALL, PARAMS_A_CALL = 1000, 100
"MLflow's limits for one `log_batch`."
CURVE = 250
"Points of a training curve; longer ones are thinned evenly, the last step kept."


@dataclass(frozen=True)
class Mirror:
    """What is mirrored."""

    experiment: str
    state: str
    "Hash of the pipeline state: equal states are mirrored once."
    summary: Mapping[str, Any]
    "The report's numbers."
    settings: Mapping[str, Any]
    "The study's settings, nested."
    curves: Mapping[str, Sequence[Curve]]
    "Training curves by arm."
    tags: Mapping[str, str] = field(default_factory=dict)
    arm_tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    artifacts: Path | None = None
    "Folder of report files."


def track(mirror: Mirror, root: Path) -> tuple[str, bool]:
    """Mirror a state unless that is done already: (parent run id, whether it was added).

    The store is `MLFLOW_TRACKING_URI`, else SQLite at `root`/mlflow.db with artifacts in `root`/mlruns.
    """
    # MLflow starts a thread that reports usage to its makers; a pipeline stage asks nobody's network.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    own = "MLFLOW_TRACKING_URI" not in os.environ
    client = MlflowClient(f"sqlite:///{root.resolve() / 'mlflow.db'}" if own else os.environ["MLFLOW_TRACKING_URI"])
    experiment = _experiment(client, mirror.experiment, root if own else None)
    for run in _search(client, experiment, f"tags.`{STATE}` = '{mirror.state}' and tags.`{KIND}` = 'pipeline'"):
        if run.data.tags.get(COMPLETE) == "true":
            return str(run.info.run_id), False
        _delete(client, experiment, run.info.run_id)
    return _add(client, experiment, mirror), True


def _experiment(client: Any, name: str, root: Path | None) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment:
        return str(experiment.experiment_id)
    where = (root / "mlruns" / name.replace("/", "-")).resolve().as_uri() if root else None
    return str(client.create_experiment(name, artifact_location=where))


def _search(client: Any, experiment: str, where: str) -> list[Any]:
    return list(client.search_runs([experiment], filter_string=where, max_results=1000))


def _delete(client: Any, experiment: str, parent: str) -> None:
    for child in _search(client, experiment, f"tags.`mlflow.parentRunId` = '{parent}'"):
        client.delete_run(child.info.run_id)
    client.delete_run(parent)


def _add(client: Any, experiment: str, mirror: Mirror) -> str:
    tags = {**mirror.tags, STATE: mirror.state, KIND: "pipeline"}
    parent = client.create_run(experiment, tags=tags, run_name=mirror.state[:12]).info.run_id
    _log(client, parent, params=flat(mirror.settings))
    for arm, numbers in mirror.summary["arms"].items():
        tags = {**mirror.tags, **mirror.arm_tags.get(arm, {}), KIND: "arm", "mlflow.parentRunId": parent}
        child = client.create_run(experiment, tags=tags, run_name=arm).info.run_id
        _log_arm(client, child, arm, numbers, mirror.curves.get(arm, []))
    if mirror.artifacts:
        client.log_artifacts(parent, str(mirror.artifacts))
    client.set_tag(parent, COMPLETE, "true")
    client.set_terminated(parent)
    return str(parent)


def _log_arm(client: Any, run: str, arm: str, numbers: Mapping[str, Any], curves: Sequence[Curve]) -> None:
    params = {"arm": arm, "refiner": str(numbers["refiner"]), "oracle": str(numbers["oracle"])}
    points = [(name, value, 0) for name, value in metrics(numbers).items()]
    _log(client, run, params, [*points, *losses(curves)])
    client.set_terminated(run)


def _log(client: Any, run: str, params: Mapping[str, str], points: Sequence[tuple[str, float, int]] = ()) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    for batch in batches((Param(k, v[:PARAM_LIMIT]) for k, v in params.items()), PARAMS_A_CALL):
        client.log_batch(run, params=batch)
    for batch in batches((Metric(name, value, now, step) for name, value, step in points), METRICS_A_CALL):
        client.log_batch(run, metrics=batch)


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    while batch := list(islice(items, size)):
        yield batch


def flat(settings: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names and text."""
    if isinstance(settings, Mapping) and settings:
        return {k: v for key, value in settings.items() for k, v in flat(value, f"{prefix}.{key}".lstrip(".")).items()}
    return {prefix: str(settings)}


def metrics(arm: Mapping[str, Any]) -> dict[str, float]:
    """An arm's numbers with the ends of their intervals; what was not measured has no metric."""
    estimates = {f"reward.{name}": estimate for name, estimate in arm["rewards"].items()}
    estimates |= {"ppl": arm["ppl"]["micro"], "ppl.macro": arm["ppl"]["macro"]}
    for objective, learner in arm["learners"].items():
        estimates |= {f"{name}.{objective}": learner[name] for name in ("utility", "accuracy")}
    out: dict[str, float] = {}
    for name, estimate in estimates.items():
        if estimate["value"] is not None:
            out |= {name: estimate["value"], f"{name}.low": estimate["low"], f"{name}.high": estimate["high"]}
    return out


def losses(curves: Sequence[Curve]) -> list[tuple[str, float, int]]:
    """Training loss as (`loss/<objective>/<seed>`, value, optimizer step)."""
    return [
        (f"loss/{curve.objective}/{curve.replicate}", curve.loss[step - 1], step)
        for curve in curves
        for step in thin(len(curve.loss))
    ]


def thin(steps: int) -> list[int]:
    """At most about `CURVE` of the steps 1 to `steps`, evenly spaced, the last one among them."""
    every = -(-steps // CURVE)
    return [step for step in range(1, steps + 1) if (steps - step) % every == 0]
