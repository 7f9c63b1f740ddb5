"""The pipeline with all that streams can be: several traces a problem, a mixture, arms matched by two quantities."""

import importlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from pipeline import ROOT, commands

from qup import records, settings
from qup.errors import SettingsError
from qup.measured import files
from qup.records import Refined

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
DATA = Path("data/smoke")
FURTHER = Path("results/smoke/arms/further.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Path:
    """Where the smoke study has run so, in this process."""
    top = tmp_path_factory.mktemp("streams")
    shutil.copytree(ROOT / "data" / "problems", top / "data" / "problems")
    given: dict[str, Any] = settings.read_yaml(ROOT / "studies" / "smoke.yaml")
    given["streams"]["per_problem"] = 2
    given["rewards"] = {"answer": {}}
    given["training"] |= {"objectives": ["sft"], "budget": {"epochs": 1, "steps": 3}, "match": ["epochs", "steps"]}
    given["arms"]["mixed"] = {"oracle": "home", "mixture": {"restyled": 0.5, "oracle_refined": 0.5}}
    given["arms"]["single"] = {"oracle": "home", "refiner": "unfiltered", "per_problem": 1}
    given["controls"] = {}
    (top / "studies").mkdir()
    (top / "studies" / "smoke.yaml").write_text(yaml.safe_dump(given, sort_keys=False), encoding="utf-8")
    (top / "params.yaml").write_text("study: smoke\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
    patch.chdir(top)
    patch.setenv("LOKY_MAX_CPU_COUNT", "1")
    for stage, *flags in commands("smoke"):
        importlib.import_module(f"stages.{stage}").main(flags)
    return top


def stream(arm: str) -> list[Refined]:
    return records.read(DATA / arm / "stream.jsonl", Refined)


def test_a_problem_has_up_to_two_traces_in_every_stream(folder: Path) -> None:
    slots = Counter(own.slot for own in stream("arms/learner/rejection_sampling"))
    assert slots[0] == 8
    assert 0 < slots[1] <= 8
    assert set(slots) == {0, 1}
    assert {own.slot for own in stream("further/single")} == {0}
    kept = [(own.problem_id, own.text) for own in stream("arms/home/oracle_refined") if own.text]
    assert len(set(kept)) == len(kept)


def test_half_of_a_mixture_is_of_either_arm_and_its_traces_are_theirs(folder: Path) -> None:
    mixed = stream("further/mixed")
    origins = {own.problem_id: own.origin for own in mixed}
    assert Counter(origins.values()) == {"home/restyled": 4, "home/oracle_refined": 4}
    texts = {
        (arm, own.problem_id, own.slot): own.text for arm in set(origins.values()) for own in stream(f"arms/{arm}")
    }
    assert all(own.text == texts[own.origin, own.problem_id, own.slot] for own in mixed)
    (arm,) = [each for each in files.read(FURTHER) if each.name == "mixed"]
    assert sum(arm.stream.origins.values()) == arm.stream.traces


def test_arms_that_are_matched_by_steps_take_as_many_on_the_same_traces(folder: Path) -> None:
    by_steps = {arm.name: arm for arm in files.read(FURTHER) if arm.name.startswith("by_steps/")}
    assert {run.steps for arm in by_steps.values() for run in arm.runs} == {3}
    main = files.read_arm(Path("results/smoke/arms/home/oracle_refined.json"))
    assert by_steps["by_steps/oracle_refined"].traces == main.traces
    summary = json.loads((DATA / "report" / "report.json").read_text(encoding="utf-8"))
    assert set(summary["matching"]["spent"]) == {"epochs", "steps"}


@pytest.mark.parametrize("fault", ["doubled", "missing"])
def test_a_stage_refuses_a_stream_with_a_problems_second_trace_doubled_or_missing(folder: Path, fault: str) -> None:
    file = DATA / "arms" / "home" / "restyled" / "stream.jsonl"
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    second = next(line for line in lines if json.loads(line).get("slot") == 1)
    lines.insert(lines.index(second), second) if fault == "doubled" else lines.remove(second)
    file.write_bytes(b"".join(lines))
    (flags,) = [line[1:] for line in commands("smoke") if line[0] == "compat" and "restyled" in " ".join(line)]
    try:
        with pytest.raises(SettingsError, match="slot 1"):
            importlib.import_module("stages.compat").main(flags)
    finally:
        file.write_bytes(whole)
