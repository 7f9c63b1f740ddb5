"""Holm's rule as levels of intervals, what counts as resolved, and equivalence."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qup.stats import Crossed, Estimate, equivalence, holm, judge, levels, mean
from qup.stats.estimates import student_estimate

PS = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.0125, 0.05 / 3, 0.025, 0.05, 1.0])), min_size=1)


def z(size, **changes):
    """An estimate of this many standard errors, normal."""
    return dataclasses.replace(student_estimate(float(size), 100, 1.0, math.inf, 0.95), **changes)


def stepped_down(p_values, alpha):
    """Holm 1979, as he wrote it: from the smallest p on, until one is above alpha / (m - j + 1)."""
    rejected, order = set(), sorted(range(len(p_values)), key=lambda i: p_values[i])
    for j, i in enumerate(order):
        if p_values[i] > alpha / (len(order) - j):
            break
        rejected.add(i)
    return rejected


@settings(deadline=None)
@given(PS)
def test_a_p_within_its_own_level_is_one_that_holm_rejects(p_values) -> None:
    own = levels(p_values, 0.05)
    assert {i for i, p in enumerate(p_values) if p <= own[i]} == stepped_down(p_values, 0.05)


@settings(deadline=None)
@given(PS)
def test_adjusted_p_values_say_the_same(p_values) -> None:
    rejected = stepped_down(p_values, 0.05)
    for i, adjusted in enumerate(holm(p_values)):
        # At equality rounding decides: 3 * (0.05 / 3) is not 0.05.
        assert (adjusted <= 0.05) == (i in rejected) or adjusted == pytest.approx(0.05)


def test_the_levels_of_three_by_hand() -> None:
    # The others of 0.04 are 0.001 <= .05/3 and 0.02 <= .05/2: k = 2. Those of 0.001: 0.02 > .05/3: k = 0.
    # Those of 0.02: 0.001, then 0.04 > .05/2: k = 1.
    assert levels([0.04, 0.001, 0.02], 0.05) == pytest.approx([0.05, 0.05 / 3, 0.025])


@settings(deadline=None)
@given(st.lists(st.floats(-6, 6), min_size=1, max_size=8))
def test_the_interval_that_decides_excludes_zero_exactly_where_resolved(sizes) -> None:
    for each in judge([z(size) for size in sizes], 0.95):
        if each.p != pytest.approx(1 - each.level, rel=1e-6):
            assert each.resolved == (each.low > 0 or each.high < 0)


def test_a_family_of_one_goes_by_its_plain_interval() -> None:
    (only,) = judge([z(1.97)], 0.95)
    assert (only.level, only.low, only.high) == pytest.approx((0.95, only.estimate.low, only.estimate.high))
    assert only.resolved
    assert judge([], 0.95) == []


def test_one_replicate_is_never_resolved_and_helps_no_other() -> None:
    alone, other = judge([z(9, replicates=1), z(2.1, replicates=3)], 0.95)
    assert (alone.p, alone.resolved) == (1.0, False)
    # 2.1 has p = 0.036: enough alone, not for the first of two.
    assert (other.level, other.resolved) == (pytest.approx(0.975), False)


def test_what_did_not_vary_is_not_resolved_and_has_no_mde() -> None:
    (found,) = judge([Estimate(0.3, 0.3, 0.3, 50, 0.0)], 0.95)
    assert (found.resolved, found.p, found.mde(0.8)) == (False, 1.0, None)


def test_trained_and_untrained_quantities_are_judged_together() -> None:
    rng = np.random.default_rng(0)
    quality = mean(rng.normal(1, 1, 100), 0.95)
    utility = Crossed.random(rng.normal(0.5, 0.2, (3, 100)), (1, 2, 3)).estimate(0.95)
    assert [each.resolved for each in judge([quality, utility], 0.95)] == [True, True]


def test_the_mde_is_of_the_level_that_decides() -> None:
    first, second = judge([z(1.0), z(1.0)], 0.95)
    # z(1 - .025 / 2) + z(.8) of a normal, for both: neither is rejected.
    assert first.mde(0.8) == second.mde(0.8) == pytest.approx(2.241403 + 0.841621, abs=1e-4)


def test_few_degrees_of_freedom_cost_power() -> None:
    plain = judge([z(1.0, df=2.0)], 0.95)[0].mde(0.8)
    assert plain == pytest.approx(5.6535, abs=1e-3)


def test_a_difference_is_equivalent_if_its_90_percent_interval_lies_within_the_margin() -> None:
    # 1.645 standard errors about 0.3.
    assert equivalence(z(0.3), 1.95, 0.95).outcome == "equivalent"
    assert equivalence(z(0.3), 1.94, 0.95).outcome == "undecided"
    assert equivalence(z(0.3), 1.95, 0.95).p == pytest.approx(0.0495, abs=1e-3)
    assert equivalence(z(5.0), 1.0, 0.95).outcome == "different"
    assert equivalence(z(5.0), 1.0, 0.95).p > 0.99


def test_a_difference_that_is_told_from_zero_may_still_not_matter() -> None:
    found = equivalence(z(2.5), 5.0, 0.95)
    assert (found.outcome, found.different) == ("equivalent", True)


def test_one_replicate_is_not_shown_equivalent() -> None:
    found = equivalence(z(0.0, replicates=1), 9.0, 0.95)
    assert (found.outcome, found.p, found.different) == ("undecided", 1.0, False)


def test_no_difference_anywhere_is_equivalent_within_any_margin() -> None:
    nothing = Estimate(0.0, 0.0, 0.0, 50, 0.0, 3)
    assert (equivalence(nothing, 0.0, 0.95).outcome, equivalence(nothing, 0.0, 0.95).p) == ("equivalent", 0.0)


@pytest.mark.parametrize("ratio", [0.0, 2.0])
def test_equivalence_at_the_margin_is_claimed_at_most_one_time_in_twenty(ratio) -> None:
    rng, margin, runs = np.random.default_rng([1, int(ratio)]), 1.0, 600
    claims = 0
    for _ in range(runs):
        values = rng.normal(margin, 1, (3, 60)) + math.sqrt(ratio / 60) * rng.normal(size=(3, 1))
        claims += equivalence(Crossed.random(values, "a").estimate(0.95), margin, 0.95).outcome == "equivalent"
    # 5% and twice its standard error.
    assert claims / runs <= 0.068
