"""Control arms go through the stages of a main arm, each below its own folder."""

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from qup.params import ControlSettings, Objective
from stages import cli, controls

ROOT = Path(__file__).resolve().parents[1]
MAIN = ["rejection_sampling", "oracle_refined"]
Seeds = tuple[int, ...]
CHAIN = ("refine", "reward", "compat", "train", "evaluate")


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What each stage of a main arm is called with; none of them runs."""
    calls: list[tuple[str, list[str]]] = []

    def noting(name: str) -> Callable[[Sequence[str]], None]:
        return lambda argv: calls.append((name, list(argv)))

    for name in CHAIN:
        monkeypatch.setattr(f"stages.{name}.main", noting(name))
    return calls


def run(
    out: Path, monkeypatch: pytest.MonkeyPatch, *arms: str, objectives: tuple[Objective, ...] = (), seeds: Seeds = ()
) -> None:
    """The stage, on the smoke study with one control over `arms`, or with none."""
    smoke = cli.read_study(ROOT / "studies" / "smoke.yaml")
    given = {"idle": ControlSettings("zero", arms, objectives=objectives, seeds=seeds)} if arms else {}
    evaluation = dataclasses.replace(smoke.evaluation, tasks=("longer", "heldout"))
    study = dataclasses.replace(smoke, controls=given, evaluation=evaluation)
    monkeypatch.setattr(cli, "read_study", lambda path: study)
    words = ["--study", "s.yaml", "--problems", "p", "--traces", "t.jsonl", "--models", "m", "--out", str(out)]
    controls.main([*words, "--arms", *MAIN])


def flag(argv: list[str], name: str) -> str:
    return argv[argv.index(f"--{name}") + 1]


def test_an_arm_that_is_not_a_main_arm_is_made_from_stream_to_evaluations_in_its_own_folder(
    called: list[tuple[str, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, monkeypatch, "unfiltered-voiced", "rejection_sampling")
    assert [name for name, _ in called] == list(CHAIN)
    by = dict(called)
    folder = tmp_path / "unfiltered-voiced"
    assert flag(by["refine"], "arm") == "unfiltered-voiced"
    files = {name: flag(by[name], "out") for name in CHAIN if name != "train"}
    assert files == {
        "refine": f"{folder}/stream.jsonl",
        "reward": f"{folder}/scores.jsonl",
        "compat": f"{folder}/compat.jsonl",
        "evaluate": f"{folder}/evals.jsonl",
    }
    assert {flag(by[name], "stream") for name in ("reward", "compat", "train")} == {f"{folder}/stream.jsonl"}
    assert [flag(by[name], "runs") for name in ("train", "evaluate")] == [f"{folder}/runs.jsonl"] * 2
    assert flag(by["train"], "trajectory") == f"{folder}/trajectory.jsonl"
    assert {flag(by[name], "problems") for name in CHAIN} == {"p/train.jsonl", "p/evaluation"}


def test_a_control_arm_is_trained_under_the_objectives_and_seeds_it_is_asked_for(
    called: list[tuple[str, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, monkeypatch, "unfiltered", "rejection_sampling", objectives=("dft",), seeds=(4, 5))
    argv = dict(called)["train"]
    assert flag(argv, "objectives") == "dft"
    assert "sft" not in argv
    assert argv[argv.index("--seeds") + 1 :][:2] == ["4", "5"]


def test_a_control_arm_answers_the_task_that_utility_is_of_alone(
    called: list[tuple[str, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, monkeypatch, "unfiltered", "rejection_sampling")
    argv = dict(called)["evaluate"]
    assert flag(argv, "tasks") == "heldout"
    assert "longer" not in argv


def test_the_weights_of_a_control_arm_are_evaluated_and_thrown_away(
    called: list[tuple[str, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, monkeypatch, "unfiltered", "rejection_sampling")
    by = dict(called)
    weights = flag(by["train"], "out")
    assert flag(by["evaluate"], "trained") == weights
    assert not Path(weights).exists()


def test_a_call_has_the_flags_of_the_stage_that_it_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: list[tuple[str, list[str]]]
) -> None:
    run(tmp_path, monkeypatch, "unfiltered", "rejection_sampling")
    monkeypatch.undo()
    for name, argv in called:
        # Stopped by the study that is not there, not by a flag (exit 2).
        with pytest.raises(ValueError, match="unknown study 's'"):
            importlib.import_module(f"stages.{name}").main(argv)


def test_a_study_without_controls_has_an_empty_folder(
    called: list[tuple[str, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "controls", monkeypatch)
    assert called == []
    assert list((tmp_path / "controls").iterdir()) == []
