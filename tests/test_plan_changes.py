"""What `qup plan` says will run, on a pipeline of three stages that DVC has run: why, and for a study not chosen."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from qup.errors import SettingsError
from qup.params import Params
from qup.plan.changes import Change, State, different, status

PIPELINE = """
stages:
  check:
    cmd: mkdir -p .qup && echo ok > .qup/checked
    outs: [.qup/checked: {cache: false}]
    always_changed: true
  sample:
    matrix: &study
      study: ["${study}"]
    cmd: cat code.txt studies/${item.study}.yaml > ${item.study}-traces.txt
    deps: [code.txt, .qup/checked]
    params:
      - studies/${item.study}.yaml: [sampling]
    outs: ["${item.study}-traces.txt"]
  train:
    matrix:
      study: ["${study}"]
      oracle: ${oracles}
    cmd: wc -l ${item.study}-traces.txt > ${item.study}-${item.oracle}.txt
    deps: ["${item.study}-traces.txt"]
    params:
      - studies/${item.study}.yaml: [training]
    outs: ["${item.study}-${item.oracle}.txt"]
"""
STUDY = "sampling: {temperature: 1.0, n: 4}\ntraining: {batch: 8, budget: {tokens: 100}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # DVC names stages by the way to them from the working folder.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    for name in ("toy", "other"):
        (tmp_path / "studies" / f"{name}.yaml").write_text(STUDY)
    (tmp_path / "code.txt").write_text("one\n")
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text("study: toy\nrefiner: style_aligned\noracles: [home]\n")
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        repo.reproduce()
    return tmp_path


def said(folder: Path, study: str = "toy", *oracles: str) -> dict[str, Change]:
    made = status(folder, Params(study, "style_aligned", ("home", *oracles))).changes
    return {change.stage: change for change in made}


def test_what_has_run_is_cached_and_the_check_always_runs(folder: Path) -> None:
    states = {name: change.state for name, change in said(folder).items()}
    assert states == {"check": State.RUNS, "sample@toy": State.CACHED, "train@toy-home": State.CACHED}


def test_a_changed_key_is_told_with_its_old_and_new_value_and_what_is_after_it_may_run(folder: Path) -> None:
    (folder / "studies" / "toy.yaml").write_text(STUDY.replace("temperature: 1.0", "temperature: 0.8"))
    made = said(folder)
    assert made["sample@toy"].line == "sample@toy will run: studies/toy.yaml: sampling.temperature 1.0 -> 0.8"
    assert made["train@toy-home"].line == "train@toy-home may run: after sample@toy"


def test_a_changed_dependency_is_told(folder: Path) -> None:
    (folder / "code.txt").write_text("two\n")
    assert said(folder)["sample@toy"].line == "sample@toy will run: code.txt changed"


def test_a_setting_of_one_stage_leaves_the_others_alone(folder: Path) -> None:
    (folder / "studies" / "toy.yaml").write_text(STUDY.replace("tokens: 100", "tokens: 200"))
    made = said(folder)
    assert made["sample@toy"].state is State.CACHED
    assert made["train@toy-home"].reasons == ("studies/toy.yaml: training.budget.tokens 100 -> 200",)


def test_an_output_that_is_gone_but_in_the_cache_is_cached_and_one_that_is_lost_runs(folder: Path) -> None:
    (folder / "toy-traces.txt").unlink()
    made = said(folder)
    assert [made[name].state for name in ("sample@toy", "train@toy-home")] == [State.CACHED, State.CACHED]
    for file in (folder / ".dvc" / "cache").rglob("*"):
        if file.is_file():
            file.unlink()
    assert said(folder)["sample@toy"].reasons == ("toy-traces.txt is not in DVC's cache",)


def test_a_study_and_an_oracle_that_params_yaml_does_not_name_are_told_and_nothing_is_touched(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.glob("*.[tyl]*")}
    made = said(folder, "other")
    assert made["sample@other"].reasons == ("it has not run yet",)
    assert said(folder, "toy", "voiced")["train@toy-voiced"].reasons == ("it has not run yet",)
    assert {path: path.read_bytes() for path in folder.glob("*.[tyl]*")} == before


USED = """
stages:
  uses:
    cmd: mkdir -p uses && cp one.txt uses/one.txt && cp two.txt uses/two.txt
    deps: [one.txt, two.txt]
    outs: [uses]
  refine:
    matrix: {study: ["${study}"], oracle: [one, two]}
    cmd: cat uses/${item.oracle}.txt > ${item.oracle}-stream.txt
    deps: ["uses/${item.oracle}.txt"]
    params:
      - studies/${item.study}.yaml: ["sampling.n"]
    outs: ["${item.oracle}-stream.txt"]
"""


def test_a_stage_of_whose_input_it_is_known_that_it_stays_as_it_is_is_cached(folder: Path) -> None:
    (folder / "dvc.yaml").write_text(USED)
    for name in ("one", "two"):
        (folder / f"{name}.txt").write_text(name)
    with Repo(str(folder)) as repo:
        repo.reproduce()
    (folder / "two.txt").write_text("another")
    params = Params("toy", "style_aligned", ("home",))
    made = {change.stage: change.state for change in status(folder, params).changes}
    assert made == {"uses": State.RUNS, "refine@toy-one": State.FOLLOWS, "refine@toy-two": State.FOLLOWS}
    made = {change.stage: change.state for change in status(folder, params, {folder / "uses" / "one.txt"}).changes}
    assert made == {"uses": State.RUNS, "refine@toy-one": State.CACHED, "refine@toy-two": State.FOLLOWS}
    # A part of a section is no section of a study.
    assert status(folder, params).settings == {}


def test_the_settings_of_the_last_run_are_those_of_the_lock(folder: Path) -> None:
    (folder / "studies" / "toy.yaml").write_text(STUDY.replace("batch: 8", "batch: 4"))
    then = status(folder, Params("toy", "style_aligned", ("home",))).settings
    assert then["training"]["batch"] == 8
    assert then["sampling"] == {"temperature": 1.0, "n": 4}


def test_a_pipeline_that_dvc_cannot_read_is_one_line(folder: Path) -> None:
    (folder / "dvc.yaml").write_text("stages: {sample: {cmd: [")
    with pytest.raises(SettingsError, match="DVC cannot tell what would run"):
        status(folder, Params("toy", "style_aligned", ("home",)))


def test_differences_are_told_as_deep_as_they_lie() -> None:
    before = {"a": {"b": [1, {"c": 2}]}, "gone": 1}
    now = {"a": {"b": [1, {"c": 3}]}, "new": 2}
    assert [where for where, _, _ in different("k", before, now)] == ["k.a.b[1].c", "k.gone", "k.new"]
    assert list(different("k", [1], [1, 2])) == [("k", [1], [1, 2])]
