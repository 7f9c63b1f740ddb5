"""The whole pipeline on the smoke study, in a copy of the repository: what runs, what is restored, and the bytes."""

import re
import shutil
from pathlib import Path

import pytest
from checkout import Repo, copy, names
from first_run import LINES, FirstRun, first_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ARM = {"reward", "compat", "train", "evaluate", "measure"}
HEAVY = {"prepare", "obtain", "sample", "native", "refine", "reward-samples", "baseline", "measure-base", "further"}
HEAVY |= {"uses"} | ARM | {f"{name}-native" for name in ARM}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """The first run; its own repository is for this file."""
    return first_run(tmp_path_factory)


@pytest.fixture
def repo(first: FirstRun) -> Repo:
    """The repository in the state after its full run, whatever the test before did."""
    first.repo.restore()
    return first.repo


def test_three_pasted_lines_lead_from_a_clone_to_the_verdict_and_the_page(first: FirstRun) -> None:
    assert [line for line in LINES.text.splitlines() if not line.startswith(("git clone <", "cd "))] == ["make repro"]
    assert len(LINES.text.splitlines()) == 3
    lines, page = first.said.splitlines(), "results/smoke/report/index.html"
    told = [i for i, line in enumerate(lines) if line.startswith(("SFT, Oracle home: ", "DFT, Oracle home: "))]
    # What to train on and the verdict, of either objective.
    assert len(told) == 4
    assert max(told) < lines.index(page)
    assert (first.repo.folder / page).is_file()
    assert lines[-1].startswith("smoke took ")
    assert len(lines) <= 80


def test_one_command_runs_every_stage_to_the_report(first: FirstRun) -> None:
    repo = first.repo
    log = (repo.folder / ".qup" / "logs" / "smoke.log").read_text(encoding="utf-8")
    assert names({*re.findall(r"Running stage '([^']+)'", log)} - {"check"}) == HEAVY | {"report", "track"}
    made = repo.results()
    assert {"metrics.json", "arms/base.json", "report/report.md", "report/index.html"} <= set(made)
    assert all(made.values())
    page = (repo.folder / "results/smoke/report/index.html").read_text(encoding="utf-8")
    assert 'id="explorer-data">{"streams":[{"label":"RFT","native":true},{"label":"Refined"' in page


def test_trained_weights_lie_on_the_disk_once(repo: Repo) -> None:
    weights = [*(repo.folder / "models" / "smoke" / "trained").rglob("*.safetensors")]
    links: dict[bytes, int] = {}
    for file in weights:
        # What two arms have alike DVC has already, and leaves the second as it was written.
        links[file.read_bytes()] = max(links.get(file.read_bytes(), 0), file.stat().st_nlink)
    assert weights
    assert min(links.values()) >= 2


def test_a_second_run_runs_track_only(repo: Repo) -> None:
    assert repo.dvc("repro") == {"track@smoke"}


def test_a_run_leaves_no_tracked_file_changed(repo: Repo) -> None:
    repo.dvc("repro")
    assert repo.changed() == []


def test_a_fresh_clone_reproduces_from_the_remote_without_running_anything(repo: Repo, tmp_path: Path) -> None:
    repo.run("dvc", "push", "--run-cache")
    repo.run("git", "clone", "--quiet", str(repo.folder), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    assert clone.dvc("repro", "--pull", "--allow-missing") == {"track@smoke"}
    assert clone.results() == repo.results()
    assert clone.outs() == repo.outs()


def test_a_main_arm_as_refiner_runs_report_and_track_only(repo: Repo) -> None:
    assert names(repo.dvc("exp", "run", "-S", "refiner=oracle_refined")) <= {"report", "track"}


def test_going_back_to_a_refiner_restores_its_arm_from_the_cache(repo: Repo) -> None:
    before = repo.results()
    repo.dvc("exp", "run", "-S", "refiner=oracle_refined")
    shutil.rmtree(repo.folder / "data" / "smoke" / "arms" / "home" / "style_aligned")
    shutil.rmtree(repo.folder / "models" / "smoke" / "trained" / "home" / "style_aligned")
    assert names(repo.dvc("exp", "run", "-S", "refiner=style_aligned")) <= {"report", "track"}
    assert (repo.folder / "data" / "smoke" / "arms" / "home" / "style_aligned" / "evals.jsonl").is_file()
    assert (repo.folder / "models" / "smoke" / "trained" / "home" / "style_aligned").is_dir()
    assert repo.results() == before


def test_a_sampling_setting_draws_anew_and_leaves_problems_and_models_alone(repo: Repo) -> None:
    before = repo.outs()
    changed = ("exp", "run", "-S", "studies/smoke.yaml:sampling.temperature=0.8", "sample@smoke")
    assert repo.dvc(*changed) == {"sample@smoke"}
    after = repo.outs()
    assert {path for path in after if after[path] != before[path]} == {"data/smoke/traces.jsonl"}


def test_a_wrong_setting_stops_the_run_with_its_message_and_correcting_it_runs_nothing(repo: Repo) -> None:
    before = repo.outs()
    with pytest.raises(AssertionError, match=r"smoke\.sampling: unknown key 'temperatur': did"):
        repo.dvc("exp", "run", "-S", "studies/smoke.yaml:+sampling.temperatur=0.8")
    assert repo.outs() == before
    repo.run("git", "checkout", "--quiet", "--", "studies")
    assert repo.dvc("repro") == {"track@smoke"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("refiner=style_alined", "unknown refiner 'style_alined': did you mean 'style_aligned'"),
        ("study=smok", "unknown study 'smok': did you mean 'smoke'"),
        ("oracles=[home,voicd]", "oracles: unknown Oracle 'voicd': did you mean 'voiced'"),
        ("oracles=[home,../up]", "params.yaml.oracles: expected a name of at most 100 of a-z"),
    ],
)
def test_a_wrong_name_in_an_experiment_is_one_line_and_nothing_is_lost(repo: Repo, change: str, said: str) -> None:
    before, changed = (repo.outs(), repo.results()), {*repo.changed()}
    with pytest.raises(AssertionError, match=re.escape(f"qup: {said}")):
        repo.dvc("exp", "run", "-S", change)
    # No litter: of a study that does not exist DVC has removed what no stage is of then, and repro puts it back.
    assert [line for line in repo.changed() if line.startswith("??") and line not in changed] == []
    assert "params.yaml" in {line.split()[-1] for line in repo.changed()}
    repo.run("git", "checkout", "--quiet", "--force", "params.yaml", "dvc.lock")
    assert repo.dvc("repro") == {"track@smoke"}
    assert (repo.outs(), repo.results()) == before


def test_a_run_in_another_folder_on_one_core_gives_the_same_bytes(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy(tmp_path)
    # One core to joblib: runs that went side by side go one after the other.
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    other.dvc("repro", "--no-run-cache")
    mine, theirs = repo.outs(), other.outs()
    assert {path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path)} == set()
