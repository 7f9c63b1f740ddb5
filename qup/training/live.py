"""Runs followed while they train: curves on the MLflow server that `MLFLOW_TRACKING_URI` names, and whatever else
`QUP_REPORT_TO` asks the trainer to tell.

None of it can change what is trained or stop it: it only hears what the trainer logs, a server has a thread of its own,
and what fails is one line. A run that fails or is stopped is ended as such. `track` puts these runs below their arms.
"""

import contextlib
import functools
import os
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from qup.errors import SettingsError, hint
from qup.training import following
from qup.training.following import SERVER, Following

OTHERS = "QUP_REPORT_TO"
PACKAGES = {"azure_ml": ("azureml", "azureml-core"), "comet_ml": ("comet_ml", "comet-ml"), "flyte": ("flytekit",) * 2}
"Reporters of transformers that are not called as what is imported and what is installed."
LOGGED = {name: name for name in ("loss", "grad_norm", "learning_rate", "entropy", "num_tokens", "epoch")}
LOGGED |= {"mean_token_accuracy": "token_accuracy"}
"What the trainer logs to what it is called."


@dataclass(frozen=True)
class Live:
    """Who is told of a study's runs while they train."""

    experiment: str
    "MLflow's, the one that `track` mirrors the study into."
    server: bool = False
    "Whether the server that `MLFLOW_TRACKING_URI` names is told."
    report_to: tuple[str, ...] = ()
    "Reporters of transformers, such as wandb."

    @contextlib.contextmanager
    def run(self, arm: str, cell: str) -> Iterator["Watched"]:
        """One run of an arm, ended as failed or killed where training ends so."""
        told = Following(self.experiment, arm, cell) if self.server and not Following.given_up else None
        status = "KILLED"
        try:
            yield Watched(f"{arm}/{cell}", self.report_to, told)
            status = "FINISHED"
        except Exception:
            status = "FAILED"
            raise
        finally:
            if told:
                told.end(status)

    @contextlib.contextmanager
    def swept(self) -> Iterator[None]:
        """Training of an arm: where it is broken off, runs of processes that went with it are ended as killed."""
        try:
            yield
        except BaseException:
            if self.server:
                cleaning = threading.Thread(target=self._sweep, name="mlflow-sweep", daemon=True)
                cleaning.start()
                cleaning.join(following.LAST_WORDS / 2)
            raise

    def _sweep(self) -> None:
        with contextlib.suppress(Exception):
            client = following.client()
            following.sweep(client, following.experiment(client, self.experiment))


@dataclass(frozen=True)
class Watched:
    """Who is told of one run."""

    name: str = ""
    "Of the run: its arm, objective and replicate."
    report_to: tuple[str, ...] = ()
    following: Following | None = None


NOBODY, UNWATCHED = Live(""), Watched()
"What nobody is told of."


def asked(study: str) -> Live:
    """Who the environment asks to tell of a study's runs.

    Raises:
        SettingsError: a reporter that transformers does not know, or whose package is not installed.
    """
    return Live(experiment(study), _listens(os.environ.get(SERVER, "")), reporters())


def reporters() -> tuple[str, ...]:
    """Whom `QUP_REPORT_TO` names, each of which can be told.

    Raises:
        SettingsError: one that transformers does not know, or whose package is not installed.
    """
    return _installed(tuple(dict.fromkeys(os.environ.get(OTHERS, "").replace(",", " ").split())))


def _listens(address: str) -> bool:
    """Whether an address is that of a server, and one that takes calls; it is told once if it does not."""
    if not address.startswith(("http://", "https://")):
        return False
    try:
        place = urlsplit(address)
        port = place.port or {"http": 80, "https": 443}[place.scheme]
        socket.create_connection((place.hostname or "", port), timeout=2).close()
    except (OSError, ValueError):
        print(following.SILENT, file=sys.stderr)
        return False
    return True


def experiment(study: str) -> str:
    """A study's experiment in MLflow."""
    return f"qup/{study}"


def _installed(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each of which can be told."""
    if not names:
        return names
    from transformers.integrations import INTEGRATION_TO_CALLBACK

    known = sorted(set(INTEGRATION_TO_CALLBACK) - {"mlflow"})
    for name in names:
        if name == "mlflow":
            raise SettingsError(f"MLflow is told wherever {SERVER} names a server: leave it out", OTHERS)
        if name not in known:
            raise SettingsError(f"unknown reporter {name!r}: {hint(name, known)}", OTHERS)
        module, package = PACKAGES.get(name, (name, name))
        if find_spec(module) is None:
            raise SettingsError(f"{name} is not installed: pip install {package}, or leave it out", OTHERS)
    return names


def attach(trainer: Any, watched: Watched) -> None:
    """Let a trainer tell who is to be told; what one of them raises ends his part and not the training."""
    from transformers import TrainerCallback
    from transformers.integrations import INTEGRATION_TO_CALLBACK

    class Follower(TrainerCallback):  # type: ignore[misc]
        """Passes on what the trainer logs."""

        def on_log(self, args: Any, state: Any, control: Any, *, logs: dict[str, Any], **_: Any) -> None:
            # The last words of a run, its time and means, are of no step.
            if watched.following and "loss" in logs:
                numbers = {shown: float(logs[name]) for name, shown in LOGGED.items() if name in logs}
                watched.following.say(state.global_step, numbers)

    class Guarded(TrainerCallback):  # type: ignore[misc]
        """Another callback, heard until it fails."""

        def __init__(self, name: str, inner: Any) -> None:
            self.name, self.inner = name, inner

        def hear(self, event: str, *args: Any, **named: Any) -> Any:
            try:
                return getattr(self.inner, event)(*args, **named) if self.inner else None
            except Exception as error:
                self.inner = None
                print(f"{self.name}: training goes on and is told no longer: {type(error).__name__}", file=sys.stderr)

    for event in (name for name in dir(TrainerCallback) if name.startswith("on_")):
        setattr(Guarded, event, functools.partialmethod(Guarded.hear, event))
    kinds = {INTEGRATION_TO_CALLBACK[name]: name for name in watched.report_to}
    callbacks = trainer.callback_handler.callbacks
    callbacks[:] = [Guarded(kinds[type(each)], each) if type(each) in kinds else each for each in callbacks]
    if watched.following:
        trainer.add_callback(Follower())
