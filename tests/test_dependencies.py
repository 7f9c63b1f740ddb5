"""What runs again when a file or a setting changes, by DVC itself; what stages would compute is made up.

Each stage's command is replaced by one that writes its outputs at once, but for the two that say what depends on what.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from dvc.repo import Repo

from qup.arms import MAIN
from qup.settings import read_yaml

REAL = ("check", "uses")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Place:
    """A copy of what the pipeline depends on, in which all has run once."""

    folder: Path

    def changed(self) -> set[str]:
        """The stages that DVC would run, without the study's name, once `uses` has said what arms use.

        A stage that reads what another one makes is not among them for that alone: what that makes may be as it was.
        """
        self.run("python -m stages.uses --study studies/smoke.yaml --out data/smoke/uses")
        with Repo(str(self.folder)) as repo:
            stages = repo.status()
        return {name.replace("@smoke", "@") for name in stages} - {"check", "track@"}

    def run(self, command: str) -> None:
        """A command of the copy's code."""
        subprocess.run(["bash", "-e", "-c", command], cwd=self.folder, check=True)

    def edit(self, file: str, before: str, after: str) -> None:
        """Replace a text in a file."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after, 1), encoding="utf-8")


def made_up(stage: dict[str, Any], deps: set[str]) -> str:
    """A command that writes all outputs of a stage, and in a folder those that other stages read."""
    given = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    outs = [next(iter(out)) if isinstance(out, dict) else out for out in given]
    inner = [dep for dep in sorted(deps) if any(dep.startswith(f"{out}/") for out in outs)]
    whole = [out if Path(out).suffix else f"{out}/file" for out in outs]
    files = [*whole, *(dep if Path(dep).suffix else f"{dep}/file" for dep in inner)]
    return " && ".join(f"mkdir -p $(dirname {file}) && echo made > {file}" for file in files) or "true"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which all has run once, so DVC thinks."""
    folder = tmp_path_factory.mktemp("narrow")
    for name in ("dvc.yaml", ".dvcignore", "qup", "stages", "studies", "data/problems"):
        source, skipped = ROOT / name, shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=skipped) if source.is_dir() else shutil.copy(source, folder)
    pipeline = read_yaml(ROOT / "dvc.yaml")
    deps = {dep for stage in pipeline["stages"].values() for dep in stage.get("deps", [])}
    for name, stage in pipeline["stages"].items():
        if name not in REAL:
            stage["cmd"] = made_up(stage, deps)
    (folder / "dvc.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(pipeline)), sort_keys=False))
    (folder / "params.yaml").write_text("study: smoke\nrefiner: best_reward\noracles: [home, voiced]\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        with Repo.init(str(folder), no_scm=True) as repo:
            commands = {stage.addressing: stage.cmd for stage in repo.index.stages}
            Place(folder).run(" && ".join(commands.values()))
            repo.commit(force=True)
        yield folder


@pytest.fixture
def place(first: Path) -> Iterator[Place]:
    """The folder, put back as it was after a test."""
    before = {path: path.read_bytes() for top in ("qup", "studies", "data/smoke/uses") for path in files(first / top)}
    yield Place(first)
    for path in {path for top in ("qup", "studies", "data/smoke/uses") for path in files(first / top)} - set(before):
        path.unlink()
    for path, content in before.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def of_arms(*steps: str, oracle: str = "home") -> set[str]:
    """Some stages of every arm that asks an Oracle."""
    return {f"{step}@-{oracle}-{refiner}" for step in steps for refiner in (*MAIN, "best_reward")}


def natives(*steps: str) -> set[str]:
    """Some stages of the native arm."""
    return {f"{step}-native@-learner-rejection_sampling" for step in steps}


def test_at_first_nothing_is_changed(place: Place) -> None:
    assert place.changed() == set()


def test_a_voice_a_prompt_and_plugs_that_nobody_uses_run_no_arm(place: Place) -> None:
    for before, after in (
        ("oracles/scripted.py", "oracles/copied.py"),
        ("refiners/restyled.py", "refiners/copied.py"),
        ("prompts/guide/hinted.txt", "prompts/guide/copied.txt"),
        ("prompts/oracle/voices/formal.txt", "prompts/oracle/voices/copied.txt"),
        ("prompts/oracle/repair.txt", "prompts/oracle/copied.txt"),
    ):
        shutil.copy(place.folder / "qup" / before, place.folder / "qup" / after)
    assert place.changed() == {"uses@"}


def test_another_oracle_in_the_study_runs_no_arm(place: Place) -> None:
    place.edit("studies/smoke.yaml", "  third: {", '  fourth: {oracle: scripted, phrase: "hence"}\n  third: {')
    # The report tells all Oracles of the study.
    assert place.changed() == {"uses@", "report@"}


def test_an_oracle_may_be_called_by_its_version(place: Place) -> None:
    place.edit("studies/smoke.yaml", "  third: {", '  gpt-5.2: {oracle: scripted, phrase: "hence"}\n  third: {')
    params = place.folder / "params.yaml"
    before = params.read_text(encoding="utf-8")
    params.write_text(before.replace("voiced]", "voiced, gpt-5.2]"), encoding="utf-8")
    place.run("python -m stages.uses --study studies/smoke.yaml --out data/smoke/uses")
    try:
        # It writes the lock, for which DVC reads all that the stage tracks.
        place.run("dvc repro --quiet --single-item refine@smoke-gpt-5.2-restyled")
    finally:
        params.write_text(before, encoding="utf-8")


def test_an_oracles_settings_run_its_own_arms(place: Place) -> None:
    place.edit("studies/smoke.yaml", 'phrase: "QED :="', 'phrase: "QED:"')
    assert place.changed() == of_arms("refine", oracle="voiced") | {"uses@", "report@"}
    place.edit("studies/smoke.yaml", "phrase: so the answer is", "phrase: so it is")
    assert place.changed() == of_arms("refine", oracle="voiced") | of_arms("refine") | {"uses@", "further@", "report@"}


def test_the_code_of_an_oracle_runs_the_arms_that_ask_it(place: Place) -> None:
    place.edit("qup/oracles/scripted.py", '"""A scripted Oracle', '"""A written Oracle')
    place.edit("qup/oracles/program.py", '"""The glass box', '"""A glass box')
    assert place.changed() == of_arms("refine", oracle="voiced") | of_arms("refine") | {"uses@", "further@"}


def test_a_reward_makes_no_stream_but_of_a_refiner_that_chooses_by_it(place: Place) -> None:
    steps = ("reward", "measure")
    scored = of_arms(*steps) | of_arms(*steps, oracle="voiced") | natives(*steps)
    scored |= {"reward-samples@", "measure-base@", "further@", "uses@", "report@"}
    place.edit("studies/smoke.yaml", "  answer: {}\n", "  answer: {}\n  again: {reward: answer}\n")
    assert place.changed() == scored
    place.edit("studies/smoke.yaml", "min_mass: 1e-9", "min_mass: 1e-8")
    assert place.changed() == scored | {"refine@-home-best_reward", "refine@-voiced-best_reward"}


def test_a_metric_is_measured_and_nothing_is_trained(place: Place) -> None:
    shutil.copy(place.folder / "qup/compat/lark.py", place.folder / "qup/compat/copied.py")
    measured = of_arms("compat", "measure") | of_arms("compat", "measure", oracle="voiced")
    assert place.changed() == measured | natives("compat", "measure") | {"further@", "report@"}


def test_an_arm_beside_the_main_ones_runs_the_further_ones_alone(place: Place) -> None:
    place.edit("studies/smoke.yaml", "arms:\n", "arms:\n  more: {oracle: home, refiner: restyled}\n")
    assert place.changed() == {"uses@", "further@", "report@"}
