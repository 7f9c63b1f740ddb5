"""Mixtures of arms: whose trace a problem has, how exactly the shares are met, and what becomes of the counts."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from qup import measured, settings, study
from qup.arms import Arm, ArmSettings
from qup.chain import mixed, turns
from qup.errors import SettingsError
from qup.plan.counts import Counting
from qup.plan.lengths import Lengths
from qup.plan.spans import exactly
from qup.plan.work import Kind
from qup.records import Refined, Stratum, Verdict
from qup.study import Study
from qup.training.settings import Budget, TrainingSettings

SMOKE = study.read(Path(__file__).parents[1] / "studies" / "smoke.yaml")
RFT, REFINED = "learner/rejection_sampling", "home/oracle_refined"


def record(problem: str, text: str | None, replicate: int = 1, stratum: Stratum = "solved") -> Refined:
    outcome = "kept" if text else "skipped"
    return Refined(problem, replicate, stratum, text, outcome, 0, 0, 0, Verdict.CORRECT if text else None)


def streams(counts: dict[tuple[int, Stratum], int]) -> dict[str, list[Refined]]:
    """Two arms over so many problems of each replicate and stratum; the first has no trace of failed ones."""
    names = [(f"{n}-{stratum}-{i}", n, stratum) for (n, stratum), count in counts.items() for i in range(count)]
    rft = [record(p, f"own {p}" if stratum == "solved" else None, n, stratum) for p, n, stratum in names]
    return {RFT: rft, REFINED: [record(p, f"new {p}", n, stratum) for p, n, stratum in names]}


def keys(stream: list[Refined]) -> list[tuple[Any, ...]]:
    return [(own.problem_id, own.replicate, own.stratum, own.slot) for own in stream]


def mixture(shares: dict[str, float], both: dict[str, list[Refined]], seed: int = 1) -> list[Refined]:
    return mixed(shares, both, keys(both[RFT]), seed)


@pytest.mark.parametrize(
    ("shares", "count", "expected"),
    [
        ({"a": 0.5, "b": 0.5}, 10, {"a": 5, "b": 5}),
        ({"a": 0.3, "b": 0.7}, 10, {"a": 3, "b": 7}),
        ({"a": 0.29, "b": 0.71}, 100, {"a": 29, "b": 71}),
        ({"a": 0.2, "b": 0.3, "c": 0.5}, 10, {"a": 2, "b": 3, "c": 5}),
        ({"a": 1.0}, 3, {"a": 3}),
    ],
)
def test_shares_that_a_count_allows_are_met_exactly(shares: dict[str, float], count: int, expected: Any) -> None:
    for seed in range(5):
        assert Counter(turns(shares, count, seed)) == expected


def test_of_any_first_problems_each_source_has_its_share_rounded_up_or_down() -> None:
    shares = {"a": 0.37, "b": 0.41, "c": 0.17, "d": 0.05}
    order = turns(shares, 300, seed=3)
    for n in range(1, 301):
        counts = Counter(order[:n])
        assert all(abs(counts[name] - share * n) < 1 + 1e-9 for name, share in shares.items()), n


def test_shares_are_met_in_each_replicate_and_among_solved_and_failed_problems() -> None:
    both = streams({(1, "solved"): 6, (1, "failed"): 4, (2, "solved"): 7, (2, "failed"): 0})
    for seed in range(8):
        made = mixture({RFT: 0.5, REFINED: 0.5}, both, seed)
        counts = Counter((own.replicate, own.stratum, own.origin) for own in made)
        assert [counts[1, "solved", RFT], counts[1, "solved", REFINED]] == [3, 3]
        assert [counts[1, "failed", RFT], counts[1, "failed", REFINED]] == [2, 2]
        assert {counts[2, "solved", RFT], counts[2, "solved", REFINED]} == {3, 4}


def test_the_seed_draws_which_problems_are_of_which_source_and_order_does_not() -> None:
    both = streams({(1, "solved"): 12})
    shares = {RFT: 0.5, REFINED: 0.5}
    drawn = {tuple(own.origin for own in mixture(shares, both, seed)) for seed in range(20)}
    assert len(drawn) > 10
    turned = {arm: stream[::-1] for arm, stream in both.items()}
    assert mixture(shares, turned)[::-1] == mixture(shares, both)


def test_a_source_without_a_trace_leaves_none_and_no_other_takes_its_place() -> None:
    both = streams({(1, "failed"): 4})
    made = mixture({RFT: 0.5, REFINED: 0.5}, both)
    assert Counter((own.origin, own.text is None, own.outcome) for own in made) == {
        (RFT, True, "skipped"): 2,
        (REFINED, False, "kept"): 2,
    }


def test_a_share_of_all_is_the_arm_itself() -> None:
    both = streams({(1, "solved"): 3, (2, "failed"): 2})
    made = mixture({REFINED: 1.0}, both)
    assert [dataclasses.replace(own, origin=None) for own in made] == both[REFINED]


def test_every_trace_of_a_problem_is_of_one_source() -> None:
    both = streams({(1, "solved"): 6})
    both = {arm: [dataclasses.replace(r, slot=s) for r in own for s in range(2)] for arm, own in both.items()}
    made = mixture({RFT: 0.5, REFINED: 0.5}, both)
    assert [own.slot for own in made] == [0, 1] * 6
    assert [own.origin for own in made[::2]] == [own.origin for own in made[1::2]]


def test_a_measured_mixture_counts_its_traces_by_origin_and_no_other_arm_has_such_counts() -> None:
    both = streams({(1, "solved"): 4, (1, "failed"): 2})
    arm = Arm("mixed", "home", "mixture", TrainingSettings(Budget(epochs=1)), "all", main=False)
    made = measured.measure(arm, {}, mixture({RFT: 0.5, REFINED: 0.5}, both), [], [], [], [], [])
    # Of the six problems three are of each; RFT has no trace of the failed one among its own.
    assert made.stream.origins == {REFINED: 3, RFT: 2}
    assert made.stream.outcomes == {"kept": 5, "skipped": 1}
    assert measured.measure(arm, {}, both[REFINED], [], [], [], [], []).stream.origins == {}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"refiner": "unfiltered", "mixture": {"restyled": 1.0}}, "an arm has a refiner, or a mixture of main arms"),
        ({}, "an arm has a refiner, or a mixture of main arms: got neither"),
        ({"mixture": {"rejection_sampling": 0.5, "restyled": 0.4}}, "shares must add up to 1, got 0.9"),
        ({"mixture": {"oracle_refind": 1.0}}, "oracle_refined"),
        ({"mixture": {"unfiltered": 1.0}}, "main refiner 'unfiltered'"),
        ({"mixture": {"restyled": 0.0, "rejection_sampling": 1.0}}, "above 0"),
        ({"mixture": {"restyled": 1.0}, "oracle": "voiced"}, "main arms of the first Oracle: expected 'home'"),
        ({"mixture": {"restyled": 1.0}, "training_set": "again"}, "trains on the main set"),
        ({"mixture": {"restyled": 1.0}, "per_problem": 2}, "its sources' traces of a problem"),
        ({"mixture": {"restyled": 1.0}, "settings": {"cap": 2}}, "are a refiner's, of which a mixture has none"),
    ],
)
def test_a_mixture_that_cannot_be_is_one_line(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.read(ArmSettings, {"oracle": "home", **given})
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_mixture_covers_no_problems_that_the_main_arms_do_not() -> None:
    plain = {**settings.plain(SMOKE), "controls": {}, "arms": {}}
    plain["arms"]["mixed"] = {"oracle": "home", "mixture": {"restyled": 1.0}, "scope": "failed"}
    assert settings.read(Study, plain).further["mixed"].scope == "failed"
    with pytest.raises(SettingsError, match=r"arms\.mixed\.scope: the main arms have solved problems only"):
        settings.read(Study, plain | {"streams": {"scope": "solved"}})


def test_a_plan_counts_no_call_for_traces_that_are_there_and_more_where_problems_have_several() -> None:
    given = settings.plain(SMOKE) | {"controls": {}, "rewards": {"answer": {}}}
    given["oracles"]["home"] = {"oracle": "prompted", "model": "judge"}
    given["arms"] = {"mixed": {"oracle": "home", "mixture": {"restyled": 1.0}}}
    given["training"] |= {"budget": {"epochs": 1, "steps": 4}, "match": ["epochs", "steps"]}
    seen = Lengths("toy", exactly(50), (80,) * 8, 96, 3.0, {"train": (8, 6, 2)}, whole=True)
    further, scored = {}, {}
    for per_problem in (1, 3):
        given["streams"]["per_problem"] = per_problem
        own = settings.read(Study, given)
        stages = Counting(own, seen, Path(), "hf").stages(list(own.main_arms(["home"]).values()))
        by_name = {stage.name: stage for stage in stages}
        further[per_problem] = by_name["further"]
        scored[per_problem] = by_name["compat@home-restyled"].works[0].items
    assert "judge" not in {work.model for work in further[1].works if work.kind is Kind.GENERATE}
    # As many as one a problem, or three of each.
    assert (scored[3].low, scored[3].high) == (scored[1].low, 3 * scored[1].high)
