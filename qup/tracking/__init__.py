"""A finished pipeline state mirrored into MLflow: one parent run, a child per arm. Reads no pipeline file itself.

A state is mirrored once. A run without the tag `qup.complete` is what a crash left, or another version of qup: the next
call deletes it and starts afresh. Runs that were followed while they trained are put below their arms, and ended where
their process is gone. A mirror must not cost what it mirrors, so whatever MLflow does not like becomes one line, soon.
"""

import contextlib
import dataclasses
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qup.measured import Curve
from qup.records import Step
from qup.tracking import _runs, _store, _write
from qup.tracking._runs import Data, Entry
from qup.training import following
from qup.training.following import KIND

__all__ = ["WHOLE", "Data", "Mirror", "attempt", "track"]

STATE, COMPLETE = "qup.state", "qup.complete"
PARENT = "mlflow.parentRunId"
WHOLE = ""
"The report's name where arms have theirs."
SHAPE = "2"
"What a complete run is tagged with; another when runs hold other things, so that older ones are mirrored afresh."
ANSWER, NEW_STORE = 6.0, 60.0
"Seconds that a store has for an answer, and for its first one if its tables are yet to be made."
THREAD = "mlflow"
"The thread in which a store may stay silent."
REMEDIES = {
    r"database is locked": "another process holds the store: end it",
    r"filesystem tracking backend": "set MLFLOW_TRACKING_URI to sqlite:///<path>/mlflow.db or to a server",
    r"no answer": "see that the store is there and that no other process holds it",
    r"max retries|connection (error|refused|reset)|timed out": "start the server that MLFLOW_TRACKING_URI names",
    r"": "mend the store, or set MLFLOW_TRACKING_URI to another",
}
"What MLflow says to what to do; the first that fits."


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
    name: str = ""
    "What the whole is called; the state's hash if nothing."
    data: Mapping[str, Sequence[Data]] = field(default_factory=dict)
    "What each arm, `base` and the whole was made from."
    pretraining: Sequence[Step] = ()
    "The learner's own curve, where the study made it."


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
        following.prepare()
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
    following.prepare()
    from mlflow.tracking import MlflowClient

    client: Any = MlflowClient(_store.address(root))
    client = TimedClient(client, patience) if patience else client
    # A server knows where it keeps artifacts.
    beside = None if os.environ.get(following.SERVER) else root / "mlruns" / mirror.experiment.replace("/", "-")
    experiment = following.experiment(client, mirror.experiment, beside)
    following.sweep(client, experiment)
    _sweep(client, experiment)
    parent, added = _found(client, experiment, mirror.state), False
    if parent is None:
        parent, added = _add(client, experiment, mirror), True
    _adopt(client, experiment, parent)
    return parent, added


def _sweep(client: Any, experiment: str) -> None:
    """Delete what a process that is gone has left half mirrored, of whatever state."""
    for run in _search(client, experiment, f"tags.`{KIND}` = 'pipeline'"):
        tags = run.data.tags
        if COMPLETE not in tags and not following.alive(tags.get(following.PROCESS, "")):
            _delete(client, experiment, run.info.run_id)


def _found(client: Any, experiment: str, state: str) -> str | None:
    """The run of a state that is mirrored whole; what is there of it otherwise is deleted."""
    whole = None
    for run in _search(client, experiment, f"tags.`{STATE}` = '{state}' and tags.`{KIND}` = 'pipeline'"):
        if run.data.tags.get(COMPLETE) == SHAPE and whole is None:
            whole = str(run.info.run_id)
        else:
            _delete(client, experiment, run.info.run_id)
    return whole


def _adopt(client: Any, experiment: str, parent: str) -> None:
    """Put runs that were followed live, and have ended, below the runs of their arms."""
    ended = [
        run
        for run in _search(client, experiment, f"tags.`{KIND}` = '{following.LIVE}'")
        if run.info.status != "RUNNING" and PARENT not in run.data.tags
    ]
    if not ended:
        return
    arms = {run.data.tags.get(following.ARM): run.info.run_id for run in _below(client, experiment, parent)}
    for run in ended:
        if arm := arms.get(run.data.tags[following.ARM]):
            client.set_tag(run.info.run_id, PARENT, arm)


def _search(client: Any, experiment: str, where: str) -> list[Any]:
    return list(client.search_runs([experiment], filter_string=where, max_results=1000))


def _delete(client: Any, experiment: str, parent: str) -> None:
    """Delete a report's run and its arms'; runs that were followed live are there once: they stay."""
    for child in _below(client, experiment, parent):
        for followed in _below(client, experiment, child.info.run_id):
            client.delete_tag(followed.info.run_id, PARENT)
        client.delete_run(child.info.run_id)
    client.delete_run(parent)


def _below(client: Any, experiment: str, run: str) -> list[Any]:
    return _search(client, experiment, f"tags.`{PARENT}` = '{run}'")


def _add(client: Any, experiment: str, mirror: Mirror) -> str:
    summary = mirror.summary
    # Or MLflow shows it as it shows chats.
    client.set_experiment_tag(experiment, "mlflow.experimentKind", "custom_model_development")
    client.set_experiment_tag(experiment, _runs.NOTE, str(mirror.settings.get("title", "")))
    tags = {STATE: mirror.state, KIND: "pipeline", _runs.NOTE: _runs.described(summary), **_runs.choice_tags(summary)}
    tags[following.PROCESS] = following.this_process()
    params, points = _runs.flat(mirror.settings), _runs.headline(summary)
    whole = Entry(mirror.name or mirror.state[:12], tags, params, points, mirror.data.get(WHOLE, ()))
    base = _runs.base(summary, mirror.pretraining, mirror.data.get("base", ()))
    with _run(client, experiment, mirror, whole) as parent:
        # MLflow lists the newest first.
        for entry in (*([base] if base else []), *reversed([*_runs.arms(summary, mirror.curves, mirror.data)])):
            own = {**mirror.arm_tags.get(entry.name, {}), **entry.tags, PARENT: parent}
            with _run(client, experiment, mirror, dataclasses.replace(entry, tags=own)):
                pass
        for file in sorted(mirror.artifacts.rglob("*")) if mirror.artifacts else ():
            if mirror.artifacts and file.is_file():
                place = file.parent.relative_to(mirror.artifacts).as_posix()
                client.log_artifact(parent, str(file), None if place == "." else place)
        client.set_tag(parent, COMPLETE, SHAPE)
        client.delete_tag(parent, following.PROCESS)
    return parent


@contextlib.contextmanager
def _run(client: Any, experiment: str, mirror: Mirror, entry: Entry) -> Iterator[str]:
    """A run that holds all that an entry has, ended with the block, as failed or killed where that is."""
    tags = {_write.accepted(key): value[: _write.TAG_LIMIT] for key, value in {**mirror.tags, **entry.tags}.items()}
    run = str(client.create_run(experiment, tags=tags, run_name=entry.name).info.run_id)
    try:
        _write.log(client, run, entry.params, entry.points)
        if entry.data:
            client.log_inputs(run, datasets=[_write.dataset(data) for data in entry.data])
        yield run
    except BaseException as error:
        with contextlib.suppress(Exception):
            client.set_terminated(run, "FAILED" if isinstance(error, Exception) else "KILLED")
        raise
    client.set_terminated(run)
