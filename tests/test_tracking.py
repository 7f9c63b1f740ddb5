"""A pipeline state is mirrored into MLflow once, whole or not at all."""

import json
import shutil

import pytest

from qup import records, tracking
from qup.errors import SettingsError
from qup.records import Step
from qup.tracking import Mirror
from stages import cli
from stages import track as stage

ESTIMATE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 60, "se": 0.05}
MISSING = {"value": None, "reason": "no learner"}


def an_arm(refiner):
    learner = {"utility": ESTIMATE, "accuracy": ESTIMATE}
    ppl = {"micro": ESTIMATE, "macro": ESTIMATE}
    learners = {"sft": learner, "dft": {"utility": MISSING, "accuracy": MISSING}}
    return {"refiner": refiner, "oracle": None, "rewards": {"genrm": ESTIMATE}, "ppl": ppl, "learners": learners}


def steps(count):
    return [Step("sft", 1, s, s / count, 10 * s, 1 / s, 1.0, 1e-4) for s in range(1, count + 1)]


@pytest.fixture
def mirror(tmp_path):
    page = tmp_path / "report"
    page.mkdir()
    (page / "report.md").write_text("# Toy\n")
    arms = {name: an_arm(name) for name in ("rejection_sampling", "oracle_refined")}
    settings = {"seed": 1, "training": {"seeds": [1], "note": "x" * 7000}}
    return Mirror("qup/toy", "a" * 64, {"arms": arms}, settings, {"oracle_refined": steps(4)}, artifacts=page)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A store with its tables made, which takes two seconds."""
    from mlflow.tracking import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def client(tmp_path, empty_store, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    from mlflow.tracking import MlflowClient

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")


def runs(client):
    experiment = client.get_experiment_by_name("qup/toy").experiment_id
    return {run.info.run_name: run for run in client.search_runs([experiment])}


def test_a_second_track_of_the_same_state_adds_nothing(tmp_path, client, mirror) -> None:
    first, added = tracking.track(mirror, tmp_path)
    assert added
    assert tracking.track(mirror, tmp_path) == (first, False)
    assert len(runs(client)) == 3


def test_children_carry_metrics_intervals_and_the_curve(tmp_path, client, mirror) -> None:
    parent, _ = tracking.track(mirror, tmp_path)
    child = runs(client)["oracle_refined"]
    assert child.data.tags["mlflow.parentRunId"] == parent
    wanted = {"reward.genrm": 0.5, "ppl": 0.5, "utility.sft": 0.5, "accuracy.sft": 0.5, "utility.sft.low": 0.4}
    assert wanted.items() <= child.data.metrics.items()
    assert "utility.dft" not in child.data.metrics
    curve = client.get_metric_history(child.info.run_id, "loss/sft/1")
    assert [(m.step, m.value) for m in curve] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]


def test_the_parent_holds_the_settings_and_the_report(tmp_path, client, mirror) -> None:
    parent, _ = tracking.track(mirror, tmp_path)
    params = client.get_run(parent).data.params
    assert params["training.seeds"] == "[1]"
    assert len(params["training.note"]) == tracking.PARAM_LIMIT
    assert [f.path for f in client.list_artifacts(parent)] == ["report.md"]


def test_a_crash_midway_is_redone_and_leaves_no_half_run(tmp_path, client, mirror, monkeypatch) -> None:
    log = tracking._log

    def failing(client, run, *args, **named):
        if client.get_run(run).info.run_name == "oracle_refined":
            raise KeyboardInterrupt
        log(client, run, *args, **named)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tracking, "_log", failing)
        tracking.track(mirror, tmp_path)
    half = {run.info.run_id for run in runs(client).values()}
    parent, added = tracking.track(mirror, tmp_path)
    whole = runs(client)
    assert added
    assert len(whole) == 3
    assert not half & {run.info.run_id for run in whole.values()}
    assert client.get_run(parent).data.tags[tracking.COMPLETE] == "true"


def test_a_long_curve_is_thinned_and_keeps_its_last_step() -> None:
    thinned = tracking.thin(steps(1001))
    assert len(thinned) <= tracking.CURVE
    assert thinned[-1].step == 1001


def lock(path, md5="1" * 32):
    outs = [
        {"path": p, "md5": md5}
        for p in ("data/toy/oracle_refined/stream.jsonl", "data/toy/restyled/stream.jsonl", "results/toy/report.json")
    ]
    path.write_text(json.dumps({"schema": "2.0", "stages": {"x": {"cmd": "x", "outs": outs}}}))


@pytest.fixture
def repo(tmp_path, mirror, client, monkeypatch):
    """A folder like the repository after `dvc repro`."""
    monkeypatch.chdir(tmp_path)
    lock(tmp_path / "dvc.lock")
    (tmp_path / "results" / "toy").mkdir(parents=True)
    (tmp_path / "results" / "toy" / "report.json").write_text(json.dumps(mirror.summary))
    records.write(tmp_path / "data" / "toy" / "oracle_refined" / "trajectory.jsonl", steps(3))
    monkeypatch.setattr(cli, "read_study", lambda _: Step("sft", 1, 1, 1, 1, 1, 1, 1))
    flags = ["--study=studies/toy.yaml", "--data=data/toy", "--metrics=results/toy/report.json", "--report=report"]
    return [*flags, "--lock=dvc.lock", "--arms", "rejection_sampling", "oracle_refined", "oracle_refined"]


def test_a_new_stream_is_a_new_state_and_another_arms_is_not(tmp_path, repo, client, capsys) -> None:
    stage.main(repo)
    before = len(runs(client))
    text = (tmp_path / "dvc.lock").read_text()
    (tmp_path / "dvc.lock").write_text(
        text.replace('restyled/stream.jsonl", "md5": "1', 'restyled/stream.jsonl", "md5": "2')
    )
    stage.main(repo)
    assert len(runs(client)) == before == 3
    lock(tmp_path / "dvc.lock", "3" * 32)
    stage.main(repo)
    experiment = client.get_experiment_by_name("qup/toy").experiment_id
    assert len(client.search_runs([experiment])) == 6
    sums = {run.data.tags.get("dvc.stream.jsonl") for run in client.search_runs([experiment])}
    assert sums == {None, "1" * 32, "3" * 32}
    assert "seconds" not in capsys.readouterr().out
    assert not (tmp_path / "results" / "toy" / "runtime.json").exists()


def test_times_of_this_study_are_shown_and_merged(tmp_path, repo, capsys) -> None:
    cli.RUNS.mkdir(parents=True)
    for name in ("reward@toy-oracle_refined", "prepare@toy", "prepare@toy-large", "prepare@other"):
        (cli.RUNS / f"{name}.json").write_text(json.dumps({"stage": name, "seconds": 1.5, "started": 0}))
    kept = tmp_path / "results" / "toy" / "runtime.json"
    kept.write_text(json.dumps({"sample": {"seconds": 9, "started": "1970-01-01T00:00:00+00:00"}}))
    stage.main(repo)
    found = json.loads(kept.read_text())
    assert set(found) == {"sample", "prepare", "reward@oracle_refined"}
    assert found["prepare"] == {"seconds": 1.5, "started": "1970-01-01T00:00:00+00:00"}
    assert "reward@oracle_refined" in capsys.readouterr().out


def test_a_lock_without_the_study_is_an_error_that_says_what_to_do(tmp_path, repo) -> None:
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    with pytest.raises(SettingsError, match="dvc repro"):
        stage.main(repo)
