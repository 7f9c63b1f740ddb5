"""Over the objective's a a report says where RFT and Refined change places, if both sides of the turn are resolved."""

from typing import Any

import numpy as np
import pytest
import toyreport
from planted import greedily
from toyreport import NATIVE, REFINED, Toy, evals

OBJECTIVES = ("dft", {"alpha": 0.25}, "idft", "sft", {"alpha": 2})
"On the dial at 1, 0.25, 0 and 2; each token of `idft` is at a place of its own."


def dialled(gaps: dict[str, float], objectives: Any = OBJECTIVES) -> Toy:
    """The toy whose learners' RFT - Refined is as given by objective, 0 elsewhere; greedy answers are all alike."""
    toy, rng = toyreport.toy(objectives=objectives), np.random.default_rng(1)
    names = toy.study.training.objective_names
    for arm, side in ((NATIVE, 0.5), (REFINED, -0.5)):
        rates = {name: 0.5 + side * gaps.get(name, 0.0) for name in names}
        answers = [a for name, rate in rates.items() for a in evals(rng, name, [1, 2, 3], rate)]
        toy = toy.replaced(arm, evals=greedily(answers, 0.5))
    return toy


def test_a_turn_lies_between_the_nearest_a_that_resolve_opposite_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = {"sft": -0.4, "alpha-0.25": 0.0, "dft": 0.4, "alpha-2": 0.5, "idft": -0.4}
    report = dialled(gaps).plain(monkeypatch)
    summary = report.summary
    dial = summary["dial"]["home"]
    section = report.markdown.partition("## Where the paradox turns")[2].partition("\n## ")[0]
    said = [line.split(" | ")[-2:] for line in section.splitlines() if line.startswith("| home | ALPHA")]
    assert said == [["not resolved", "not resolved |"], ["resolved", "not resolved |"]]
    assert [(place["objective"], place["alpha"]) for place in dial["places"]] == [
        ("sft", 0.0),
        ("alpha-0.25", 0.25),
        ("dft", 1.0),
        ("alpha-2", 2.0),
    ]
    assert [place["sampled"]["resolved"] for place in dial["places"]] == [True, False, True, True]
    assert dial["turns"] == {
        "sampled": [{"below": 0.0, "above": 1.0, "ahead": ["oracle_refined", NATIVE.split("/")[1]]}],
        "greedy": [],
    }
    # The very contrasts that were declared, not another family of them.
    for place in dial["places"]:
        (declared,) = (
            contrast
            for contrast in summary["oracles"]["home"]["objectives"][place["objective"]]["contrasts"]
            if contrast["declared"] and contrast["first"] == NATIVE
        )
        assert place["sampled"]["holm"] == declared["holm"]


def test_a_sign_that_stays_or_that_nothing_resolves_is_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    one_way = {"sft": 0.4, "alpha-0.25": 0.0, "dft": 0.4, "alpha-2": 0.5}
    for gaps, said in (
        (one_way, "not resolved: RFT is ahead at every a that tells the two apart, 3 of 4"),
        ({}, "not resolved: no a tells the two apart"),
    ):
        report = dialled(gaps).plain(monkeypatch)
        assert report.summary["dial"]["home"]["turns"] == {"sampled": [], "greedy": []}
        assert f"- Oracle home, sampled: {said}\n" in report.markdown


def test_a_sign_that_comes_back_is_two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    report = dialled({"sft": -0.4, "alpha-0.25": 0.4, "dft": 0.4, "alpha-2": -0.4}).plain(monkeypatch)
    spans = [(turn["below"], turn["above"]) for turn in report.summary["dial"]["home"]["turns"]["sampled"]]
    assert spans == [(0.0, 0.25), (1.0, 2.0)]
    assert (
        "- Oracle home, sampled: Refined is ahead at a = 0, RFT at a = 0.25, and it turns in between; RFT is ahead at "
        "a = 1, Refined at a = 2, and it turns in between\n" in report.markdown
    )


def test_a_decoding_that_was_not_asked_for_is_not_told_as_unresolved(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = toyreport.with_evaluation(dialled({"sft": -0.4, "dft": 0.4}), greedy=False)
    report = toy.plain(monkeypatch)
    assert list(report.summary["dial"]["home"]["turns"]) == ["sampled"]
    assert "- Oracle home, sampled: Refined is ahead at a = 0" in report.markdown
    assert "Oracle home, greedy" not in report.markdown


@pytest.mark.parametrize("other", [0.4, -0.4])
def test_two_objectives_at_one_a_are_one_place_which_tells_nothing_where_they_are_at_odds(
    monkeypatch: pytest.MonkeyPatch, other: float
) -> None:
    objectives = ("sft", "dft", {"alpha": 1}, {"alpha": 2})
    gaps = {"sft": -0.4, "dft": 0.4, "alpha-1": other, "alpha-2": 0.4}
    summary = dialled(gaps, objectives).summary(monkeypatch)
    (turn,) = summary["dial"]["home"]["turns"]["sampled"]
    assert (turn["below"], turn["above"]) == (0.0, 1.0 if other > 0 else 2.0)


@pytest.mark.parametrize("objectives", [("sft", "dft"), ("sft", "dft", "idft"), ("sft", "dft", {"alpha": 1})], ids=str)
def test_two_places_are_no_dial(monkeypatch: pytest.MonkeyPatch, objectives: Any) -> None:
    report = dialled({"sft": -0.4, "dft": 0.4}, objectives).plain(monkeypatch)
    assert "dial" not in report.summary
    assert "Where the paradox turns" not in report.markdown


def test_the_picture_has_a_line_a_stream_through_its_utilities_under_both_decodings() -> None:
    report = dialled({"sft": -0.4, "dft": 0.4}).build()
    plot = report.plots["utility-alpha"]
    # 3 streams, 4 places, 2 decodings; nothing of idft.
    assert len(plot.rows) == 3 * 4 * 2
    assert {row["stream"] for row in plot.rows} == {"RFT", "Refined", "SAR"}
    learner = report.summary["arms"][NATIVE]["learners"]["alpha-2"]["utility"]
    (row,) = (
        row for row in plot.rows if (row["stream"], row["alpha"], row["decoding"]) == ("RFT", 2.0, "sampled answers")
    )
    assert [row[key] for key in ("value", "low", "high")] == pytest.approx(
        [100 * learner[key] for key in ("value", "low", "high")], abs=1e-3
    )
    assert sum(mark in plot.svg for mark in ("sampled answers", "greedy answers", "RFT", "Refined", "SAR")) == 5
    # It stands with its table, once.
    assert report.markdown.count("utility-alpha") == report.markdown.split("## Where the paradox turns")[1].split(
        "\n## "
    )[0].count("utility-alpha")
