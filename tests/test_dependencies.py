"""What runs again when a file or a setting changes, by DVC itself; what stages would compute is made up.

Each stage's command is replaced by one that writes its outputs at once, but for the two that say what depends on what.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from dvc.repo import Repo

from qup.settings import read_yaml

REAL = ("check", "uses")
VOICE = "Speak as a pirate.\n"


@dataclass(frozen=True)
class Place:
    """A copy of what the pipeline depends on."""

    folder: Path

    def ran(self) -> set[str]:
        """The stages that DVC runs now, without the study's name; those that always run left out."""
        with Repo(str(self.folder)) as repo:
            stages = repo.reproduce()
        return {stage.addressing.replace("@smoke", "@") for stage in stages if not stage.always_changed}

    def edit(self, file: str, before: str, after: str) -> None:
        """Replace a text in a file."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after, 1), encoding="utf-8")

    def add(self, file: str, text: str) -> None:
        """Write a file."""
        (self.folder / file).write_text(text, encoding="utf-8")

    def uses(self, name: str) -> dict[str, Any]:
        """What `uses` has written of an arm."""
        found: dict[str, Any] = json.loads((self.folder / "data" / "smoke" / "uses" / f"{name}.json").read_text())
        return found


def made_up(stage: dict[str, Any], deps: set[str]) -> str:
    """A command that writes all outputs of a stage, and in a folder those that other stages read."""
    given = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    outs = [next(iter(out)) if isinstance(out, dict) else out for out in given]
    inner = [dep for dep in sorted(deps) if any(dep.startswith(f"{out}/") for out in outs)]
    whole = [out if Path(out).suffix else f"{out}/file" for out in outs]
    files = [*whole, *(dep if Path(dep).suffix else f"{dep}/file" for dep in inner)]
    return " && ".join(f"mkdir -p $(dirname {file}) && echo made > {file}" for file in files)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, set[str]]]:
    """A place in which all has run once, and what ran."""
    folder = tmp_path_factory.mktemp("narrow")
    listed = ["dvc.yaml", ".dvcignore", "qup", "stages", "studies", "data/problems"]
    for name in listed:
        source, skipped = ROOT / name, shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=skipped) if source.is_dir() else shutil.copy(source, folder)
    pipeline = read_yaml(ROOT / "dvc.yaml")
    deps = {dep for stage in pipeline["stages"].values() for dep in stage.get("deps", [])}
    for name, stage in pipeline["stages"].items():
        if name not in REAL:
            stage["cmd"] = made_up(stage, deps) or "true"
    (folder / "dvc.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(pipeline)), sort_keys=False))
    (folder / "params.yaml").write_text("study: smoke\nrefiner: style_aligned\noracles: [home]\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(folder))
        with Repo.init(str(folder), no_scm=True):
            pass
        place = Place(folder)
        yield place, place.ran()


@pytest.fixture
def place(first: tuple[Place, set[str]]) -> Place:
    return first[0]


def of_arms(*steps: str) -> set[str]:
    """Some stages of every arm that asks the first Oracle."""
    refiners = ("oracle_refined", "oracle_synthesized", "restyled", "style_aligned")
    return {f"{step}@-home-{refiner}" for step in steps for refiner in refiners}


def natives(*steps: str) -> set[str]:
    return {f"{step}-native@-learner-rejection_sampling" for step in steps}


def test_at_first_all_runs_and_then_nothing(first: tuple[Place, set[str]]) -> None:
    place, ran = first
    steps = ("reward", "compat", "train", "evaluate", "measure")
    assert ran >= of_arms("refine", *steps) | natives(*steps) | {"uses@", "further@"}
    assert place.ran() == set()


def test_a_voice_that_nobody_speaks_in_runs_no_arm(place: Place) -> None:
    place.add("qup/prompts/oracle/voices/pirate.txt", VOICE)
    assert place.ran() == {"uses@"}


def test_a_second_oracle_in_the_study_runs_no_arm_and_its_own_arms_when_it_is_asked_for(place: Place) -> None:
    place.edit("studies/smoke.yaml", "  voiced: {", '  fourth: {oracle: scripted, phrase: "hence"}\n  voiced: {')
    # The report tells all Oracles of the study.
    assert place.ran() == {"uses@", "report@"}
    place.edit("params.yaml", "[home]", "[home, fourth]")
    ran = place.ran()
    assert {stage for stage in ran if "-home-" in stage or "native" in stage or stage == "further@"} == set()
    assert {stage for stage in ran if stage.startswith("refine@-fourth-")}
    place.edit("params.yaml", "[home, fourth]", "[home]")
    place.ran()


def test_the_oracles_own_settings_run_its_arms_and_the_further_ones_that_ask_it(place: Place) -> None:
    place.edit("studies/smoke.yaml", "phrase: so the answer is", "phrase: so it is")
    assert place.ran() >= of_arms("refine") | {"uses@", "further@"}


def test_the_file_of_a_new_oracle_a_new_refiner_or_a_new_guiding_prompt_runs_no_arm(place: Place) -> None:
    shutil.copy(place.folder / "qup/oracles/scripted.py", place.folder / "qup/oracles/copied.py")
    shutil.copy(place.folder / "qup/refiners/restyled.py", place.folder / "qup/refiners/copied.py")
    shutil.copy(place.folder / "qup/prompts/guide/hinted.txt", place.folder / "qup/prompts/guide/copied.txt")
    assert place.ran() == {"uses@"}


def test_another_file_of_an_oracle_that_is_asked_runs_its_arms(place: Place) -> None:
    place.edit("qup/oracles/scripted.py", '"""A scripted Oracle', '"""A written Oracle')
    assert place.ran() >= of_arms("refine") | {"uses@", "further@"}


def test_a_reward_scores_every_stream_again_and_makes_none(place: Place) -> None:
    place.edit("studies/smoke.yaml", "  answer: {}\n", "  answer: {}\n  again: {reward: answer}\n")
    ran = place.ran()
    assert ran >= of_arms("reward") | natives("reward") | {"uses@", "further@"}
    assert {
        stage for stage in ran if stage.split("@")[0].removesuffix("-native") in ("refine", "compat", "train")
    } == set()


def test_a_reward_that_a_refiner_chooses_by_makes_its_stream_again(place: Place) -> None:
    place.edit("params.yaml", "style_aligned", "best_reward")
    assert "refine@-home-best_reward" in place.ran()
    place.edit("studies/smoke.yaml", "min_mass: 1e-9", "min_mass: 1e-8")
    ran = place.ran()
    assert {stage for stage in ran if stage.startswith("refine@")} == {"refine@-home-best_reward"}
    place.edit("params.yaml", "best_reward", "style_aligned")
    place.ran()


def test_a_metric_is_measured_and_retrains_nothing(place: Place) -> None:
    shutil.copy(place.folder / "qup/compat/lark.py", place.folder / "qup/compat/copied.py")
    ran = {stage for stage in place.ran() if stage not in ("report@", "measure-base@")}
    # What they give has not changed here, so neither `measure` needs to follow; it has the metrics' roles to tell.
    assert ran == of_arms("compat", "measure") | natives("compat", "measure") | {"further@"}


def test_a_further_arm_runs_the_further_ones_alone(place: Place) -> None:
    place.edit("studies/smoke.yaml", "arms:\n", "arms:\n  more: {oracle: home, refiner: restyled}\n")
    assert place.ran() == {"uses@", "further@", "report@"}
