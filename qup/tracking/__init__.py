"""A finished pipeline state mirrored into MLflow: one parent run, one child per arm. Reads no pipeline file itself.

A state is mirrored once. A run without the tag `qup.complete` is what a crash left: the next call deletes it and starts
afresh. A mirror must not cost what it mirrors, so whatever MLflow does not like becomes one line, soon.
"""

import hashlib
import logging
import os
import posixpath
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from qup.measured import Curve
from qup.tracking import _store

T = TypeVar("T")
STATE, COMPLETE, KIND = "qup.state", "qup.complete", "qup.kind"
PARAM_LIMIT = 6000
"Longest parameter value MLflow takes, in characters."
METRICS_A_CALL, PARAMS_A_CALL = 1000, 100
"MLflow's limits for one `log_batch`."
NAME_LIMIT = 250
"MLflow's longest name of a parameter or metric."
ANSWER, NEW_STORE = 6.0, 60.0
"Seconds that a store has for an answer, and for its first one if its tables are yet to be made."
THREAD = "mlflow"
"The thread in which a store may stay silent."
ENVIRONMENT = {
    # MLflow starts a thread that reports usage to its makers; a pipeline stage asks nobody's network.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # It prints the server's address, password and all.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Its own are 120 seconds and 7 retries, which are four minutes of silence.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
"Defaults set before MLflow is imported; what the user has set wins."
REMEDIES = {
    r"database is locked": "another process holds the store: end it",
    r"filesystem tracking backend": "set MLFLOW_TRACKING_URI to sqlite:///<path>/mlflow.db or to a server",
    r"no answer": "see that the store is there and that no other process holds it",
    r"max retries|connection (error|refused|reset)|timed out": "start the server that MLFLOW_TRACKING_URI names",
    r"": "mend the store, or set MLFLOW_TRACKING_URI to another",
}
"What MLflow says to what to do; the first that fits."
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


class Patience:
    """How long a store has been silent, and how long it may be."""

    def __init__(self, first: float) -> None:
        self.allowed, self.since = first, time.monotonic()

    def answered(self) -> None:
        """The store has said something."""
        self.allowed, self.since = ANSWER, time.monotonic()

    @property
    def over(self) -> bool:
        """Whether it has been silent for too long."""
        return time.monotonic() - self.since > self.allowed


class TimedClient:
    """An MLflow client each of whose answers is noted."""

    def __init__(self, client: Any, patience: Patience) -> None:
        self._client, self._patience = client, patience

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            answer = getattr(self._client, name)(*args, **named)
            self._patience.answered()
            return answer

        return call


def attempt(mirror: Mirror, root: Path) -> str:
    """Mirror a state as far as MLflow lets us: the line that says what became of it, never an error.

    A store that stays silent is left to its thread, which ends with the process.
    """
    store, patience = _store.address(root), Patience(ANSWER)
    done: Future[tuple[str, bool]] = Future()

    def work() -> None:
        try:
            done.set_result(track(mirror, root, patience))
        except BaseException as error:
            done.set_exception(error)

    try:
        _prepare()
        if store.startswith("sqlite:"):
            # It would be imported on the first question, which is to take no longer than the store does.
            import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

            patience = Patience(NEW_STORE if _store.ready(store) else ANSWER)
        with _store.alone(store, ANSWER + NEW_STORE):
            patience.since = time.monotonic()
            threading.Thread(target=work, name=THREAD, daemon=True).start()
            while not wait([done], timeout=0.2).done:
                if patience.over:
                    raise TimeoutError(f"no answer within {patience.allowed:g} seconds")
            run, added = done.result()
    except Exception as error:
        return f"MLflow: this run is not mirrored, {_reason(error)}"
    return f"MLflow: {'added' if added else 'already there'}, run {run} of {mirror.experiment}"


def _prepare() -> None:
    """Import MLflow, which takes seconds, under our defaults; it says nothing of its own, for a failure is one line."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow.tracking

    for logger in ("mlflow", "mlflow.store.db.utils", "urllib3.connectionpool", mlflow.__name__):
        logging.getLogger(logger).setLevel(logging.ERROR)


def _reason(error: Exception) -> str:
    """What MLflow said, in one line without passwords, and what to do."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    said = _store.public(lines[0])
    remedy = next(remedy for words, remedy in REMEDIES.items() if re.search(words, said, re.IGNORECASE))
    return f"{said[:200]} ({remedy}; the next `dvc repro` mirrors it)"


def track(mirror: Mirror, root: Path, patience: Patience | None = None) -> tuple[str, bool]:
    """Mirror a state unless that is done already: (parent run id, whether it was added).

    The store is `MLFLOW_TRACKING_URI`, else SQLite at `root`/mlflow.db with artifacts in `root`/mlruns.
    """
    _prepare()
    from mlflow.tracking import MlflowClient

    client: Any = MlflowClient(_store.address(root))
    client = TimedClient(client, patience) if patience else client
    experiment = _experiment(client, mirror.experiment, None if os.environ.get("MLFLOW_TRACKING_URI") else root)
    for run in _search(client, experiment, f"tags.`{STATE}` = '{mirror.state}' and tags.`{KIND}` = 'pipeline'"):
        if run.data.tags.get(COMPLETE) == "true":
            return str(run.info.run_id), False
        _delete(client, experiment, run.info.run_id)
    return _add(client, experiment, mirror), True


def _experiment(client: Any, name: str, root: Path | None) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment:
        if experiment.lifecycle_stage == "deleted":
            # Its name stays taken, so there can be no other.
            client.restore_experiment(experiment.experiment_id)
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
    for file in sorted(mirror.artifacts.rglob("*")) if mirror.artifacts else ():
        if mirror.artifacts and file.is_file():
            place = file.parent.relative_to(mirror.artifacts).as_posix()
            client.log_artifact(parent, str(file), None if place == "." else place)
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
    for batch in batches((Param(accepted(k), v[:PARAM_LIMIT]) for k, v in params.items()), PARAMS_A_CALL):
        client.log_batch(run, params=batch)
    for batch in batches((Metric(accepted(name), value, now, step) for name, value, step in points), METRICS_A_CALL):
        client.log_batch(run, metrics=batch)


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    while batch := list(islice(items, size)):
        yield batch


def accepted(name: str) -> str:
    """A name that MLflow takes: itself, or one that is like it and like no other."""
    plain = re.sub(r"[^/\w.\- ]", "_", name)
    if plain == name == posixpath.normpath(name) and len(name) <= NAME_LIMIT and name[:1] not in ("", ".", "/"):
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{re.sub(r'^[./]+|/(?=[./]|$)', '_', plain)[: NAME_LIMIT - 9]}-{mark}"


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
