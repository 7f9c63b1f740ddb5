"""A study file is checked in full before anything runs; what does not fit is one line that says what would."""

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from qup import oracles, params, rewards
from qup.errors import SettingsError
from qup.params import (
    Budget,
    EvaluationSettings,
    SamplingSettings,
    Study,
    TrainingSettings,
    control_arms,
    parse_arm,
    section,
)
from stages import cli

ROOT = Path(__file__).resolve().parents[1]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


@pytest.fixture
def given() -> dict[str, Any]:
    """The smoke study as YAML reads it, to be spoiled."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "studies" / "smoke.yaml").read_text(encoding="utf-8"))
    return read


@pytest.fixture
def study() -> Study:
    return cli.read_study(ROOT / "studies" / "smoke.yaml")


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_file_is_valid(path: Path) -> None:
    assert cli.read_study(path).title


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("sampling", "temprature"), 1.0, r"sampling 'temprature': did you mean 'temperature'\? known: .*max_tokens"),
        (("oracles", "home", "phrase_"), "hence", r"oracles\.home 'phrase_': did you mean 'phrase'\?"),
        (("rewards", "genrn"), {"model": "judge"}, r"unknown reward 'genrn': did you mean 'genrm'\?"),
        (("rewards", "genrm", "model"), "juge", r"rewards\.genrm 'juge': did you mean 'judge'\?"),
    ],
)
def test_an_unknown_name_names_the_near_one(
    given: dict[str, Any], path: tuple[str, ...], value: Any, said: str
) -> None:
    *way, last = path
    functools.reduce(dict.__getitem__, way, given)[last] = value
    with pytest.raises(SettingsError, match=said):
        section(Study, given, "smoke")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"n": -1}, r"sampling\.n: expected a number of at least 1, got -1"),
        ({"n": 2.5}, r"sampling\.n: expected int, got 2\.5"),
        ({"n": True}, r"sampling\.n: expected int, got True"),
        ({"n": "four"}, r"sampling\.n: expected int, got 'four'"),
        ({"top_p": 0}, r"sampling\.top_p: expected a number above 0 and at most 1, got 0"),
        ({"temperature": float("nan")}, r"sampling\.temperature: expected a number of at least 0"),
        ([4], r"sampling: expected settings \(key: value\), got \[4\]"),
    ],
)
def test_a_value_out_of_range_or_of_the_wrong_type_says_what_was_expected(wrong: Any, expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        section(SamplingSettings, wrong, "sampling")


def test_a_value_that_is_none_of_the_choices_lists_them() -> None:
    with pytest.raises(SettingsError, match=r"training\.method 'lorra': did you mean 'lora'\? known: full, lora"):
        section(TrainingSettings, {"budget": {"epochs": 1}, "method": "lorra"}, "training")


def test_a_missing_key_is_named(given: dict[str, Any]) -> None:
    del given["training"]["budget"]
    with pytest.raises(SettingsError, match=r"training needs 'budget', which is missing"):
        section(Study, given, "smoke")


def test_a_float_that_yaml_takes_for_a_string_is_a_float() -> None:
    written = yaml.safe_load("{budget: {epochs: 1}, learning_rate: 1e-4}")
    assert written["learning_rate"] == "1e-4"
    assert section(TrainingSettings, written, "training").learning_rate == pytest.approx(0.0001)


@pytest.mark.parametrize("budget", [{}, {"epochs": 1, "tokens": 100}])
def test_a_budget_is_epochs_or_tokens_and_not_both_or_none(budget: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="exactly one of epochs and tokens"):
        section(TrainingSettings, {"budget": budget}, "training")
    assert section(TrainingSettings, {"budget": {"tokens": 100}}, "training").budget == Budget(tokens=100)


def test_a_plain_arm_has_the_first_oracle_and_a_suffix_names_another(study: Study) -> None:
    assert parse_arm("oracle_refined", study) == ("oracle_refined", "home")
    assert parse_arm("oracle_refined-voiced", study) == ("oracle_refined", "voiced")


def test_an_unknown_refiner_in_an_arm_names_the_near_one(study: Study) -> None:
    with pytest.raises(SettingsError, match=r"unknown refiner 'style_aligne': did you mean 'style_aligned'"):
        parse_arm("style_aligne", study)


def test_an_unknown_oracle_in_an_arm_names_the_near_one(study: Study) -> None:
    with pytest.raises(SettingsError, match=r"'oracle_refined-voicd' 'voicd': did you mean 'voiced'\? known: home, v"):
        parse_arm("oracle_refined-voicd", study)


def test_a_study_that_does_not_exist_names_the_near_ones() -> None:
    with pytest.raises(SettingsError, match=r"unknown study 'smok': did you mean 'smoke'\?"):
        cli.read_study(ROOT / "studies" / "smok.yaml")


@pytest.mark.parametrize("text", ["", "- a list", "title: [unclosed"])
def test_a_study_that_holds_no_settings_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        cli.read_study(tmp_path / "odd.yaml")
    assert "odd" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_settings_are_frozen(study: Study) -> None:
    with pytest.raises(AttributeError, match="cannot assign"):
        study.sampling.n = 3  # type: ignore[misc]


WATCHED = """
import runpy, sys
sys.argv = ["sample", *sys.argv[1:]]
try:
    runpy.run_module("stages.sample", run_name="__main__")
finally:
    print("torch" in sys.modules)
"""
"The sample stage as `python -m` runs it; tells at the end whether torch was imported."


def test_a_bad_study_stops_a_stage_with_one_line_before_it_loads_or_writes_anything(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    given["sampling"]["n"] = -1
    study, out = tmp_path / "spoilt.yaml", tmp_path / "traces.jsonl"
    study.write_text(yaml.safe_dump(given), encoding="utf-8")
    out.write_text("what an earlier run made\n")
    flags = ["--study", study, "--problems", tmp_path / "no.jsonl", "--models", tmp_path / "no", "--out", out]
    for command in (["-c", WATCHED], ["-m", "stages.sample"]):
        done = subprocess.run(
            [sys.executable, *command, *map(str, flags)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr == "qup: spoilt.sampling.n: expected a number of at least 1, got -1\n"
        assert done.stdout == ("False\n" if command[0] == "-c" else "")
    assert out.read_text() == "what an earlier run made\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["spoilt.yaml", "traces.jsonl"]


@pytest.mark.parametrize(("key", "value"), [("prompt", "boxd"), ("evaluation", {"tasks": ["heldot"]})])
def test_a_wrong_prompt_or_task_stops_the_first_stage_and_not_the_last(
    given: dict[str, Any], key: str, value: Any
) -> None:
    given[key] = value
    with pytest.raises(SettingsError, match="did you mean"):
        section(params.Study, given, "smoke")


def test_an_api_is_no_backend_for_the_learner_and_a_wrong_backend_names_the_near_one(given: dict[str, Any]) -> None:
    for name in ("openai", "vlm"):
        given["backend"]["name"] = name
        with pytest.raises(SettingsError, match=rf"unknown backend '{name}'.*known: auto, hf, vllm"):
            section(Study, given, "smoke")


def zero(*arms: str, **others: str) -> dict[str, Any]:
    return {"check": "zero", "arms": list(arms), **others}


@pytest.mark.parametrize(
    ("control", "said"),
    [
        (zero("restyled"), r"controls\.idle\.arms: 'zero' needs two arms, each once, got restyled$"),
        (zero("restyled", "restyled"), r"needs two arms, each once, got restyled, restyled$"),
        ({"check": "ordered", "arms": ["restyled", "unfiltered"]}, r"'ordered' needs three arms or more"),
        ({"check": "factorial", "arms": ["restyled"] * 3}, r"'factorial' needs four arms \(native, restyled, aligned"),
        ({"check": "nil", "arms": []}, r"unknown value of smoke\.controls\.idle\.check 'nil'.* known: factorial, ord"),
        (zero("restyled", "unfilterd"), r"unknown refiner 'unfilterd': did you mean 'unfiltered'\?"),
        (zero("restyled", "restyled-hom"), r"unknown Oracle in arm 'restyled-hom' 'hom': did you mean 'home'\?"),
        (zero("restyled", "unfiltered", quantity="genrn"), r"of controls\.idle 'genrn': did you mean 'genrm'\?"),
    ],
)
def test_a_control_that_cannot_be_checked_says_what_was_expected(
    given: dict[str, Any], control: dict[str, Any], said: str
) -> None:
    given["controls"] = {"idle": control}
    with pytest.raises(SettingsError, match=said):
        section(Study, given, "smoke")


def test_control_arms_are_those_that_are_not_main_arms_each_once(given: dict[str, Any]) -> None:
    dose = {"check": "ordered", "arms": ["rejection_sampling", "unfiltered-voiced", "oracle_refined"]}
    given["controls"] = {"idle": zero("unfiltered", "rejection_sampling"), "dose": dose}
    made = section(Study, given, "smoke")
    main = ["rejection_sampling", "oracle_refined", "style_aligned"]
    assert control_arms(made, main) == {"unfiltered": made.training, "unfiltered-voiced": made.training}
    assert made.controls["dose"].quantity == "utility"
    given["controls"] = {}
    assert control_arms(section(Study, given, "smoke"), main) == {}


def test_a_control_arm_is_trained_under_what_any_of_its_controls_asks_for(given: dict[str, Any]) -> None:
    idle = zero("unfiltered", "rejection_sampling") | {"objectives": ["dft"]}
    dose = {"check": "ordered", "arms": ["unfiltered", "unfiltered-voiced", "restyled"], "objectives": ["sft"]}
    given["controls"] = {"idle": idle, "dose": dose}
    arms = control_arms(section(Study, given, "smoke"), ["rejection_sampling", "restyled"])
    asked = {arm: training.objectives for arm, training in arms.items()}
    assert asked == {"unfiltered": ("sft", "dft"), "unfiltered-voiced": ("sft",)}


def test_a_control_arm_is_trained_from_the_seeds_of_all_its_controls_each_once(given: dict[str, Any]) -> None:
    given["training"]["seeds"] = [1, 2]
    idle = zero("unfiltered", "rejection_sampling") | {"seeds": [4, 2]}
    dose = {"check": "ordered", "arms": ["unfiltered", "unfiltered-voiced", "restyled"]}
    given["controls"] = {"idle": idle, "dose": dose}
    arms = control_arms(section(Study, given, "smoke"), ["rejection_sampling", "restyled"])
    assert {arm: training.seeds for arm, training in arms.items()} == {
        "unfiltered": (4, 2, 1),
        "unfiltered-voiced": (1, 2),
    }


def test_only_a_null_check_of_utility_takes_seeds_of_its_own(given: dict[str, Any]) -> None:
    given["controls"] = {"idle": zero("restyled", "unfiltered", quantity="genrm") | {"seeds": [4]}}
    with pytest.raises(SettingsError, match=r"controls\.idle\.seeds: only a zero check of utility"):
        section(Study, given, "smoke")


@pytest.mark.parametrize("twice", [{"objectives": ["sft", "sft"]}, {"seeds": [4, 4]}])
def test_a_control_asks_for_an_objective_or_a_seed_once(given: dict[str, Any], twice: dict[str, Any]) -> None:
    given["controls"] = {"idle": zero("unfiltered", "rejection_sampling") | twice}
    with pytest.raises(SettingsError, match=rf"controls.idle.{next(iter(twice))}: expected each once"):
        section(Study, given, "smoke")


def test_utility_is_of_the_held_out_set_wherever_it_is_named() -> None:
    assert EvaluationSettings(("longer", "heldout")).main == "heldout"
    assert EvaluationSettings(("longer",)).main == "longer"


def test_a_control_asks_for_objectives_of_the_study(given: dict[str, Any]) -> None:
    given["training"]["objectives"] = ["sft"]
    given["controls"] = {"idle": zero("unfiltered", "rejection_sampling") | {"objectives": ["dft"]}}
    with pytest.raises(SettingsError, match=r"unknown objective of controls.idle 'dft': .*known: sft"):
        section(Study, given, "smoke")


SOURCES = [{"source": "jsonl", "file": "smoke.jsonl"}]


@pytest.mark.parametrize(
    ("sets", "tasks", "said"),
    [
        ({}, ["heldout", "longer"], r"evaluation\.tasks: 'longer' has no problems; add problems\.sets\.longer"),
        (
            {"longr": {"sources": SOURCES, "count": 2}},
            ["heldout"],
            r"unknown evaluation task 'longr': did you mean 'lon",
        ),
        ({"heldout": {"sources": SOURCES, "count": 2}}, ["heldout"], r"problems\.sets: 'heldout' is made of"),
        ({"longer": {"sources": [{"source": "jsonnl"}], "count": 2}}, ["heldout"], r"'jsonnl': did you mean 'jsonl'"),
        (
            {"longer": {"sources": SOURCES, "count": 0}},
            ["heldout"],
            r"sets\.longer\.count: expected a number of at least 1",
        ),
        ({"longer": {"sources": SOURCES}}, ["heldout"], r"problems\.sets\.longer needs 'count', which is missing"),
    ],
)
def test_a_task_has_problems_and_a_set_has_a_task(
    given: dict[str, Any], sets: dict[str, Any], tasks: list[str], said: str
) -> None:
    given["problems"]["sets"], given["evaluation"]["tasks"] = sets, tasks
    with pytest.raises(SettingsError, match=said):
        section(Study, given, "smoke")


def test_one_kind_of_reward_may_stand_in_a_study_under_several_names(given: dict[str, Any]) -> None:
    given["rewards"] = {"genrm": {"model": "judge"}, "strict": {"reward": "genrm", "model": "judge", "min_mass": 0.9}}
    made = section(Study, given, "smoke")
    named = [rewards.make(name, settings) for name, settings in made.rewards.items()]
    assert [(type(r).__module__, r.min_mass) for r in named] == [("qup.rewards.genrm", 0.1), ("qup.rewards.genrm", 0.9)]
    given["rewards"]["strict"] = {"model": "judge"}
    with pytest.raises(SettingsError, match="unknown reward 'strict'"):
        section(Study, given, "smoke")


def test_an_oracle_may_be_asked_about_other_problems_than_the_study_says(given: dict[str, Any]) -> None:
    given["oracles"]["voiced"]["scope"] = "failed"
    made = section(Study, given, "smoke")
    assert [oracles.scope(entry, made.streams.scope, "") for entry in made.oracles.values()][:2] == ["all", "failed"]
    # No setting of the plug's own.
    assert oracles.make(made.oracles["voiced"], "oracles.voiced").phrase == "QED :="
    given["oracles"]["voiced"]["scope"] = "faild"
    with pytest.raises(SettingsError, match=r"oracles\.voiced\.scope 'faild': did you mean 'failed'"):
        section(Study, given, "smoke")
