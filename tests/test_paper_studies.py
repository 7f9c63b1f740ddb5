"""The paper's studies: each parses, plans and dry-runs offline, and its twin runs from problems to report."""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import Repo, copy
from pipeline import commands
from twins import PAPER, twin
from typer.testing import CliRunner

from qup import study
from qup.__main__ import app
from qup.errors import SettingsError
from qup.models import _families, obtain
from qup.settings import read_yaml

ROOT = Path(__file__).parents[1]
OWN = (("title",), ("prompt",), ("models", "learner"), ("evaluation", "prompt"), ("report", "paper"))
"Where the learner, and how it is asked, stand."


def params(name: str, oracles: str = "home") -> str:
    return f"study: {name}\nrefiner: style_aligned\noracles: [{oracles}]\n"


@pytest.mark.parametrize("name", PAPER)
def test_a_paper_study_is_in_order(name: str, tmp_path: Path) -> None:
    for oracles in ("home", "home, api"):
        (tmp_path / "params.yaml").write_text(params(name, oracles))
        flags = ["check", "--params", str(tmp_path / "params.yaml"), "--studies", str(ROOT / "studies")]
        checked = CliRunner().invoke(app, flags)
        assert checked.exit_code == 0, checked.output
        assert f"study {name}, refiner style_aligned" in checked.stdout


def test_the_papers_studies_differ_in_the_learner_and_how_it_is_asked_alone() -> None:
    studies = [read_yaml(ROOT / "studies" / f"{name}.yaml") for name in PAPER]
    for given in studies:
        for *above, key in OWN:
            (given[above[0]] if above else given).pop(key, None)
    first, *others = studies
    assert {"evaluation", "report", "seed", "maps", "training"} < first.keys()
    for other in others:
        assert other == first


def test_the_page_says_of_the_training_sets_what_the_studies_have() -> None:
    problems = read_yaml(ROOT / "studies" / f"{PAPER[0]}.yaml")["problems"]
    page = " ".join((ROOT / "docs" / "paper.md").read_text(encoding="utf-8").split())
    assert problems["replicates"] == 3
    assert f"three random sets of the usable rows of the top {problems['sources'][0]['first']:,}." in page
    assert f"Each has {problems['train']:,} usable problems" in page


def test_the_page_says_by_which_prompt_each_study_trains() -> None:
    rows = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8").splitlines()
    (row,) = [row for row in rows if row.startswith("| training prompt |")]
    prompts = {name: read_yaml(ROOT / "studies" / f"{name}.yaml")["prompt"] for name in PAPER}
    asked = {name for name in PAPER if prompts[name] == "step_by_step"}
    assert asked == {"llama-3.2-3b", "deepseek-math-7b"}
    assert {prompts[name] for name in PAPER if name not in asked} == {"question"}
    assert "`question` for Qwen2.5-Math" in row
    assert "`step_by_step` for Llama and DeepSeekMath" in row


@pytest.mark.parametrize("name", PAPER)
def test_a_paper_study_names_its_own_row_of_the_papers_numbers(name: str) -> None:
    assert study.read(ROOT / "studies" / f"{name}.yaml").report.paper == name


@pytest.mark.parametrize("name", PAPER)
def test_every_model_of_a_paper_study_has_a_family_that_stands_for_it(name: str) -> None:
    models = read_yaml(ROOT / "studies" / f"{name}.yaml")["models"]
    assert [entry["repo"] for entry in models.values() if _families.of(entry["repo"]) is None] == []


@pytest.mark.parametrize("name", PAPER)
def test_all_models_that_nobody_has_pinned_are_one_line_that_says_how_before_anything_is_fetched(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda repo, **_: asked.append(repo))
    models = study.read(ROOT / "studies" / f"{name}.yaml").models
    unpinned = {key: model for key, model in models.items() if getattr(model.source, "revision", None) is None}
    assert unpinned
    with pytest.raises(SettingsError, match=r"^models: not pinned, ") as told:
        obtain(models, tmp_path / "out", tmp_path / "cache")
    assert re.findall(
        r"models\.(\w+)\.revision: `git ls-remote https://huggingface.co/(\S+) main`", str(told.value)
    ) == [(key, model.source.repo) for key, model in unpinned.items()]
    assert asked == []


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return copy(tmp_path_factory.mktemp("dry"))


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPER)
def test_a_dry_run_shows_every_stage_of_a_paper_study_and_needs_no_network(repo: Repo, name: str) -> None:
    (repo.folder / "params.yaml").write_text(params(name))
    shown = repo.run("dvc", "repro", "--dry", "--force")
    stages = {" ".join(line.split()[:2]) for line in re.findall(r"python -m stages\.(.*)", shown)}
    assert {line[0] for line in commands(name)} <= {stage.split()[0] for stage in stages}
    assert f"studies/{name}.yaml" in shown


# --- the twins


def laid_out(name: str, folder: Path) -> dict[str, Any]:
    """A twin's study file, beside what it needs."""
    settings = twin(name, folder)
    (folder / "studies").mkdir()
    (folder / "studies" / f"{name}.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    (folder / "params.yaml").write_text(params(name), encoding="utf-8")
    return settings


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PAPER)
def test_the_twin_of_a_paper_study_runs_from_problems_to_report(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Runs side by side would each have to load all libraries anew.
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.chdir(tmp_path)
    settings = laid_out(name, tmp_path)
    for stage, *flags in commands(name):
        importlib.import_module(f"stages.{stage}").main(flags)
    report = json.loads((tmp_path / f"data/{name}/report/report.json").read_text(encoding="utf-8"))
    assert {verdict["objective"] for verdict in report["verdicts"]} == {"sft", "dft"}
    assert report["paper"]
    arms = {path.stem for path in (tmp_path / f"results/{name}/arms/home").iterdir()}
    assert arms == {"oracle_refined", "oracle_synthesized", "restyled", "style_aligned"}
    evals = (tmp_path / f"data/{name}/arms/home/style_aligned/evals.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [json.loads(line) for line in evals]
    assert {answer["task"] for answer in answers} == set(settings["problems"]["sets"])
    scores = (tmp_path / f"data/{name}/arms/learner/rejection_sampling/scores.jsonl").read_text(encoding="utf-8")
    given = {score["reward"] for score in map(json.loads, scores.splitlines()) if score["value"] is not None}
    assert given == set(settings["rewards"])
    stream = (tmp_path / f"data/{name}/arms/home/oracle_synthesized/stream.jsonl").read_text(encoding="utf-8")
    said = [trace["text"] for trace in map(json.loads, stream.splitlines()) if trace["text"]]
    # What the Oracle thinks aloud is no part of what a learner is trained on.
    assert said
    assert all(re.fullmatch(r"So \\boxed\{[123]\}", text) for text in said)
