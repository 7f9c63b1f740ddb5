"""The paper's numbers: each with source and status, none guessed; beside ours where a study asks for them."""

import dataclasses
import re
from collections import defaultdict
from pathlib import Path

import pytest
import toyreport
from toyreport import NATIVE

from qup import settings, study
from qup.errors import SettingsError
from qup.paper import FILE, Paper, paper
from qup.report.sections import paper as section
from qup.stats import ReportSettings

ROOT = Path(__file__).resolve().parents[1]
ROWS = ["qwen2.5-math-1.5b", "qwen2.5-math-7b", "llama-3.2-3b", "deepseek-math-7b"]
SMOKE = settings.read_yaml(ROOT / "studies" / "smoke.yaml")


def about(toy, row="qwen2.5-math-1.5b"):
    return dataclasses.replace(
        toy, study=dataclasses.replace(toy.study, report=ReportSettings(resamples=400, paper=row))
    )


@pytest.fixture(scope="module")
def toy():
    return toyreport.toy(toyreport.FACTORIAL, tasks=("heldout", "longer"))


@pytest.fixture(scope="module")
def built(toy):
    with pytest.MonkeyPatch.context() as patch:
        return about(toy).plain(patch)


def test_all_four_learners_of_the_paper_have_a_row() -> None:
    assert list(paper().rows) == ROWS


def test_of_three_learners_the_notes_have_the_name_and_no_number() -> None:
    assert [name for name, row in paper().rows.items() if row.streams] == ["qwen2.5-math-1.5b"]


def test_a_number_that_no_note_has_is_none_and_never_zero() -> None:
    streams = paper().rows["qwen2.5-math-1.5b"].streams
    assert "sft" not in streams["SAR (GPT-5.2)"].accuracy
    assert streams["NuminaMath reference"].ppl is None
    assert all(number.value > 0 for stream in streams.values() for number in stream.reported)


def test_what_stands_in_one_note_only_says_so() -> None:
    status = {fact.fact: fact.status for fact in paper().facts}
    assert (status["learning rate"], status["batch"], status["epochs"]) == ("single",) * 3
    assert (status["reward model"], status["evaluation prompt"]) == ("unconfirmed",) * 2


def test_the_inversion_under_sft_that_notes_tell_of_is_stated_as_a_contradiction_of_their_numbers() -> None:
    gap = paper().rows["qwen2.5-math-1.5b"].gap("Oracle-Synthesized", "SLM-RFT", "sft")
    assert gap is not None
    # 23.26 - 22.74: synthesized traces are ahead, so nothing is inverted.
    assert gap.points == 0.52
    assert any("SFT" in text and "23.26" in text and "22.74" in text for text in paper().contradictions)


def test_a_difference_of_theirs_is_as_sure_as_the_weaker_of_its_two_numbers() -> None:
    given = settings.read_yaml(FILE)
    given["rows"]["qwen2.5-math-1.5b"]["streams"]["SLM-RFT"]["accuracy"]["sft"]["status"] = "single"
    gap = settings.read(Paper, given).rows["qwen2.5-math-1.5b"].gap("SLM-RFT", "Oracle-Refined", "sft")
    assert gap is not None
    assert (gap.points, gap.status) == (3.14, "single")


def test_a_number_from_nowhere_is_refused() -> None:
    given = settings.read_yaml(FILE)
    given["rows"]["qwen2.5-math-1.5b"]["streams"]["SLM-RFT"]["reward"]["source"] = "tabel"
    with pytest.raises(SettingsError, match="did you mean 'table'"):
        settings.read(Paper, given)


def test_a_row_that_the_paper_has_not_names_the_near_ones() -> None:
    given = SMOKE | {"report": {"paper": "qwen2.5-math-1.5"}}
    with pytest.raises(SettingsError, match=r"^report\.paper: unknown row .*did you mean 'qwen2.5-math-1.5b'"):
        settings.read(study.Study, given)


def test_a_study_that_names_no_row_has_no_word_of_the_paper(toy, built, monkeypatch) -> None:
    without = toy.plain(monkeypatch)
    assert "paper" not in without.summary
    assert "The paper's numbers" not in without.markdown + without.html
    assert "paper" in built.summary
    # All else is the same, byte for byte, but the setting itself.
    unset = built.markdown.replace("  paper: qwen2.5-math-1.5b\n", "  paper: null\n")
    assert unset.replace(between(built.markdown), "") == without.markdown
    assert {k: v for k, v in built.summary.items() if k != "paper"} == without.summary


def between(markdown: str) -> str:
    found = re.search(r"## The paper's numbers beside ours\n.*?(?=## )", markdown, re.DOTALL)
    assert found
    return found[0]


def test_each_of_theirs_stands_beside_ours_with_status_interval_and_n(built) -> None:
    text = between(built.markdown)
    row = next(line for line in text.splitlines() if line.startswith("| SLM-RFT | RFT |"))
    ours = built.numbers.tables.rows[NATIVE].learners["sft"].answered.accuracy
    assert row.startswith(f"| SLM-RFT | RFT | 22.74 confirmed | {100 * ours.value:.1f} [")
    assert "n 60 |" in row
    assert "| SAR (GPT-5.2) | SAR | – not in the notes |" in text
    assert "| NuminaMath reference | – | 16.72 confirmed | – no such arm |" in text


def test_a_difference_of_ours_says_whether_it_is_resolved(built, monkeypatch) -> None:
    assert {each.said for each in built.numbers.paper.gaps} == {"resolved"}
    alike = dict.fromkeys(toyreport.FACTORIAL, (1.0, 0.0, 1.3))
    gaps = about(toyreport.toy(alike)).plain(monkeypatch).numbers.paper.gaps
    assert {each.said for each in gaps if not each.ours.resolved} == {"not resolved"}
    assert any(not each.ours.resolved for each in gaps)


def test_ours_over_several_sets_is_the_mean_of_the_sets_each_counting_alike(built) -> None:
    rows, sets = built.numbers.tables.rows, built.numbers.main.sets
    (gap,) = [each for each in built.numbers.paper.gaps if each.objective == "sft" and each.theirs.first == "SLM-RFT"]
    parts = [
        [
            rows[arm].learners["sft"].answered.accuracy.value,
            sets.arms[arm]["longer"]["sft"].answered.accuracy.value,
        ]
        for arm in (NATIVE, "home/oracle_refined")
    ]
    (stream,) = [each for each in built.numbers.paper.streams if each.arm == NATIVE]
    assert stream.ours["sft"]["mean of sets"].value == pytest.approx(sum(parts[0]) / 2)
    assert gap.ours.estimate.value == pytest.approx((sum(parts[0]) - sum(parts[1])) / 2)


def test_theirs_and_ours_are_no_agreement_and_the_sets_of_both_are_named(built, monkeypatch) -> None:
    text = between(built.markdown)
    sets = "ours, mean of 2 sets"
    assert f"theirs over all sets, points | Oracle of ours | {sets}, points | {sets} |" in text
    assert "our differences the mean over heldout, longer, each set counting alike" in text
    alone = between(about(toyreport.toy(toyreport.FACTORIAL)).plain(monkeypatch).markdown)
    assert "theirs over all sets, points | Oracle of ours | ours on heldout, points | ours on heldout |" in alone
    assert "our differences of heldout alone, so it is not told whether signs agree." in alone
    assert not re.search(r"(same|other) sign", text + alone)


def test_how_often_each_of_our_sets_was_asked_stands_beside_theirs(built) -> None:
    found = built.numbers.paper
    assert found.drawn == {"heldout": 4, "longer": 4}
    assert "theirs Avg@16 over all of their sets; ours Avg@4." in built.markdown
    uneven = dataclasses.replace(found, drawn={"heldout": 2, "longer": 4})
    table = section._accuracy_table(uneven, "sft", defaultdict(str))
    assert table.caption.endswith("; ours Avg@2 on heldout, Avg@4 on longer.")


def test_of_a_learner_without_numbers_only_what_is_known_is_shown(toy, monkeypatch) -> None:
    text = between(about(toy, "llama-3.2-3b").plain(monkeypatch).markdown)
    assert "The notes have no number of this learner." in text
    assert "22.74 confirmed" not in text
