"""The whole pipeline on the smoke study, in a copy of the repository: what runs, what is restored, and the bytes."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"prepare", "obtain", "sample", "refine", "reward", "compat", "train", "baseline", "evaluate", "controls"}


@dataclass(frozen=True)
class Repo:
    """A checkout of the repository in which the pipeline is run."""

    folder: Path

    def run(self, *command: str) -> str:
        """What a command prints, on both streams; its failure fails the test and shows all of it."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(self.folder), "DVC_NO_ANALYTICS": "1", "COLUMNS": "200"}
        env |= {"QUP_CACHE": str(self.folder / ".qup" / "cache"), "HF_HUB_OFFLINE": "1"}
        env.pop("MLFLOW_TRACKING_URI", None)
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
        return done.stdout + done.stderr

    def dvc(self, *words: str, before: tuple[str, ...] = ()) -> set[str]:
        """Run a DVC command, behind another one if there is one `before` it: the stages whose command it ran."""
        return set(re.findall(r"Running stage '([^']+)'", self.run(*before, "dvc", *words)))

    def commit(self) -> None:
        """Everything Git may see, in one commit."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "state")

    def restore(self) -> None:
        """Back to the last commit, with the outputs that belong to it."""
        self.run("git", "checkout", "--quiet", "--force", ".")
        self.run("dvc", "checkout", "--quiet", "--force")

    def outs(self) -> dict[str, str]:
        """Path to md5 of every output in dvc.lock."""
        lock: dict[str, Any] = yaml.safe_load((self.folder / "dvc.lock").read_text(encoding="utf-8"))
        return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}

    def results(self) -> dict[str, bytes]:
        """Every file of the report."""
        top = self.folder / "results" / "smoke"
        files = [top / "report.json", *sorted((top / "report").rglob("*"))]
        return {str(file.relative_to(top)): file.read_bytes() for file in files if file.is_file()}


def names(stages: set[str]) -> set[str]:
    """Stage names without their matrix cell."""
    return {stage.split("@")[0] for stage in stages}


def copy(folder: Path) -> Repo:
    """The tracked files as they are now, as a repository of its own that runs the smoke study."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    # Results of other machines would be restored, not made.
    (folder / "dvc.lock").unlink(missing_ok=True)
    shutil.rmtree(folder / "results", ignore_errors=True)
    params = folder / "params.yaml"
    # One Oracle: the second one's arms are the same code again.
    params.write_text("study: smoke\nrefiner: style_aligned\nsecond_oracle: ''\n", encoding="utf-8")
    remote = f"[core]\n    remote = here\n['remote \"here\"']\n    url = {folder.parent / (folder.name + '-remote')}\n"
    (folder / ".dvc" / "config").write_text(remote, encoding="utf-8")
    repo = Repo(folder)
    repo.run("git", "init", "--quiet")
    repo.run("git", "config", "user.name", "test")
    repo.run("git", "config", "user.email", "test@example.org")
    repo.commit()
    return repo


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repo, set[str]]:
    """A repository after one full run, its stages started warm, committed, and the stages that ran."""
    repo = copy(tmp_path_factory.mktemp("first"))
    ran = repo.dvc("repro", before=("python", "-m", "stages.warm"))
    repo.commit()
    return repo, ran


@pytest.fixture
def repo(first_run: tuple[Repo, set[str]]) -> Repo:
    """The repository in the state after its full run, whatever the test before did."""
    first_run[0].restore()
    return first_run[0]


def test_one_command_runs_every_stage_to_the_report(first_run: tuple[Repo, set[str]]) -> None:
    repo, ran = first_run
    assert names(ran) == HEAVY | {"report", "track"}
    made = repo.results()
    assert {"report.json", "report/report.md", "report/index.html"} <= set(made)
    assert all(made.values())


def test_a_second_run_runs_track_only(repo: Repo) -> None:
    assert repo.dvc("repro") == {"track@smoke"}


def test_a_run_leaves_no_tracked_file_changed(repo: Repo) -> None:
    repo.dvc("repro")
    changed = [line[3:] for line in repo.run("git", "status", "--porcelain").splitlines()]
    # Its times are the one thing that differs between runs.
    assert set(changed) <= {"results/smoke/runtime.json"}


def test_a_fresh_clone_reproduces_from_the_remote_without_running_anything(repo: Repo, tmp_path: Path) -> None:
    repo.run("dvc", "push", "--run-cache")
    repo.run("git", "clone", "--quiet", str(repo.folder), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    assert clone.dvc("repro", "--pull", "--allow-missing") == {"track@smoke"}
    assert clone.results() == repo.results()
    assert clone.outs() == repo.outs()


def test_a_baseline_as_refiner_runs_report_and_track_only(repo: Repo) -> None:
    assert names(repo.dvc("exp", "run", "-S", "refiner=rejection_sampling")) == {"report", "track"}


def test_going_back_to_a_refiner_restores_its_arm_from_the_cache(repo: Repo) -> None:
    before = repo.results()
    repo.dvc("exp", "run", "-S", "refiner=rejection_sampling")
    shutil.rmtree(repo.folder / "data" / "smoke" / "style_aligned")
    shutil.rmtree(repo.folder / "models" / "smoke" / "trained" / "style_aligned")
    assert names(repo.dvc("exp", "run", "-S", "refiner=style_aligned")) <= {"report", "track"}
    assert (repo.folder / "data" / "smoke" / "style_aligned" / "evals.jsonl").is_file()
    assert (repo.folder / "models" / "smoke" / "trained" / "style_aligned").is_dir()
    assert repo.results() == before


def test_a_sampling_setting_draws_anew_and_leaves_problems_and_models_alone(repo: Repo) -> None:
    before = repo.outs()
    changed = ("exp", "run", "-S", "studies/smoke.yaml:sampling.temperature=0.8", "sample@smoke")
    assert repo.dvc(*changed) == {"sample@smoke"}
    after = repo.outs()
    assert {path for path in after if after[path] != before[path]} == {"data/smoke/traces.jsonl"}


def test_a_wrong_setting_stops_the_run_with_its_message_and_correcting_it_runs_nothing(repo: Repo) -> None:
    before = repo.outs()
    with pytest.raises(AssertionError, match=r"unknown key in smoke\.sampling 'temperatur': did"):
        repo.dvc("exp", "run", "-S", "studies/smoke.yaml:+sampling.temperatur=0.8")
    assert repo.outs() == before
    repo.run("git", "checkout", "--quiet", "--", "studies")
    assert repo.dvc("repro") == {"track@smoke"}


def test_a_run_in_another_folder_by_fresh_processes_on_one_core_gives_the_same_bytes(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy(tmp_path)
    # One core to joblib: runs that went side by side go one after the other.
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    other.dvc("repro", "--no-run-cache")
    mine, theirs = repo.outs(), other.outs()
    assert {path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path)} == set()
