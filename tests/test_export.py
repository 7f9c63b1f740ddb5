"""A stream taken along: chats that trainers read, and a card that has no number of other traces."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import toyreport
from datasets import load_dataset

from qup import export, records
from qup.errors import SettingsError
from qup.export import Exported
from qup.measured import files
from qup.records import Mask, Problem, Refined, Verdict

ROOT = Path(__file__).resolve().parents[1]
ARM = "home/style_aligned"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with two problems of the smoke study and one trace of an arm."""
    (tmp_path / "studies").mkdir()
    shutil.copy(ROOT / "studies" / "smoke.yaml", tmp_path / "studies" / "smoke.yaml")
    data = tmp_path / "data" / "smoke"
    problems = [Problem(name, f"{name}?", "4", "toy", training_set="train", replicate=1) for name in ("t000", "t001")]
    stream = [
        Refined("t000", 1, "solved", "so \\boxed{4}", "changed", 0, 1, 9, Verdict.CORRECT),
        Refined("t001", 1, "solved", None, "failed", 0, 1, 9, Verdict.WRONG),
    ]
    records.write(data / "problems" / "train.jsonl", problems)
    records.write(data / "arms" / ARM / "stream.jsonl", stream)
    return tmp_path


def report(folder: Path, stream: list[Refined]) -> None:
    """The results of the smoke study, of an arm that trained on a stream."""
    toy = toyreport.toy()
    arm = toy.measured(toyreport.ALIGNED, dataclasses.replace(toy.arms[toyreport.ALIGNED], stream=stream))
    top = folder / "results" / "smoke"
    files.write(top / "arms" / f"{ARM}.json", [arm])
    value = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 2}
    learner = {"sft": {"accuracy": value, "greedy": value, "utility": value}}
    own = {"rewards": {"genrm": value}, "ppl": {"micro": value}, "learners": learner}
    (top / "report").mkdir()
    (top / "report" / "report.json").write_text(json.dumps({"arms": {ARM: own}, "control_arms": {}}), encoding="utf-8")


def test_the_folder_is_a_data_set_of_chats_with_what_is_trained_on_alone(folder: Path, tmp_path: Path) -> None:
    assert export.export(Exported(folder, "smoke", ARM), folder / "out") == 1
    (row,) = load_dataset(str(folder / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
    assert "t000?" in row["messages"][0]["content"]
    assert row["messages"][1]["content"] == "so \\boxed{4}"
    assert (row["problem"], row["answer"], row["outcome"]) == ("t000", "4", "changed")


def test_a_card_has_the_numbers_of_these_traces(folder: Path) -> None:
    report(folder, records.read(folder / "data" / "smoke" / "arms" / ARM / "stream.jsonl", Refined))
    asked = Exported(folder, "smoke", ARM)
    assert "reward `genrm`: 0.500 [0.400, 0.600], n = 2" in export.stream_card(asked)
    assert "gain over the untrained learner: 0.500" in export.model_card(asked, "sft")


def test_a_card_has_no_number_that_was_measured_on_other_traces(folder: Path) -> None:
    stream = records.read(folder / "data" / "smoke" / "arms" / ARM / "stream.jsonl", Refined)
    report(folder, [dataclasses.replace(stream[0], text="other"), stream[1]])
    asked = Exported(folder, "smoke", ARM)
    for card in (export.stream_card(asked), export.model_card(asked, "sft")):
        assert "0.500" not in card
        assert "there is no report of these very traces here" in card


def changed(folder: Path, old: str, new: str) -> None:
    """Change the study."""
    file = folder / "studies" / "smoke.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def further(folder: Path, name: str, settings: str, *refined: Refined) -> Exported:
    """An arm beside the main ones, with its stream."""
    changed(folder, "arms:\n", f"arms:\n  {name}: {settings}\n")
    records.write(folder / "data" / "smoke" / "further" / name / "stream.jsonl", refined)
    return Exported(folder, "smoke", name)


def trace(problem: str, **changes) -> Refined:
    return Refined(problem, 1, "solved", f"{problem} \\boxed{{4}}", "changed", 0, 1, 9, Verdict.CORRECT, **changes)


def test_a_card_has_the_learning_rate_of_its_objective(folder: Path) -> None:
    changed(folder, "objectives: [sft, dft]", "objectives: [sft, {objective: dft, learning_rate: 0.0123}]")
    asked = Exported(folder, "smoke", ARM)
    assert "learning rate 0.0123" in export.model_card(asked, "dft")
    assert "learning rate 0.0123" not in export.model_card(asked, "sft")


def test_tokens_that_are_not_trained_on_go_along_and_the_card_counts_them(folder: Path, tmp_path: Path) -> None:
    settings = "{oracle: home, refiner: masked, settings: {threshold: 3.5}}"
    rows = [trace("t000", mask=Mask(9, [0, 4])), trace("t001", mask=Mask(8, []))]
    asked = further(folder, "quiet", settings, *rows)
    export.export(asked, folder / "out")
    exported = load_dataset(str(folder / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert exported["mask"] == [{"tokens": 9, "left_out": [0, 4]}, {"tokens": 8, "left_out": []}]
    for card in (export.stream_card(asked), export.model_card(asked, "sft")):
        assert "2 tokens of 17 are not trained on" in card
        assert 'refiner `masked` set to `{"threshold": 3.5' in card
    assert "not trained on" not in export.stream_card(Exported(folder, "smoke", ARM))


def test_a_mixture_says_its_shares_and_each_trace_whose_it_is(folder: Path) -> None:
    settings = "{oracle: home, mixture: {rejection_sampling: 0.25, oracle_refined: 0.75}}"
    native, refined = "learner/rejection_sampling", "home/oracle_refined"
    rows = [trace("t000", origin=native), trace("t001", origin=refined), trace("t001", origin=refined, slot=1)]
    asked = further(folder, "mixed", settings, *rows)
    assert f"`mixture`: 0.25 of the problems from `{native}`, 0.75 of the problems from `{refined}`" in (
        export.stream_card(asked)
    )
    export.export(asked, folder / "out")
    exported = [json.loads(line) for line in (folder / "out" / export.ROWS).read_text(encoding="utf-8").splitlines()]
    assert [(row["origin"], row["slot"]) for row in exported] == [(native, 0), (refined, 0), (refined, 1)]
    assert "mask" not in exported[0]


@pytest.mark.parametrize(
    ("arm", "objective", "words"),
    [
        ("home/style_alignd", "sft", r"unknown arm .*did you mean 'home/style_aligned'"),
        ("home/restyled", "sft", r"stream\.jsonl is not there: run `qup run smoke`"),
        (ARM, "dpo", r"unknown objective 'dpo'.*known: dft, sft"),
    ],
)
def test_what_is_not_there_is_one_line(folder: Path, arm: str, objective: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        export.model_card(Exported(folder, "smoke", arm), objective)


def test_a_folder_that_holds_something_is_left_alone(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="holds something already"):
        export.export(Exported(folder, "smoke", ARM), folder / "out")
