"""Null controls: each passes where there is nothing to find, and fails by the fault that is planted."""

import dataclasses

import pytest
import toyreport
from planted import answers, greedily
from toyreport import ALIGNED, NATIVE, RESTYLED

from qup.arms import ControlSettings

STYLE = {"controls": {"style": ControlSettings("equal", ("twin", NATIVE), margin=0.1)}}


@pytest.fixture(scope="module")
def toy():
    return toyreport.controlled()


def outcomes(toy, patch, control):
    """A control's outcome, and those of its results."""
    found = toy.summary(patch)["controls"][control]
    return found["outcome"], {key: result["outcome"] for key, result in found["results"].items()}


def test_a_style_practised_as_much_as_native_costs_nothing_and_passes(monkeypatch, toy) -> None:
    whole, each = outcomes(toy, monkeypatch, "style")
    assert whole == "as expected"
    assert each == dict.fromkeys(("sft, sampled", "sft, greedy", "dft, sampled", "dft, greedy"), "as expected")


def test_a_style_that_costs_more_than_the_margin_fails_the_style_null(monkeypatch) -> None:
    toy = toyreport.controlled({"twin": (1.0, -0.2, 1.4)}, **STYLE)
    whole, each = outcomes(toy, monkeypatch, "style")
    assert whole == "not as expected"
    assert set(each.values()) == {"not as expected"}
    verdicts = toy.summary(monkeypatch)["verdicts"]
    assert all(v["flagged"] == ["style"] for v in verdicts)
    assert all("FLAGGED: control style did not come out as expected" in v["headline"] for v in verdicts)


def test_too_few_problems_leave_the_style_null_not_resolved_which_is_no_pass(monkeypatch) -> None:
    # Of six problems each has one that the other lacks: mean 0, standard error sqrt(0.4 / 6) = 0.26, margin 0.1.
    toy = toyreport.controlled(**STYLE)
    toy = toy.replaced(NATIVE, evals=answers({0, 1, 2}, problems=6))
    toy = toy.replaced("twin", evals=answers({1, 2, 3}, problems=6))
    found = toy.summary(monkeypatch)["controls"]["style"]
    assert found["outcome"] == "not resolved"
    estimate = found["results"]["sft, sampled"]["estimate"]
    assert (estimate["value"], estimate["se"]) == (0, pytest.approx((0.4 / 6) ** 0.5, abs=1e-6))


def test_one_replicate_passes_no_null_even_where_all_answers_are_equal(monkeypatch) -> None:
    toy = toyreport.controlled(replicates=1, **STYLE)
    for arm in (NATIVE, "twin"):
        toy = toy.replaced(arm, evals=answers(range(30), replicates=(1,)))
    whole, each = outcomes(toy, monkeypatch, "style")
    assert (whole, set(each.values())) == ("not resolved", {"not resolved"})


def test_a_difference_under_greedy_decoding_alone_fails_the_style_null(monkeypatch, toy) -> None:
    equal = toy.arms[NATIVE].evals
    spoilt = toy.replaced("twin", evals=greedily(equal, 0.2))
    whole, each = outcomes(spoilt, monkeypatch, "style")
    assert whole == "not as expected"
    assert each == {
        "sft, sampled": "as expected",
        "sft, greedy": "not as expected",
        "dft, sampled": "as expected",
        "dft, greedy": "not as expected",
    }


def test_a_study_without_greedy_answers_asks_a_null_of_the_sampled_ones_alone(monkeypatch, toy) -> None:
    silent = toyreport.with_evaluation(toy, greedy=False)
    assert set(outcomes(silent, monkeypatch, "style")[1]) == {"sft, sampled", "dft, sampled"}


def varied(share: float, first: int) -> list:
    """Replicates from `first` on that answer 0.1 less, just and 0.1 more than a share of 60 problems right."""
    return [
        answer
        for place, off in enumerate((-6, 0, 6))
        for answer in answers(range(round(60 * share) + off), replicates=(first + place,))
    ]


def test_an_idle_oracle_on_other_training_sets_is_compared_with_replicates_unpaired(monkeypatch) -> None:
    # Paired in order the two would never differ. Unpaired, replicates of each vary by SD 0.1: the squared standard
    # error is at least 2 x 0.1^2 / 3, and 0 is not shown to within 0.1.
    apart = toyreport.controlled().replaced(NATIVE, evals=varied(0.5, 1)).replaced("idle", evals=varied(0.5, 4))
    found = apart.summary(monkeypatch)["controls"]["idle"]
    estimate = found["results"]["sft, sampled"]["estimate"]
    assert estimate["value"] == 0
    assert estimate["se"] >= (2 * 0.1**2 / 3) ** 0.5
    assert found["outcome"] == "not resolved"
    assert found["expected"].endswith(" Training set of idle: again.")
    paired = toyreport.controlled(sets={}).replaced(NATIVE, evals=varied(0.5, 1))
    paired = paired.replaced("idle", evals=varied(0.5, 1))
    assert paired.summary(monkeypatch)["controls"]["idle"]["outcome"] == "as expected"


def test_an_idle_oracle_that_helps_fails_in_the_objective_it_helps_in(monkeypatch, toy) -> None:
    better = answers(range(60), replicates=(4, 5, 6), objectives=("dft",))
    same = [a for a in toy.further["idle"].evals if a.objective == "sft"]
    summary = toy.replaced("idle", evals=same + better).summary(monkeypatch)
    each = {key: result["outcome"] for key, result in summary["controls"]["idle"]["results"].items()}
    assert (each["sft, sampled"], each["dft, sampled"]) == ("as expected", "not as expected")
    assert {v["objective"]: v["flagged"] for v in summary["verdicts"]} == {"sft": ["blind"], "dft": ["idle", "blind"]}


@pytest.mark.parametrize(("margin", "outcome"), [(0.8, "as expected"), (0.5, "not as expected")])
def test_a_null_of_a_reward_asks_for_the_whole_interval_inside_the_margin(monkeypatch, margin, outcome) -> None:
    # Restyled scores 0.5 above RFT by genrm.
    controls = {"blind": dataclasses.replace(toyreport.CONTROLS["blind"], margin=margin)}
    found = toyreport.controlled(controls=controls).summary(monkeypatch)["controls"]["blind"]
    assert found["outcome"] == outcome
    assert found["expected"].endswith(f"is 0 within {margin:g}.")


def test_no_null_is_passed_by_a_reward_that_is_noise(monkeypatch) -> None:
    # Equal by genrm within any margin, but genrm does not tell right from wrong.
    controls = {"blind": ControlSettings("equal", (RESTYLED, NATIVE), "genrm", 5.0)}
    toy = toyreport.controlled(controls=controls)
    assert outcomes(toy, monkeypatch, "blind")[0] == "as expected"
    whole, _ = outcomes(dataclasses.replace(toy, noisy=("genrm",)), monkeypatch, "blind")
    assert whole == "not measured"


def test_one_differing_trace_fails_what_must_be_identical(monkeypatch, toy) -> None:
    assert outcomes(toy, monkeypatch, "dose_zero")[0] == "as expected"
    stream = toy.arms[ALIGNED].stream
    spoilt = [dataclasses.replace(stream[0], text=f"{stream[0].text} "), *stream[1:]]
    found = toy.replaced("dose0", stream=spoilt).summary(monkeypatch)["controls"]["dose_zero"]
    assert found["outcome"] == "not as expected"
    assert found["results"]["-"]["sentence"] == "28 of 29 traces are identical."
    assert "A test of the pipeline, not a control." in found["expected"]


def test_a_trace_that_only_one_arm_has_fails_what_must_be_identical(monkeypatch, toy) -> None:
    lost = dataclasses.replace(toy.arms[ALIGNED].stream[0], text=None, outcome="failed")
    spoilt = toy.replaced("dose0", stream=[lost, *toy.arms[ALIGNED].stream[1:]])
    assert outcomes(spoilt, monkeypatch, "dose_zero")[0] == "not as expected"


def test_streams_of_no_common_problem_are_not_identical_but_not_measured(monkeypatch, toy) -> None:
    assert outcomes(toy.replaced("dose0", stream=[]), monkeypatch, "dose_zero")[0] == "not measured"
