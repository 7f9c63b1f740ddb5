"""A pipeline state is mirrored into MLflow once, whole or not at all; reports and results stay where Git keeps them."""

import contextlib
import dataclasses
import json
import platform
import re
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qup import measured, provenance, tracking
from qup.arms import Arm, main_names
from qup.errors import SettingsError
from qup.measured import Curve, files
from qup.records import Step
from qup.report.sections.settings import UNSTAMPED
from qup.study import read
from qup.tracking import Mirror, _runs, _write
from qup.training import following
from qup.training.settings import Budget, TrainingSettings
from stages import cli
from stages import track as stage

ESTIMATE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 60, "se": 0.05}
MISSING = {"value": None, "reason": "no learner"}
NATIVE, REFINED = "learner/rejection_sampling", "home/oracle_refined"


def an_arm(name: str) -> dict[str, Any]:
    learner = {"utility": ESTIMATE, "accuracy": ESTIMATE}
    ppl = {"micro": ESTIMATE, "macro": ESTIMATE}
    learners = {"sft": learner, "dft": {"utility": MISSING, "accuracy": MISSING}}
    oracle, refiner = name.split("/")
    return {"refiner": refiner, "oracle": oracle, "rewards": {"genrm": ESTIMATE}, "ppl": ppl, "learners": learners}


def steps(count: int) -> list[Step]:
    return [Step("sft", 1, s, s / count, 10 * s, 1 / s, 1.0, 1e-4) for s in range(1, count + 1)]


def curve(count: int) -> Curve:
    (made,) = measured._curves(steps(count))
    return made


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    page = tmp_path / "page"
    page.mkdir()
    (page / "report.md").write_text("# Toy\n")
    arms = {name: an_arm(name) for name in (NATIVE, REFINED)}
    settings = {"seed": 1, "training": {"objectives": ["sft"], "note": "x" * 7000}}
    return Mirror("qup/toy", "a" * 64, {"arms": arms}, settings, {REFINED: [curve(4)]}, artifacts=page)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with its tables made, which takes two seconds."""
    from mlflow.tracking import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def client(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    from mlflow.tracking import MlflowClient

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")


def all_runs(client: Any) -> list[Any]:
    experiment = client.get_experiment_by_name("qup/toy").experiment_id
    return list(client.search_runs([experiment]))


def runs(client: Any) -> dict[str, Any]:
    return {run.info.run_name: run for run in all_runs(client)}


def test_a_second_track_of_the_same_state_adds_nothing(tmp_path: Path, client: Any, mirror: Mirror) -> None:
    first, added = tracking.track(mirror, tmp_path)
    assert added
    assert tracking.track(mirror, tmp_path) == (first, False)
    assert len(runs(client)) == 3


def test_children_carry_metrics_intervals_and_the_curve(tmp_path: Path, client: Any, mirror: Mirror) -> None:
    parent, _ = tracking.track(mirror, tmp_path)
    child = runs(client)[REFINED]
    assert child.data.tags["mlflow.parentRunId"] == parent
    wanted = {"reward.genrm": 0.5, "ppl": 0.5, "utility.sft": 0.5, "accuracy.sft": 0.5, "utility.sft.low": 0.4}
    assert wanted.items() <= child.data.metrics.items()
    assert "utility.dft" not in child.data.metrics
    assert child.data.params == {"arm": REFINED, "refiner": "oracle_refined", "oracle": "home"}
    points = client.get_metric_history(child.info.run_id, "loss/sft/1")
    assert [(m.step, m.value) for m in points] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]


def test_the_parent_holds_the_settings_and_the_report(tmp_path: Path, client: Any, mirror: Mirror) -> None:
    parent, _ = tracking.track(mirror, tmp_path)
    params = client.get_run(parent).data.params
    assert params["training.objectives"] == "['sft']"
    assert len(params["training.note"]) == _write.PARAM_LIMIT
    assert [f.path for f in client.list_artifacts(parent)] == ["report.md"]


def the_whole() -> dict[str, Any]:
    """A report with all that is mirrored of one."""
    stream = {"traces": 7, "outcomes": {"kept": 5, "failed": 2}, "attempts": 9, "oracle_tokens": 40}
    arms = {name: {**an_arm(name), "stream": stream, "label": name.upper()} for name in (NATIVE, REFINED)}
    choice = {"oracle": "home", "objective": "sft", "arms": [NATIVE], "state": "chosen", "headline": "train on RFT"}
    verdict = {"oracle": "home", "objective": "sft", "headline": "Paradox shown.", "sentences": ["V and C."]}
    contrast = {"name": "RFT - Refined", "declared": True, "estimate": ESTIMATE, "holm": {"low": 0.3, "high": 0.7}}
    explored = {**contrast, "name": "SAR - RFT", "declared": False}
    return {
        "study": {"title": "Toy"},
        "arms": arms,
        "control_arms": {"twin": {**arms[REFINED], "label": "twin"}},
        "base": {"accuracy": ESTIMATE, "sets": {}},
        "adaptation": {REFINED: {"cost": ESTIMATE, "recovery": MISSING, "tasks": {}}},
        "oracles": {"home": {"objectives": {"sft": {"contrasts": [contrast, explored]}}}},
        "choices": [{**choice, "sentence": "By 3 points."}],
        "verdicts": [verdict],
        "cautions": ["few problems"],
    }


@pytest.fixture
def whole(mirror: Mirror) -> Mirror:
    streams = [tracking.Data("data/toy/arms/x/stream.jsonl", "1" * 32, "training", 7)]
    folder = [tracking.Data("data/toy/problems", f"{'2' * 32}.dir", "evaluation")]
    data = {REFINED: [*streams, *folder], "base": folder}
    curves = {REFINED: [curve(4)], "twin": [curve(2)]}
    return dataclasses.replace(
        mirror, summary=the_whole(), curves=curves, name="by home", data=data, pretraining=steps(3)
    )


def test_the_report_has_the_verdict_in_words_and_its_headline_numbers_with_the_ends_that_decide(
    tmp_path: Path, client: Any, whole: Mirror
) -> None:
    tracking.track(whole, tmp_path)
    report = runs(client)["by home"]
    note = report.data.tags["mlflow.note.content"]
    assert note.startswith("**Toy**\n\n**What to train on, SFT, Oracle home: train on RFT.** By 3 points.\n\n")
    assert note.endswith("**SFT, Oracle home: Paradox shown.**\n\n- V and C.\n\nCautions:\n\n- few problems")
    assert report.data.tags["qup.train_on.home.sft"] == "train on RFT"
    name = "difference/RFT - Refined.home.sft"
    # Two main arms and a control, of 40 tokens each.
    wanted = {name: 0.5, f"{name}.low": 0.3, f"{name}.high": 0.7, "oracle_tokens": 120.0}
    assert report.data.metrics == wanted


def test_the_best_arm_is_tagged_and_where_none_is_named_none_is(tmp_path: Path, client: Any, whole: Mirror) -> None:
    tracking.track(whole, tmp_path)
    assert runs(client)[NATIVE].data.tags["qup.best.home.sft"] == "best"
    assert "qup.best.home.sft" not in runs(client)[REFINED].data.tags
    choice = {"oracle": "home", "objective": "sft", "arms": [NATIVE, REFINED], "state": "no gain"}
    assert _runs.best_tags({"choices": [choice]}, REFINED) == {"qup.best.home.sft": "among the best, no gain"}
    alone = {"choices": [{**choice, "arms": [REFINED]}]}
    assert _runs.best_tags(alone, REFINED) == {"qup.best.home.sft": "ahead of the others, no gain"}
    assert _runs.best_tags({"choices": [{**choice, "state": "not replicated"}]}, REFINED) == {}


def test_controls_and_the_untrained_learner_are_runs_with_their_curves(
    tmp_path: Path, client: Any, whole: Mirror
) -> None:
    parent, _ = tracking.track(whole, tmp_path)
    found = runs(client)
    kinds = {name: run.data.tags[tracking.KIND] for name, run in found.items()}
    assert kinds == {"by home": "pipeline", NATIVE: "arm", REFINED: "arm", "twin": "control", "base": "base"}
    assert {run.data.tags.get("mlflow.parentRunId") for name, run in found.items() if name != "by home"} == {parent}
    # The newest first, as MLflow lists them.
    assert [name for name in found if name != "by home"] == [NATIVE, REFINED, "twin", "base"]
    assert [m.value for m in client.get_metric_history(found["twin"].info.run_id, "loss/sft/1")] == [1.0, 0.5]
    assert found["base"].data.metrics["accuracy.low"] == 0.4
    points = client.get_metric_history(found["base"].info.run_id, "pretraining/loss")
    assert [(m.step, m.value) for m in points] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]


def test_an_arm_has_what_it_cost_and_what_it_was_made_from(tmp_path: Path, client: Any, whole: Mirror) -> None:
    tracking.track(whole, tmp_path)
    arm = runs(client)[REFINED]
    assert arm.data.metrics["adaptation/cost.high"] == 0.6
    assert "adaptation/recovery" not in arm.data.metrics
    assert arm.data.metrics["oracle_tokens"] == 40
    said = "**HOME/ORACLE_REFINED**: 7 traces (kept 5, failed 2); 40 Oracle tokens in 9 attempts."
    assert arm.data.tags["mlflow.note.content"] == said
    sets = {each.dataset.name: each for each in client.get_run(arm.info.run_id).inputs.dataset_inputs}
    stream = sets["data/toy/arms/x/stream.jsonl"]
    assert (stream.dataset.digest, stream.tags[0].value) == ("1" * 32, "training")
    assert json.loads(stream.dataset.profile) == {"num_rows": 7}
    assert sets["data/toy/problems"].dataset.digest == f"{'2' * 32}.dir"


def test_what_an_older_version_mirrored_is_mirrored_afresh(tmp_path: Path, client: Any, mirror: Mirror) -> None:
    older, _ = tracking.track(mirror, tmp_path)
    client.set_tag(older, tracking.COMPLETE, "true")
    newer, added = tracking.track(mirror, tmp_path)
    assert added
    assert newer != older
    assert len(all_runs(client)) == 3


def test_runs_followed_live_come_below_their_arms_and_those_under_way_stay(
    tmp_path: Path, client: Any, mirror: Mirror
) -> None:
    tracking.track(mirror, tmp_path)
    experiment = client.get_experiment_by_name("qup/toy").experiment_id

    def followed(name: str, process: str, status: str | None) -> None:
        tags = {tracking.KIND: "live", "qup.arm": REFINED, "qup.process": process}
        run = client.create_run(experiment, tags=tags, run_name=name).info.run_id
        if status:
            client.set_terminated(run, status)

    followed("ended", "a 1 1", "FINISHED")
    followed("training", "another-host 1 1", None)
    followed("gone", f"{platform.node()} 1 x", None)
    assert tracking.track(mirror, tmp_path)[1] is False
    found = runs(client)
    arm = found[REFINED].info.run_id
    parents = {name: found[name].data.tags.get("mlflow.parentRunId") for name in ("ended", "training", "gone")}
    assert parents == {"ended": arm, "training": None, "gone": arm}
    assert (found["training"].info.status, found["gone"].info.status) == ("RUNNING", "KILLED")
    # Where the report's runs make room for new ones, those followed live go over to them.
    client.set_tag(found[REFINED].data.tags["mlflow.parentRunId"], tracking.COMPLETE, "true")
    tracking.track(mirror, tmp_path)
    renewed = runs(client)
    assert renewed[REFINED].info.run_id != arm
    assert renewed["ended"].data.tags["mlflow.parentRunId"] == renewed[REFINED].info.run_id


def test_what_is_half_mirrored_of_another_state_goes_when_its_process_has(
    tmp_path: Path, client: Any, mirror: Mirror
) -> None:
    tracking.track(mirror, tmp_path)
    experiment = client.get_experiment_by_name("qup/toy").experiment_id
    for name, process in {"half": f"{platform.node()} 1 x", "under way": "another-host 1 1"}.items():
        tags = {tracking.KIND: "pipeline", tracking.STATE: "b" * 64, "qup.process": process}
        client.create_run(experiment, tags=tags, run_name=name)
    tracking.track(mirror, tmp_path)
    assert "half" not in runs(client)
    assert "under way" in runs(client)


def test_a_crash_midway_is_redone_and_leaves_no_half_run(
    tmp_path: Path, client: Any, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = _write.log

    def failing(client: Any, run: str, *args: Any, **named: Any) -> None:
        if client.get_run(run).info.run_name == NATIVE:
            raise KeyboardInterrupt
        log(client, run, *args, **named)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_write, "log", failing)
        tracking.track(mirror, tmp_path)
    half = {run.info.run_id for run in runs(client).values()}
    assert {run.info.status for run in runs(client).values()} == {"KILLED", "FINISHED"}
    parent, added = tracking.track(mirror, tmp_path)
    whole = runs(client)
    assert added
    assert len(whole) == 3
    assert not half & {run.info.run_id for run in whole.values()}
    assert client.get_run(parent).data.tags[tracking.COMPLETE] == tracking.SHAPE


def test_a_long_curve_is_thinned_and_keeps_its_last_step() -> None:
    thinned = _runs.thin(1001)
    assert len(thinned) <= _runs.CURVE
    assert thinned[-1] == 1001
    # Every fifth counted from the last: 1001 / 250 is a little more than 4.
    assert thinned[:3] == [1, 6, 11]
    assert _runs.losses([curve(1001)])[-1] == ("loss/sft/1", 1 / 1001, 1001)


def test_a_short_curve_is_kept_whole() -> None:
    assert _runs.thin(3) == [1, 2, 3]
    assert _runs.thin(0) == []


# --- where a result comes from


def write_lock(path: Path, outs: dict[str, str]) -> None:
    """A dvc.lock of one stage."""
    rows = [{"path": name, "hash": "md5", "md5": md5} for name, md5 in outs.items()]
    path.write_text(json.dumps({"schema": "2.0", "stages": {"x": {"cmd": "x", "outs": rows}}}))


def test_outputs_are_those_of_all_stages_by_path_that_dvc_has_a_hash_of(tmp_path: Path) -> None:
    stages = {
        "later": {"cmd": "x", "outs": [{"path": "b", "md5": "2"}, {"path": "pending"}]},
        "bare": {"cmd": "x", "deps": [{"path": "d", "md5": "4"}]},
        "first": {"cmd": "x", "outs": [{"path": "c", "md5": "3.dir"}, {"path": "a", "md5": "1"}]},
    }
    (tmp_path / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}))
    assert list(provenance.outputs(tmp_path / "dvc.lock").items()) == [("a", "1"), ("b", "2"), ("c", "3.dir")]


def test_no_lock_file_has_no_outputs(tmp_path: Path) -> None:
    assert provenance.outputs(tmp_path / "dvc.lock") == {}


def test_hashes_are_those_of_the_study_without_the_arms_that_are_not_asked_for(tmp_path: Path) -> None:
    mine = {
        "data/toy/traces.jsonl": "1",
        "data/toy/report": "2.dir",
        "data/toy/arms/home/restyled/stream.jsonl": "3",
        "data/toy/arms/home/restyled/scores.jsonl": "4",
    }
    others = {
        "data/toy/arms/home/restyled_more/stream.jsonl": "5",
        "data/toy/arms/voiced/restyled/stream.jsonl": "6",
        "data/toy-large/traces.jsonl": "7",
        "results/toy/metrics.json": "8",
    }
    write_lock(tmp_path / "dvc.lock", others | mine)
    found = provenance.hashes(tmp_path / "dvc.lock", Path("data/toy"), Path("data/toy/arms"), ["home/restyled"])
    assert found == mine


@pytest.mark.parametrize("outs", [None, {}, {"data/other/traces.jsonl": "1"}])
def test_a_lock_without_the_study_is_an_error_that_says_what_to_do(tmp_path: Path, outs: dict[str, str] | None) -> None:
    if outs is not None:
        write_lock(tmp_path / "dvc.lock", outs)
    with pytest.raises(SettingsError, match=r"dvc\.lock holds no output below data/toy: run `dvc repro` first"):
        provenance.hashes(tmp_path / "dvc.lock", Path("data/toy"), Path("data/toy/arms"), [])


def test_the_environment_names_the_commit_and_whether_the_tree_has_changes(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=us", "-c", "user.email=us@example.org"]
        return subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    assert "mlflow.source.git.commit" not in provenance.environment(tmp_path)
    git("init", "--quiet")
    assert "mlflow.source.git.commit" not in provenance.environment(tmp_path)
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "--quiet", "--message", "one")
    clean = provenance.environment(tmp_path)
    assert (clean["mlflow.source.git.commit"], clean["git.dirty"]) == (git("rev-parse", "HEAD").strip(), "false")
    assert clean["torch"][0].isdigit()
    (tmp_path / "b").write_text("not tracked")
    assert provenance.environment(tmp_path)["git.dirty"] == "false"
    (tmp_path / "a").write_text("2")
    assert provenance.environment(tmp_path)["git.dirty"] == "true"


# --- a folder like another


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def put(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        place = folder / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def test_a_copied_folder_is_like_its_source_strays_removed(tmp_path: Path) -> None:
    put(tmp_path / "from", same="1", other="2", deep__new="3")
    put(tmp_path / "to", same="1", other="old", deep__stray="4", stray="5")
    stage.copy(tmp_path / "from", tmp_path / "to")
    assert contents(tmp_path / "to") == contents(tmp_path / "from") == {"same": "1", "other": "2", "deep/new": "3"}
    stage.copy(tmp_path / "from", tmp_path / "fresh")
    assert contents(tmp_path / "fresh") == contents(tmp_path / "from")


def test_equal_files_are_not_written_again(tmp_path: Path) -> None:
    put(tmp_path / "from", same="1", other="2")
    put(tmp_path / "to", same="1", other="x")
    before = (tmp_path / "to" / "same").stat()
    stage.copy(tmp_path / "from", tmp_path / "to")
    after = (tmp_path / "to" / "same").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


# --- results of other studies that an experiment removed

PIPELINE = """
stages:
  measure:
    matrix: {study: [mine, other]}
    cmd: mkdir -p results/${item.study} && cp given.json results/${item.study}/metrics.json
    deps: [given.json]
    metrics:
      - results/${item.study}/metrics.json: {cache: false}
"""


@pytest.fixture
def dvc_repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC repository after a run of two studies."""
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    put(tmp_path, **{"given.json": "[1]\n", "dvc.yaml": PIPELINE})
    with Repo.init(no_scm=True) as repo:
        repo.reproduce()
    for name in ("mine", "other"):
        put(tmp_path, **{f"results/{name}/report/report.json": '{"arms": {"home/restyled": {}}}'})
    return tmp_path


def put_back() -> list[Path]:
    return stage.put_back(Path("dvc.lock"), Path("results"), "mine")


def test_what_dvc_removed_of_other_studies_comes_back_from_its_cache_and_nothing_else(dvc_repo: Path) -> None:
    mine, other = (Path("results") / study / "metrics.json" for study in ("mine", "other"))
    assert put_back() == []
    mine.unlink()
    other.unlink()
    assert put_back() == [other]
    assert other.read_text() == "[1]\n"
    assert not mine.exists()
    assert put_back() == []


def test_what_is_there_is_left_as_it_is(dvc_repo: Path) -> None:
    other = Path("results/other/metrics.json")
    other.write_text("edited")
    assert put_back() == []
    assert other.read_text() == "edited"


def test_neither_a_deleted_study_nor_an_arm_that_its_report_does_not_name_comes_back(dvc_repo: Path) -> None:
    assert stage.files_behind(Path("results/other/report/report.json")) == {
        *(Path("results/other/arms") / f"{name}.json" for name in ("home/restyled", "base", "further")),
        Path("results/other/metrics.json"),
    }
    shutil.rmtree("results/other")
    assert put_back() == []
    assert not Path("results/other").exists()


def test_what_the_cache_does_not_hold_is_passed_over(dvc_repo: Path) -> None:
    Path("results/other/metrics.json").unlink()
    shutil.rmtree(".dvc/cache")
    assert put_back() == []


# --- the stage

MD5 = "1" * 32
ARMS = main_names(["home"], "oracle_refined")


def lock_of(md5: str = MD5, voiced: str = MD5) -> dict[str, str]:
    arms = {f"data/toy/arms/{arm}/stream.jsonl": md5 for arm in ARMS[:2]}
    arms |= {"data/toy/arms/voiced/restyled/stream.jsonl": voiced, "data/toy/report": f"{md5}.dir"}
    return arms | {"data/toy/traces.jsonl": MD5}


def write_measured(folder: Path, name: str, curve_of: Sequence[Step]) -> None:
    oracle, refiner = name.split("/")
    arm = Arm(name, oracle, refiner, TrainingSettings(Budget(epochs=1)), "solved")
    files.write(folder / f"{name}.json", [measured.measure(arm, {}, [], [], [], curve_of, [], [])])


@pytest.fixture
def repo(tmp_path: Path, mirror: Mirror, client: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flags of the stage in a folder like the repository after `dvc repro`."""
    study = read(Path(__file__).parents[1] / "studies" / "smoke.yaml")
    monkeypatch.setattr("stages.cli.start", lambda args: study)
    monkeypatch.chdir(tmp_path)
    put(tmp_path, **{"params.yaml": "study: toy\nrefiner: oracle_refined\noracles: [home]\n"})
    write_lock(tmp_path / "dvc.lock", lock_of())
    put(tmp_path / "data/toy/report", **{"report.json": json.dumps(mirror.summary), "report.md": "# Toy\n"})
    for name in ARMS:
        write_measured(tmp_path / "results/toy/arms", name, steps(3))
    flags = ["--study=studies/toy.yaml", "--params=params.yaml", "--arms=data/toy/arms", "--report=data/toy/report"]
    return [*flags, "--models=models/toy/base", "--results=results", "--lock=dvc.lock"]


def test_a_new_stream_is_a_new_state_and_another_arms_is_not(
    tmp_path: Path, repo: list[str], client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.main(repo)
    before = len(runs(client))
    write_lock(tmp_path / "dvc.lock", lock_of(voiced="2" * 32))
    stage.main(repo)
    assert len(all_runs(client)) == before == 3
    write_lock(tmp_path / "dvc.lock", lock_of("3" * 32))
    stage.main(repo)
    assert len(all_runs(client)) == 6
    sums = {run.data.tags.get("dvc.stream.jsonl") for run in all_runs(client)}
    assert sums == {None, MD5, "3" * 32}
    assert "seconds" not in capsys.readouterr().out
    assert not (tmp_path / "results" / "toy" / "runtime.json").exists()


def test_the_stage_mirrors_the_studys_settings_and_the_arms_measured_curves(repo: list[str], client: Any) -> None:
    stage.main(repo)
    parent = next(run for run in all_runs(client) if run.data.tags[tracking.KIND] == "pipeline")
    assert re.fullmatch(r"oracle_refined by home( [0-9a-f]{7}\+?)?", parent.info.run_name)
    assert parent.data.params["models.learner.source"] == "random"
    made = {each.dataset.name: each.dataset.digest for each in parent.inputs.dataset_inputs}
    assert made == {"data/toy/traces.jsonl": MD5}
    stream = runs(client)[NATIVE].inputs.dataset_inputs[0]
    assert (stream.dataset.name, stream.dataset.digest) == (f"data/toy/arms/{NATIVE}/stream.jsonl", MD5)
    assert parent.data.params["training.objectives"] == "['sft', 'dft']"
    points = client.get_metric_history(runs(client)[NATIVE].info.run_id, "loss/sft/1")
    assert [m.value for m in points] == [1.0, 0.5, 1 / 3]


def test_the_report_lies_where_git_keeps_it_and_a_run_without_one_leaves_it(tmp_path: Path, repo: list[str]) -> None:
    put(tmp_path / "results/toy/report", stray="of another version")
    stage.main(repo)
    kept = contents(tmp_path / "results/toy/report")
    assert kept == contents(tmp_path / "data/toy/report")
    shutil.rmtree(tmp_path / "data/toy/report")
    stage.main(repo)
    assert contents(tmp_path / "results/toy/report") == kept


def test_the_stage_says_what_made_the_report_and_puts_all_studies_on_one_page(tmp_path: Path, repo: list[str]) -> None:
    put(tmp_path / "models/toy/base/learner", **{"config.json": '{"model_type": "qwen2"}'})
    stage.main(repo)
    said = json.loads((tmp_path / "results/toy/made.json").read_text(encoding="utf-8"))
    assert (said["family"], said["parameters"], said["settings"]["seed"]) == ("qwen2", None, 1)
    # The toy's numbers are no whole report, which stops neither the page nor the stage.
    assert "its report.json cannot be read" in (tmp_path / "results/index.html").read_text(encoding="utf-8")


def test_the_page_that_git_keeps_says_what_made_it_that_of_the_stage_does_not(tmp_path: Path, repo: list[str]) -> None:
    unstamped = f"<p>{UNSTAMPED.replace('`track`', '<code>track</code>')}</p>"
    put(tmp_path / "data/toy/report", **{"index.html": unstamped})
    stage.main(repo)
    kept = (tmp_path / "results/toy/report/index.html").read_text(encoding="utf-8")
    assert "<code>qup run toy</code>" in kept
    assert "torch " in kept
    assert "are added where" not in kept
    assert (tmp_path / "data/toy/report/index.html").read_text(encoding="utf-8") == unstamped
    stage.main(repo)
    assert (tmp_path / "results/toy/report/index.html").read_text(encoding="utf-8") == kept


def test_the_stage_stops_at_a_lock_without_the_study(tmp_path: Path, repo: list[str], client: Any) -> None:
    write_lock(tmp_path / "dvc.lock", {})
    with pytest.raises(SettingsError, match="dvc repro"):
        stage.main(repo)
    assert client.get_experiment_by_name("qup/toy") is None


# --- whatever MLflow does not like


def told_soon(mirror: Mirror, root: Path) -> str:
    """The line, which comes within ten seconds; the import of MLflow, which comes before, is the machine's matter."""
    following.prepare()
    begin = time.monotonic()
    line = tracking.attempt(mirror, root)
    assert time.monotonic() - begin < 10
    assert "\n" not in line
    return line


def test_a_state_that_is_mirrored_is_told_in_a_line(tmp_path: Path, client: Any, mirror: Mirror) -> None:
    assert re.fullmatch(r"MLflow: added, run \w{32} of qup/toy", tracking.attempt(mirror, tmp_path))
    assert re.fullmatch(r"MLflow: already there, run \w{32} of qup/toy", tracking.attempt(mirror, tmp_path))


def test_an_experiment_that_was_deleted_is_restored(tmp_path: Path, client: Any, mirror: Mirror) -> None:
    first, _ = tracking.track(mirror, tmp_path)
    client.delete_experiment(client.get_experiment_by_name("qup/toy").experiment_id)
    other = dataclasses.replace(mirror, state="b" * 64)
    assert told_soon(other, tmp_path).startswith("MLflow: added")
    assert client.get_experiment_by_name("qup/toy").lifecycle_stage == "active"
    assert tracking.track(mirror, tmp_path) == (first, False)


def test_an_experiment_that_another_run_makes_meanwhile_is_taken(
    tmp_path: Path, client: Any, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, seen = type(client).get_experiment_by_name, []

    def too_early(self: Any, name: str) -> Any:
        found = look(self, name)
        if not seen:
            seen.append(self.create_experiment(name))
        return found

    monkeypatch.setattr(type(client), "get_experiment_by_name", too_early)
    parent, added = tracking.track(mirror, tmp_path)
    assert added
    assert client.get_run(parent).info.experiment_id == seen[0]


def test_a_run_that_was_deleted_is_mirrored_again(tmp_path: Path, client: Any, mirror: Mirror) -> None:
    first, _ = tracking.track(mirror, tmp_path)
    client.delete_run(first)
    run, added = tracking.track(mirror, tmp_path)
    assert added
    assert run != first


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://127.0.0.1:9", "start the server that MLFLOW_TRACKING_URI names"),
        ("http://us:hunter2hunter2@127.0.0.1:9", "start the server that MLFLOW_TRACKING_URI names"),
        ("./mlruns-file", "set MLFLOW_TRACKING_URI to sqlite:///"),
        ("file:///tmp/mlruns-file", "set MLFLOW_TRACKING_URI to sqlite:///"),
        ("nonsense://x", "mend the store, or set MLFLOW_TRACKING_URI to another"),
        ("oracle://us:hunter2hunter2@127.0.0.1/x", "mend the store"),
        ("sqlite:////dev/null/mlflow.db", "mend the store"),
    ],
)
def test_a_store_that_mlflow_cannot_use_is_one_line_with_what_to_do(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, uri: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    line = told_soon(mirror, tmp_path)
    assert line.startswith("MLflow: this run is not mirrored, ")
    assert said in line
    assert "hunter2" not in line


def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(tracking, "ANSWER", 1.0)
        assert "no answer within 1 seconds (see that the store is there" in told_soon(mirror, tmp_path)


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
def test_a_store_that_is_locked_for_all_or_for_writing_is_one_line(
    tmp_path: Path, client: Any, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    monkeypatch.setattr(tracking, "ANSWER", 1.0)
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as other:
        other.execute(f"BEGIN {lock}")
        assert "no answer within 1 seconds (see that" in told_soon(mirror, tmp_path)
        other.execute("ROLLBACK")
    # In a stage the process ends; here what waits for the lock goes on.
    for thread in threading.enumerate():
        if thread.name == tracking.THREAD:
            thread.join(60)
    monkeypatch.undo()
    assert tracking.attempt(mirror, tmp_path).startswith("MLflow: already there")


def test_a_store_that_is_damaged_is_one_line(tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_text("no database " * 1000)
    # MLflow tries ten times, and what it holds meanwhile would keep the tests after this one.
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 2)
    assert "file is not a database (mend the store" in told_soon(mirror, tmp_path)


def test_names_that_mlflow_refuses_are_mirrored_under_names_like_them(
    tmp_path: Path, client: Any, mirror: Mirror
) -> None:
    names = [
        "a b",
        "gen(rm)",
        "gen[rm]",
        "ü",
        "../up",
        "/top",
        "a//b",
        "a/./b",
        "a/",
        ".",
        "x" * 300,
        "a%b",
        "a:b",
        "50 €",
    ]
    arms = {NATIVE: {**an_arm(NATIVE), "rewards": dict.fromkeys(names, ESTIMATE)}}
    odd = dataclasses.replace(mirror, summary={"arms": arms}, settings=dict.fromkeys(names, 1))
    assert tracking.attempt(odd, tmp_path).startswith("MLflow: added")
    child = runs(client)[NATIVE]
    metrics = [name for name in child.data.metrics if name.startswith("reward.") and not name.endswith(("low", "high"))]
    assert {"reward.a b", "reward.ü"} <= set(metrics)
    parent = next(run for run in all_runs(client) if run.data.tags[tracking.KIND] == "pipeline")
    assert len(parent.data.params) == len(names)
    assert len({_write.accepted(name) for name in ["", *names]}) == len(names) + 1
    assert all(len(_write.accepted(name)) <= _write.NAME_LIMIT for name in names)


def test_the_stage_goes_on_without_mlflow(
    tmp_path: Path, repo: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    cli.RUNS.mkdir(parents=True)
    (cli.RUNS / "prepare@toy.json").write_text(json.dumps({"stage": "prepare@toy", "seconds": 1.5, "started": 0}))
    stage.main(repo)
    assert "MLflow: this run is not mirrored, " in capsys.readouterr().out
    assert contents(tmp_path / "results/toy/report") == contents(tmp_path / "data/toy/report")
    assert (tmp_path / "results" / "toy" / "runtime.json").exists()


def test_times_of_this_study_are_shown_and_merged(
    tmp_path: Path, repo: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cli.RUNS.mkdir(parents=True)
    for name in ("reward@toy-home-oracle_refined", "prepare@toy", "prepare@toy-large", "prepare@other"):
        (cli.RUNS / f"{name}.json").write_text(json.dumps({"stage": name, "seconds": 1.5, "started": 0}))
    kept = tmp_path / "results" / "toy" / "runtime.json"
    kept.write_text(json.dumps({"sample": {"seconds": 9, "started": "1970-01-01T00:00:00+00:00"}}))
    stage.main(repo)
    found = json.loads(kept.read_text())
    assert set(found) == {"sample", "prepare", "reward@home-oracle_refined"}
    assert found["prepare"] == {"seconds": 1.5, "started": "1970-01-01T00:00:00+00:00"}
    assert "reward@home-oracle_refined" in capsys.readouterr().out


def test_times_of_a_study_whose_name_goes_on_are_not_this_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli.RUNS.mkdir(parents=True)
    for name in ("prepare@toy", "prepare@toy-large", "reward@toy-large-home-restyled", "reward@toy-home-restyled"):
        (cli.RUNS / f"{name}.json").write_text(json.dumps({"stage": name, "seconds": 1.5, "started": 0}))
    assert set(stage.timings("toy", ["home/restyled"])) == {"prepare", "reward@home-restyled"}
