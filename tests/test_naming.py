"""Names become folders, stages and words on a command line: none leaves its folder, and all are told apart."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Tally

from qup import settings, study
from qup.errors import SettingsError
from qup.params import Params
from qup.settings import read_yaml
from qup.study import Study

ROOT = Path(__file__).resolve().parents[1]
SMOKE: dict[str, Any] = read_yaml(ROOT / "studies" / "smoke.yaml")
LEAVE = ["..", "../x", "/abs", "", ".", "a/../b", "a//b", "a/", "C:", r"a\b", "~"]
UNSPEAKABLE = [
    "a\0b",
    "a\nb",
    "-x",
    "x-",
    " x",
    "x ",
    "a b",
    "x.",
    ".x",
    "x" * 101,
    "$(ls)",
    "a;b",
    "*",
    "é",
    "a'b",
    "x.json",
]


def with_model(given: dict[str, Any], name: str) -> None:
    given["models"][name] = given["models"]["judge"]


def with_oracle(given: dict[str, Any], name: str) -> None:
    given["oracles"][name] = given["oracles"]["home"]


def with_reward(given: dict[str, Any], name: str) -> None:
    given["rewards"][name] = {"reward": "answer"}


def with_arm(given: dict[str, Any], name: str) -> None:
    given["arms"][name] = given["arms"]["unfiltered"]


def with_control(given: dict[str, Any], name: str) -> None:
    given["controls"][name] = given["controls"]["idle"]


def with_map(given: dict[str, Any], name: str) -> None:
    axes = {"x": {"label": "x", "values": [0]}, "y": {"label": "y", "values": [1]}}
    given["maps"][name] = axes | {"refined": [["unfiltered"]], "native": [["home/restyled"]]}


def with_set(given: dict[str, Any], name: str) -> None:
    given["problems"]["sets"][name] = given["problems"]["sets"]["longer"]


def with_training_set(given: dict[str, Any], name: str) -> None:
    given["problems"]["training_sets"] = {name: {}}


def with_problem_file(given: dict[str, Any], name: str) -> None:
    given["problems"]["sources"] = [{"source": "jsonl", "file": name}]


KINDS: list[Callable[[dict[str, Any], str], None]] = [
    *(with_model, with_oracle, with_reward, with_arm, with_control, with_map, with_set, with_training_set)
]


def named(kind: Callable[[dict[str, Any], str], None], *names: str) -> Study:
    """The smoke study with something more, of some names."""
    given = copy.deepcopy(SMOKE)
    for name in names:
        kind(given, name)
    return settings.read(Study, given)


def refusals() -> Iterator[str]:
    """The message for each kind of thing under each wrong name."""
    for kind in KINDS:
        for name in LEAVE + UNSPEAKABLE:
            with pytest.raises(SettingsError) as raised:
                named(kind, name)
            yield str(raised.value)


def test_no_name_of_a_study_leaves_its_folder_or_breaks_a_command(tally: Tally) -> None:
    said = list(refusals())
    tally(f"{len(LEAVE + UNSPEAKABLE)} names of {len(KINDS)} kinds of thing", {"refused": len(said)})
    assert [text for text in said if "expected " not in text or "name" not in text or len(text.splitlines()) > 1] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_ordinary_name_is_taken(kind: Callable[[dict[str, Any], str], None]) -> None:
    for name in ("x", "7b", "qwen2.5-coder-0.5b", "a_b-C", "_x", "x" * 100):
        assert named(kind, name)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_two_names_that_differ_in_case_only_are_refused(kind: Callable[[dict[str, Any], str], None]) -> None:
    # with_training_set replaces what it has set before.
    if kind is with_training_set:
        with pytest.raises(SettingsError, match=r"'Train' and 'train' differ in case only"):
            named(kind, "Train")
        return
    with pytest.raises(SettingsError, match=r"'extra' and 'Extra' differ in case only; some file systems"):
        named(kind, "extra", "Extra")


@pytest.mark.parametrize(
    ("kind", "name"), [(with_oracle, "Learner"), (with_set, "HeldOut"), (with_arm, "Home/Restyled")]
)
def test_a_name_that_differs_in_case_only_from_one_of_ours_is_refused(
    kind: Callable[[dict[str, Any], str], None], name: str
) -> None:
    with pytest.raises(SettingsError, match="differ in case only"):
        named(kind, name)


@pytest.mark.parametrize("name", [*LEAVE[:6], "C:/x", r"..\x", "a\0b", "a\nb", " "])
def test_a_problem_file_stays_in_its_folder(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^problems\.sources\[0\]\.file: expected a file below the folder"):
        named(with_problem_file, name)


@pytest.mark.parametrize("name", ["my problems (2).jsonl", "mine/a.jsonl", "é.jsonl"])
def test_a_problem_file_may_be_called_as_its_owner_likes(name: str) -> None:
    assert named(with_problem_file, name)


@pytest.mark.parametrize("name", LEAVE + UNSPEAKABLE)
def test_params_name_a_study_and_oracles_that_stay_in_their_folders(name: str) -> None:
    params = {"study": "smoke", "refiner": "restyled", "oracles": ["home"]}
    for change in ({"study": name}, {"oracles": ["home", name]}):
        with pytest.raises(SettingsError, match=r"^(study|oracles): expected a name of at most 100 of a-z"):
            settings.read(Params, params | change)


@pytest.mark.parametrize("name", ["my study", "-x", "é", "x" * 101])
def test_a_study_file_of_a_name_that_breaks_a_command_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.yaml").write_bytes((ROOT / "studies" / "smoke.yaml").read_bytes())
    with pytest.raises(SettingsError, match=r"^study: expected a name of at most 100 of"):
        study.read(tmp_path / f"{name}.yaml")


def test_two_study_files_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    for name in ("smoke", "Smoke"):
        (tmp_path / f"{name}.yaml").write_bytes((ROOT / "studies" / "smoke.yaml").read_bytes())
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system takes them for one")
    with pytest.raises(SettingsError, match="differ in case only"):
        study.read(tmp_path / "smoke.yaml")


def test_a_model_is_made_from_one_named_before_it_and_from_no_other_folder() -> None:
    for base in ("../../elsewhere", "judge", "reward_model", "late"):
        given = copy.deepcopy(SMOKE)
        given["models"] = {"late": {"source": "preference", "base": base}} | given["models"]
        with pytest.raises(SettingsError, match=r"^models\.late\.base: unknown model that is named before"):
            settings.read(Study, given)
