"""One run followed on an MLflow server while it trains, and the end of those whose process is gone.

The server is told by a thread; training neither waits for it nor hears of its troubles.
"""

import contextlib
import logging
import os
import platform
import queue
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

SERVER = "MLFLOW_TRACKING_URI"
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
KIND, ARM, PROCESS = "qup.kind", "qup.arm", "qup.process"
"Tags of a run: what it is, the arm it is of, and the process that works on it."
LIVE = "live"
"The kind of a run that is followed while it trains."
BATCH, LAST_WORDS = 1.0, 8.0
"Seconds between two messages to a server, and that it has for the last ones."
MOST = 900
"Points of a message; MLflow takes a thousand, and a step has a few."
SILENT = (
    "MLflow: training goes on and is followed no longer: the server that MLFLOW_TRACKING_URI names does not answer "
    "(start it, or unset the variable)"
)
Numbers = Mapping[str, float]


class Following:
    """One run on an MLflow server, told by a thread of its own; what the server does not take is lost."""

    given_up: ClassVar[bool] = False
    "Whether the server has once been silent: no other run of this process waits for it."

    def __init__(self, experiment: str, arm: str, cell: str) -> None:
        self._experiment, self._arm, self._cell = experiment, arm, cell
        self._said: queue.SimpleQueue[tuple[int, Numbers] | str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._tell, name="mlflow-live", daemon=True)
        # Not in the thread: what two threads import at once they may see half made.
        with contextlib.suppress(Exception):
            prepare()
            self._thread.start()

    def say(self, step: int, numbers: Numbers) -> None:
        """Numbers of an optimizer step; returns at once."""
        self._said.put((step, numbers))

    def end(self, status: str) -> None:
        """Tell how the run ended, as MLflow calls it, and wait for the server a little."""
        self._said.put(status)
        if self._thread.is_alive():
            # A stage that is told to stop has ten seconds.
            self._thread.join(LAST_WORDS if status == "FINISHED" else LAST_WORDS / 2)
            if self._thread.is_alive():
                self._give_up()

    def _tell(self) -> None:
        try:
            self._talk()
        except Exception:
            # What it says may hold the server's address, and with it a password.
            self._give_up()

    def _give_up(self) -> None:
        if not Following.given_up:
            Following.given_up = True
            print(SILENT, file=sys.stderr)

    def _talk(self) -> None:
        server = client()
        place = experiment(server, self._experiment)
        tags = {KIND: LIVE, ARM: self._arm, PROCESS: this_process()}
        run = server.create_run(place, tags=tags, run_name=f"{self._arm}/{self._cell}").info.run_id
        status: str | None = None
        while status is None:
            points, status = self._heard()
            if points:
                server.log_batch(run, metrics=points)
        server.set_terminated(run, status)

    def _heard(self) -> tuple[list[Any], str | None]:
        """What was said within a batch's time, and the status if the run has ended."""
        from mlflow.entities import Metric

        points: list[Any] = []
        until = time.monotonic() + BATCH
        while (left := until - time.monotonic()) > 0 and len(points) < MOST:
            try:
                word = self._said.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(word, str):
                return points, word
            step, numbers = word
            now = int(time.time() * 1000)
            points += [Metric(name, value, now, step) for name, value in numbers.items()]
        return points, None


def sweep(client: Any, experiment: str) -> None:
    """End the runs of processes that are gone, which nobody else will."""
    where = f"tags.`{KIND}` = '{LIVE}' and attributes.status = 'RUNNING'"
    for run in client.search_runs([experiment], filter_string=where, max_results=1000):
        if not alive(run.data.tags.get(PROCESS, "")):
            client.set_terminated(run.info.run_id, "KILLED")


def client() -> Any:
    """A client of the server that the environment names."""
    prepare()
    from mlflow.tracking import MlflowClient

    return MlflowClient(os.environ[SERVER])


def prepare() -> None:
    """Import MLflow, which takes seconds, under our defaults; it says nothing of its own, for a failure is one line."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow.tracking

    for logger in ("mlflow", "mlflow.store.db.utils", "urllib3.connectionpool", mlflow.__name__):
        logging.getLogger(logger).setLevel(logging.ERROR)


def experiment(client: Any, name: str, artifacts: Path | None = None) -> str:
    """The experiment's id; who makes it says where its artifacts lie, and two that begin at once may both want to."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        where = artifacts.resolve().as_uri() if artifacts else None
        try:
            return str(client.create_experiment(name, artifact_location=where))
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        # Its name stays taken, so there can be no other.
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def this_process() -> str:
    """Host, number and start of this process, by which its runs are told from those of one that is gone."""
    return f"{platform.node()} {os.getpid()} {started(os.getpid())}"


def alive(process: str) -> bool:
    """Whether a process, as `this_process` tells it, still runs; one of another machine counts as running."""
    host, number, begun = ["", "", "", *process.rsplit(" ", 2)][-3:]
    return bool(host) and (host != platform.node() or (number.isdigit() and started(int(number)) == begun))


def started(number: int) -> str:
    """When a process started, in the system's ticks; `-` of one that is gone, and where no one can tell."""
    try:
        told = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "-"
    # Its name, in brackets, may have spaces; the start is the 22nd field.
    return told.rpartition(")")[2].split()[19]
