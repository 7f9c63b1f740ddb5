"""Runs followed while they train: what a server is told, how a run ends, and that nothing of it can stop training."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from qup.errors import SettingsError
from qup.training import Budget, TrainingSettings, following, live
from qup.training.examples import Example
from qup.training.following import Following
from qup.training.live import Live, Watched
from qup.training.trainer import Cell, train


class Client:
    """Keeps what an MLflow server would."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}

    def get_experiment_by_name(self, name: str) -> Any:
        return type("Experiment", (), {"experiment_id": name, "lifecycle_stage": "active"})

    def create_run(self, experiment: str, *, tags: dict[str, str], run_name: str) -> Any:
        self.runs[run_name] = {"experiment": experiment, "tags": tags, "points": [], "status": "RUNNING"}
        return type("Run", (), {"info": type("Info", (), {"run_id": run_name})})

    def log_batch(self, run: str, *, metrics: list[Any]) -> None:
        self.runs[run]["points"] += [(m.key, m.step, m.value) for m in metrics]

    def set_terminated(self, run: str, status: str) -> None:
        self.runs[run]["status"] = status

    def search_runs(self, experiments: list[str], *, filter_string: str, max_results: int) -> list[Any]:
        assert "RUNNING" in filter_string
        made = []
        for name, run in self.runs.items():
            if run["status"] == "RUNNING":
                data, info = type("Data", (), {"tags": run["tags"]}), type("Info", (), {"run_id": name})
                made.append(type("Run", (), {"data": data, "info": info}))
        return made


@pytest.fixture(autouse=True)
def not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test has lost its server yet."""
    monkeypatch.setattr(Following, "given_up", False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Client:
    client = Client()
    monkeypatch.setattr(following, "client", lambda: client)
    monkeypatch.setattr(following, "BATCH", 0.05)
    return client


def test_a_run_is_named_by_its_arm_and_cell_and_ends_with_all_that_was_said(server: Client) -> None:
    with Live("qup/toy", server=True).run("home/restyled", "sft-1") as told:
        assert told.following is not None
        told.following.say(1, {"loss": 2.0})
        told.following.say(2, {"loss": 1.0})
    run = server.runs["home/restyled/sft-1"]
    assert run["points"] == [("loss", 1, 2.0), ("loss", 2, 1.0)]
    assert (run["status"], run["experiment"]) == ("FINISHED", "qup/toy")
    assert run["tags"]["qup.arm"] == "home/restyled"


@pytest.mark.parametrize(("error", "status"), [(SettingsError("diverged"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_a_run_that_fails_or_is_stopped_is_ended_as_such(server: Client, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), Live("qup/toy", server=True).run("home/restyled", "sft-1"):
        raise error
    assert server.runs["home/restyled/sft-1"]["status"] == status


def test_a_server_that_goes_away_costs_a_line_and_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone() -> None:
        raise ConnectionError("http://us:hunter2@host")

    monkeypatch.setattr(following, "client", gone)
    with Live("qup/toy", server=True).run("home/restyled", "sft-1") as told:
        assert told.following is not None
        told.following.say(1, {"loss": 2.0})
    # The next run asks no more.
    with Live("qup/toy", server=True).run("home/restyled", "sft-2") as told:
        assert told.following is None
    assert capsys.readouterr().err == following.SILENT + "\n"


def test_a_server_that_never_answers_holds_a_run_up_for_its_last_words_only(
    server: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = threading.Event()
    monkeypatch.setattr(server, "create_run", lambda *_, **__: waiting.wait(60))
    monkeypatch.setattr(following, "LAST_WORDS", 0.2)
    with Live("qup/toy", server=True).run("home/restyled", "sft-1"):
        pass
    assert capsys.readouterr().err == following.SILENT + "\n"
    assert Following.given_up
    waiting.set()


def test_runs_of_a_process_that_is_gone_are_ended_and_those_of_others_left(server: Client) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = f"{os.uname().nodename} {gone.pid} {following.started(gone.pid)}"
    assert following.alive(process)
    for name, of in {"gone": process, "mine": following.this_process(), "elsewhere": "another-host 1 1"}.items():
        server.create_run("qup/toy", tags={following.PROCESS: of}, run_name=name)
    gone.communicate(b"\n")
    following.sweep(server, "qup/toy")
    assert {name: run["status"] for name, run in server.runs.items()} == {
        "gone": "KILLED",
        "mine": "RUNNING",
        "elsewhere": "RUNNING",
    }
    # Another process that has got its number is another process.
    assert not following.alive(f"{os.uname().nodename} {os.getpid()} 1")


def test_what_breaks_training_off_ends_the_runs_that_went_with_it(server: Client) -> None:
    server.create_run("qup/toy", tags={following.PROCESS: f"{os.uname().nodename} 1 0"}, run_name="gone")
    with pytest.raises(KeyboardInterrupt), Live("qup/toy", server=True).swept():
        raise KeyboardInterrupt
    assert server.runs["gone"]["status"] == "KILLED"


# --- what the environment asks for


@pytest.mark.parametrize("address", ["", "sqlite:///mlflow.db", "./mlruns"])
def test_without_a_server_nobody_is_followed(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(live.SERVER, address)
    monkeypatch.delenv(live.OTHERS, raising=False)
    assert live.asked("toy") == Live("qup/toy")


def test_a_server_that_takes_calls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv(live.SERVER, f"http://us:hunter2@127.0.0.1:{listening.getsockname()[1]}")
        assert live.asked("toy").server


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://[::1", "http://us:hunter2@127.0.0.1:99999"])
def test_a_server_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    monkeypatch.setenv(live.SERVER, address)
    assert not live.asked("toy").server
    assert capsys.readouterr().err == following.SILENT + "\n"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("wandbb", "QUP_REPORT_TO: unknown reporter 'wandbb': did you mean 'wandb'"),
        ("mlflow", "QUP_REPORT_TO: MLflow is told wherever MLFLOW_TRACKING_URI names a server"),
        ("wandb", "QUP_REPORT_TO: wandb is not installed: pip install wandb, or leave it out"),
    ],
)
def test_a_reporter_that_cannot_be_told_is_one_line_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, asked: str, said: str
) -> None:
    monkeypatch.setattr(live, "find_spec", lambda name: None)
    monkeypatch.setenv(live.OTHERS, asked)
    with pytest.raises(SettingsError, match=f"^{said}"):
        live.asked("toy")


def test_reporters_are_handed_to_the_trainer_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "find_spec", lambda name: name)
    monkeypatch.setenv(live.OTHERS, "wandb, tensorboard wandb")
    assert live.asked("toy").report_to == ("wandb", "tensorboard")


class Handler:
    def __init__(self, *callbacks: Any) -> None:
        self.callbacks = list(callbacks)


class Trainer:
    """What of a trainer callbacks are attached to."""

    def __init__(self, *callbacks: Any) -> None:
        self.callback_handler = Handler(*callbacks)

    def add_callback(self, callback: Any) -> None:
        self.callback_handler.callbacks.append(callback)


def test_a_reporter_that_fails_ends_its_part_and_not_the_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import TrainerCallback, integrations

    heard = []

    class Failing(TrainerCallback):  # type: ignore[misc]
        def on_log(self, *args: Any, **named: Any) -> None:
            heard.append(named["logs"])
            raise RuntimeError("no network")

    monkeypatch.setitem(integrations.INTEGRATION_TO_CALLBACK, "wandb", Failing)
    trainer = Trainer(Failing())
    live.attach(trainer, Watched("home/restyled/sft-1", ("wandb",)))
    (guarded,) = trainer.callback_handler.callbacks
    for step in (1, 2):
        guarded.on_log(None, None, None, logs={"loss": step})
    assert heard == [{"loss": 1}]
    assert capsys.readouterr().err == "wandb: training goes on and is told no longer: RuntimeError\n"


def test_a_followed_run_trains_the_same_bytes_and_the_server_has_every_step(
    server: Client, learner: Path, tmp_path: Path
) -> None:
    traces = [Example([1, 2, 3, 4], [-100, 2, 3, 4], truncated=False)] * 4
    settings = TrainingSettings(Budget(epochs=1), batch=2, rank=4, dtype="float32")
    alone, _ = train(learner, traces, settings, Cell("sft", 1, 7), tmp_path / "alone")
    with Live("qup/toy", server=True).run("home/restyled", "sft-1") as told:
        steps, _ = train(learner, traces, settings, Cell("sft", 1, 7), tmp_path / "told", watched=told)
    assert contents(tmp_path / "told") == contents(tmp_path / "alone")
    assert steps == alone
    points = server.runs["home/restyled/sft-1"]["points"]
    assert [(step, value) for name, step, value in points if name == "loss"] == [(s.step, s.loss) for s in steps]
    assert {name for name, _, _ in points} >= {"loss", "grad_norm", "learning_rate"}


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}
