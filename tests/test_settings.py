"""A study file is checked in full before anything runs; what does not fit is one line that says what would."""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from wrongsettings import WRONG

from qup import arms, errors, reference, settings, study
from qup.errors import SettingsError
from qup.evals import EvaluationSettings
from qup.params import Params, read_params
from qup.settings import declared, plain, read_yaml
from qup.study import Study
from qup.training.settings import Budget

ROOT = Path(__file__).resolve().parents[1]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


@pytest.fixture
def given() -> dict[str, Any]:
    """The smoke study as YAML reads it, to be spoiled."""
    smoke: dict[str, Any] = read_yaml(ROOT / "studies" / "smoke.yaml")
    return smoke


@pytest.fixture
def smoke() -> Study:
    return study.read(ROOT / "studies" / "smoke.yaml")


def spoil(given: dict[str, Any], path: str, value: Any) -> None:
    """Set what stands at a path such as `rewards/genrm/model`; `...` removes it."""
    *way, last = path.split("|")
    holder = functools.reduce(lambda inner, key: inner[int(key) if key.isdigit() else key], way, given)
    if value is ...:
        del holder[last]
    else:
        holder[last] = value


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_file_is_valid(path: Path) -> None:
    assert study.read(path).title


@pytest.mark.parametrize(("path", "value", "said"), WRONG, ids=[f"{path}={value}" for path, value, _ in WRONG])
def test_what_does_not_fit_is_one_line_with_place_value_and_what_was_expected(
    given: dict[str, Any], path: str, value: Any, said: str
) -> None:
    spoil(given, path, value)
    with pytest.raises(SettingsError, match=said) as raised:
        settings.read(Study, given)
    assert "\n" not in str(raised.value)


def test_the_table_of_wrong_inputs_is_long_enough() -> None:
    assert len(WRONG) >= 30


def test_several_misfits_are_told_at_once(given: dict[str, Any]) -> None:
    spoil(given, "sampling|n", -1)
    spoil(given, "training|batch", "many")
    with pytest.raises(SettingsError, match=r"sampling\.n: expected .*; training\.batch: expected a whole number, got"):
        settings.read(Study, given)


def test_a_float_is_one_as_dvc_reads_it(tmp_path: Path, given: dict[str, Any]) -> None:
    # YAML 1.1, which most readers still read, takes `1e-4` for text and `no` for false.
    (tmp_path / "a.yaml").write_text("rate: 1e-4\nword: no\n", encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == {"rate": 0.0001, "word": "no"}


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read .*run in the repository's root"):
        read_params(tmp_path / "params.yaml")


def test_a_key_that_stands_twice_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("seed: 1\nseed: 2\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="duplicate key") as raised:
        read_yaml(tmp_path / "a.yaml")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", [b"", b"- a list", b"title: [unclosed", b"\xff\xfe"])
def test_a_study_that_holds_no_settings_is_one_line(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "odd.yaml").write_bytes(text)
    with pytest.raises(SettingsError, match="odd") as raised:
        study.read(tmp_path / "odd.yaml")
    assert "\n" not in str(raised.value)


def test_a_study_that_does_not_exist_names_the_near_ones() -> None:
    with pytest.raises(SettingsError, match=r"unknown study 'smok': did you mean 'smoke'\?"):
        study.read(ROOT / "studies" / "smok.yaml")


def test_settings_are_frozen(smoke: Study) -> None:
    with pytest.raises(AttributeError, match="cannot assign"):
        smoke.sampling.n = 3  # type: ignore[misc]


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
    spoilt, out = tmp_path / "spoilt.yaml", tmp_path / "traces.jsonl"
    spoilt.write_text(json.dumps(given), encoding="utf-8")
    out.write_text("what an earlier run made\n")
    flags = ["--study", spoilt, "--problems", tmp_path / "no.jsonl", "--models", tmp_path / "no", "--out", out]
    for command in (["-c", WATCHED], ["-m", "stages.sample"]):
        done = subprocess.run(
            [sys.executable, *command, *map(str, flags)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr == "qup: spoilt.sampling.n: expected a number above 0, got -1\n"
        assert done.stdout == ("False\n" if command[0] == "-c" else "")
    assert out.read_text() == "what an earlier run made\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["spoilt.yaml", "traces.jsonl"]


def test_utility_is_of_the_held_out_set_wherever_it_is_named() -> None:
    assert EvaluationSettings(("longer", "heldout")).main == "heldout"
    assert EvaluationSettings(("longer",)).main == "longer"


def test_one_kind_of_reward_may_stand_in_a_study_under_several_names(given: dict[str, Any]) -> None:
    given["rewards"] = {"genrm": {"model": "judge"}, "strict": {"reward": "genrm", "model": "judge", "min_mass": 0.9}}
    rewards = settings.read(Study, given).rewards
    assert [(type(r).__module__, r.min_mass) for r in rewards.values()] == [  # type: ignore[attr-defined]
        ("qup.rewards.genrm", 0.1),
        ("qup.rewards.genrm", 0.9),
    ]


def test_metrics_that_are_not_named_run_with_their_defaults(smoke: Study) -> None:
    assert set(smoke.compat) == set(settings.names("compat"))


def test_settings_written_back_are_the_same_settings(smoke: Study) -> None:
    assert settings.read(Study, plain(smoke)) == smoke


def test_what_is_declared_of_a_plug_is_what_is_not_its_default(smoke: Study) -> None:
    assert declared(smoke.oracles["voiced"]) == {"oracle": "scripted", "phrase": "QED :="}
    assert declared(smoke.problems.sources[0]) == {"source": "jsonl", "file": "smoke.jsonl"}


def test_an_arm_is_trained_as_the_study_says_but_for_what_is_its_own(given: dict[str, Any]) -> None:
    given["training"]["arms"] = {"home/restyled": {"budget": {"tokens": 50}}}
    given["arms"] = {"mine": {"oracle": "home", "refiner": "unfiltered", "scope": "failed", "training": {"batch": 1}}}
    own = settings.read(Study, given | {"controls": {}})
    assert own.main_arm("home", "restyled").training.budget == Budget(tokens=50)
    assert own.main_arm("home", "oracle_refined").training.budget == own.training.budget
    (mine,) = own.further.values()
    assert (mine.name, mine.scope, mine.training.batch, mine.main) == ("mine", "failed", 1, False)
    assert mine.training.learning_rate == own.training.learning_rate


def test_main_arms_are_the_native_one_and_every_oracle_by_every_main_refiner(smoke: Study) -> None:
    both = smoke.main_arms(["home", "voiced"], "unfiltered")
    assert next(iter(both)) == "learner/rejection_sampling"
    assert len(both) == 1 + 2 * (len(arms.MAIN) + 1)
    assert both["voiced/style_aligned"].label == "SAR (voiced)"
    assert both["home/style_aligned"].label == "SAR"
    # A main refiner under comparison is no further arm.
    assert list(smoke.main_arms(["home"], "style_aligned")) == list(smoke.main_arms(["home"]))


def test_the_native_refiner_is_not_compared_with_itself(smoke: Study) -> None:
    with pytest.raises(SettingsError, match=r"refiner: 'rejection_sampling' is the native arm, which always runs"):
        smoke.main_arms(["home"], "rejection_sampling")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"study": "smoke", "refiner": "x", "oracles": []}, r"oracles: expected Oracles, each once, home first, got"),
        ({"study": "smoke", "refiner": "x", "oracles": ["voiced"]}, r"home first, got \['voiced'\]"),
        ({"study": "smoke", "refiner": "x", "oracles": "home"}, r"oracles: expected a list, got 'home'"),
        ({"study": "smoke", "refine": "x", "oracles": ["home"]}, r"unknown key 'refine': did you mean 'refiner'\?"),
        ({"study": "smoke", "refiner": "x"}, r"needs 'oracles', which is missing"),
    ],
)
def test_a_wrong_choice_in_params_is_one_line(written: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings.read(Params, written)


def test_the_schema_beside_the_studies_is_that_of_the_classes() -> None:
    kept = json.loads((ROOT / "studies" / "schema.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(reference.schema())), "run `qup reference --write`"


def test_the_page_of_settings_is_that_of_the_classes() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == reference.page(), "qup reference --write"


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_fits_the_schema_and_names_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")
    jsonschema.validate(read_yaml(path), reference.schema())


def test_the_schema_refuses_what_the_classes_refuse(given: dict[str, Any]) -> None:
    for path, value in (("sampling|temprature", 1.0), ("sampling|n", 0), ("rewards|genrm|min_mas", 1), ("title", ...)):
        spoilt = json.loads(json.dumps(given))
        spoil(spoilt, path, value)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoilt, reference.schema())


def test_every_setting_has_a_word_of_explanation() -> None:
    whole = reference.schema()
    silent = {
        f"{name}.{key}"
        for name, kind in [("Study", whole), *whole["$defs"].items()]
        for key, value in kind.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    }
    # Their names say all there is to say.
    assert silent <= {
        "Study.title",
        "Budget.epochs",
        "TrainingSettings.method",
        "TrainingSettings.learning_rate",
        "TrainingSettings.dtype",
        "BackendSettings.dtype",
        "SamplingSettings.top_p",
        "EvaluationSettings.temperature",
        "Chains.shortest",
        "Chains.longest",
    }


def nested(depth: int) -> list[Any]:
    """A list within lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [nested(5_000), 10**5000], ids=["deep", "long"])
def test_a_value_that_python_cannot_write_out_is_told_by_its_kind(value: object) -> None:
    assert errors.shown(value) == f"a {type(value).__name__} that is too large to be shown"


def test_all_keys_that_a_place_lacks_are_told_at_once() -> None:
    given = {"title": "x", "training": {"budget": {"epochs": 1}}, "problems": {"sources": []}}
    with pytest.raises(SettingsError) as raised:
        settings.read(study.Study, given)
    line = str(raised.value)
    for section in ("seed", "threads", "prompt", "models", "backend", "sampling", "maps"):
        assert repr(section) in line
    assert "problems: needs 'train', 'heldout', which are missing" in line


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_what_is_written_of_a_study_is_read_back_as_the_same_study(path: Path) -> None:
    given = read_yaml(path)
    api = {"model": "gpt", "base_url": "https://api.openai.com/v1", "budget": 1000}
    given["oracles"]["asked"] = {"oracle": "prompted", "api": api}
    chosen = settings.read(Study, given)
    assert settings.read(Study, plain(chosen)) == chosen
