"""Factorials and manipulation checks, on numbers set by hand."""

import dataclasses

import pytest
import toyreport
from toyreport import ALIGNED, NATIVE, REFINED, RESTYLED, VOICED, VOICED_ALIGNED

from qup.arms import ArmSettings, ControlSettings
from qup.records import Eval, Verdict


@pytest.fixture(scope="module")
def built(patch):
    return toyreport.controlled().plain(patch)


def answers(objective, right, problems=8):
    """One sampled answer a problem, the first `right` of them correct."""
    verdicts = [Verdict.CORRECT] * right + [Verdict.WRONG] * (problems - right)
    return [Eval(f"h{p}", objective, 1, "heldout", "sampled", 0, "", 9, v, None) for p, v in enumerate(verdicts)]


def test_the_effects_of_a_factorial_by_hand(monkeypatch) -> None:
    toy = toyreport.toy(toyreport.FACTORIAL, replicates=1, objectives=("sft",))
    right = {NATIVE: 4, RESTYLED: 2, ALIGNED: 6, REFINED: 3}
    for arm, count in right.items():
        toy = toy.replaced(arm, evals=answers("sft", count))
    found = dataclasses.replace(toy, evals=answers("base", 4)).summary(monkeypatch)["factorials"]["main"]["sft"]
    # U in eighths over base: native 0, restyled -2, aligned 2, refined -1.
    hand = {"V": 2 / 8, "C": 3 / 8, "interaction": (-1 + 2) / 8 - 2 / 8, "style_on_unrepaired": -2 / 8}
    assert {key: found[key]["value"] for key in hand} == pytest.approx(hand)
    assert found["arms"] == dict(zip(("native", "restyled", "aligned", "refined"), right, strict=True))
    assert all({"low", "high", "n", "se", "mde", "resolved"} <= found[key].keys() for key in hand)


def test_repair_value_less_drift_cost_is_what_refining_gains(built) -> None:
    for objective, parts in built.summary["factorials"]["main"].items():
        arms = built.summary["arms"]
        u = {arm: arms[arm]["learners"][objective]["utility"]["value"] for arm in arms}
        assert parts["V"]["value"] - parts["C"]["value"] == pytest.approx(u[REFINED] - u[NATIVE], abs=3e-6)


def test_the_greedy_column_stands_where_greedy_answers_are_asked_for(monkeypatch) -> None:
    toy = toyreport.toy()
    assert "% of answers: greedy" in toy.plain(monkeypatch).markdown
    evaluation = dataclasses.replace(toy.study.evaluation, greedy=False)
    toy = dataclasses.replace(toy, study=dataclasses.replace(toy.study, evaluation=evaluation))
    assert "% of answers: greedy" not in toy.plain(monkeypatch).markdown


def test_a_factorial_without_a_cell_says_which_one(monkeypatch) -> None:
    found = toyreport.toy().summary(monkeypatch)["factorials"]["main"]["sft"]
    assert found["interaction"] == {"value": None, "reason": "no restyled arm"}
    assert found["V"]["value"] is not None


def test_every_oracle_has_its_own_factorial(monkeypatch) -> None:
    arms = toyreport.PARADOX | {VOICED: (1.7, -0.2, 3.0), VOICED_ALIGNED: (1.3, 0.2, 1.4)}
    summary = toyreport.toy(arms, oracles=("home", "voiced")).summary(monkeypatch)
    assert list(summary["factorials"]) == ["main", "main-voiced"]
    assert summary["oracles"]["voiced"]["factorial"] == "main-voiced"
    assert summary["factorials"]["main-voiced"]["sft"]["arms"]["refined"] == VOICED


def test_a_manipulation_check_passes_on_streams_that_are_what_they_say(built) -> None:
    check, means = built.summary["manipulation_checks"]["main"], built.summary["manipulation"]
    assert (check["passed"], check["reason"], len(check["rules"])) == (True, "", 6)
    assert means["dose50"]["parsed"]["value"] == pytest.approx(26 / 29, abs=1e-6)
    assert (means[RESTYLED]["dose"]["n"], means[RESTYLED]["parsed"]["n"]) == (26, 29)
    assert means[RESTYLED]["logic"]["value"] == pytest.approx(0.8, abs=0.03)


def test_a_restyling_that_repairs_fails_the_manipulation_check(monkeypatch) -> None:
    craft = toyreport.CRAFT | {"restyled": (1.0, 1.0)}
    summary = toyreport.controlled(craft=craft).summary(monkeypatch)
    check = summary["manipulation_checks"]["main"]
    assert check["passed"] is False
    assert check["reason"].startswith("logic of restyled equal to native's: no (+0.1")
    assert any("factorial main are not what their names say" in text for text in summary["cautions"])


def test_without_a_parser_no_pass_is_claimed(monkeypatch) -> None:
    summary = toyreport.controlled(craft={}).summary(monkeypatch)
    assert summary["manipulation"] == {}
    assert summary["manipulation_checks"]["main"]["passed"] is None
    assert any("no parser for these problems" in text for text in summary["verdicts"][0]["sentences"])


def test_a_factorial_control_has_effects_and_goes_by_its_manipulation_check(monkeypatch) -> None:
    dials = {
        "unfiltered": (0.5, 0.0, 1.3),
        "restyled": (0.9, -0.2, 1.8),
        "style_aligned": (0.8, 0.3, 1.3),
        "oracle_refined": (1.2, 0.1, 1.9),
    }
    names = {refiner: f"failed/{refiner}" for refiner in dials}
    monkeypatch.setattr(toyreport, "FURTHER", {name: ArmSettings("home", refiner) for refiner, name in names.items()})
    summary = toyreport.toy(
        toyreport.FACTORIAL,
        ladder={names[refiner]: own for refiner, own in dials.items()},
        craft=toyreport.CRAFT | {"unfiltered": (0.5, 0.0)},
        controls={"failed": ControlSettings("factorial", tuple(names.values()))},
    ).summary(monkeypatch)
    assert summary["factorials"]["failed"]["sft"]["V"]["value"] == pytest.approx(0.3, abs=0.08)
    # Native drafts have 0.5 of their steps right, restyled ones 0.8: a restyling must not repair.
    assert summary["controls"]["failed"]["results"]["-"]["outcome"] == "not as expected"
