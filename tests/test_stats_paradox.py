"""The paradox index: counts by hand, and simulated studies in which there is no paradox."""

import math

import numpy as np
import pytest

from qup.stats import Bootstrap, Crossed, Index, discordance, gaps, paradox_index
from qup.stats.estimates import student_estimate

POPULATIONS = ("train", "heldout")


def gap(value):
    """A difference with a standard error of 1."""
    return student_estimate(float(value), 100, 1.0, math.inf, 0.95)


def test_pairs_resolved_on_both_sides_count_and_those_of_opposite_signs_disagree() -> None:
    found = paradox_index(
        {("a", "b"): (gap(9), gap(-9)), ("a", "c"): (gap(9), gap(9)), ("b", "c"): (gap(9), gap(0.5))}, 0.95
    )
    assert (found.pairs, found.resolved, found.disagreeing) == (3, (("a", "b"), ("a", "c")), (("a", "b"),))
    assert (found.value, found.unresolved) == (0.5, 1)
    # One of three disagrees for certain, and the unresolved one may.
    assert found.bounds == pytest.approx((1 / 3, 2 / 3))


def test_q_and_u_of_all_pairs_are_one_family() -> None:
    # p of 2.5 is 0.0124: within .05 alone, above .05 / 4 = .0125 only just not; of six it fails.
    two = {("a", "b"): (gap(2.5), gap(-2.5))}
    assert paradox_index(two, 0.95).value == 1
    assert paradox_index({**two, ("a", "c"): (gap(0), gap(0)), ("b", "c"): (gap(0), gap(0))}, 0.95).value is None


def test_no_pairs_have_no_index_and_no_bounds() -> None:
    assert (Index(0, (), ()).value, Index(0, (), ()).bounds) == (None, None)
    assert discordance([({}, {})], Bootstrap(1, 100), POPULATIONS) == [None]


def study(rng, quality, utility, *, replicate, arms=4, size=80):
    """Rewards and accuracies of arms with these true means."""
    level = rng.normal(size=size)
    rewards = {f"{i}": quality[i] + level + rng.normal(size=size) for i in range(arms)}
    hard = rng.normal(size=size)
    learners = {
        f"{i}": Crossed.random(
            utility[i] + hard + rng.normal(size=(3, size)) + replicate * rng.normal(size=(3, 1)), (1, 2, 3)
        )
        for i in range(arms)
    }
    return rewards, learners


def test_pairs_are_compared_on_the_problems_both_have() -> None:
    rewards = {"a": np.array([1.0, np.nan, 3.0, 5.0]), "b": np.array([0.0, 9.0, 1.0, 1.0])}
    learners = {arm: Crossed.random(np.random.default_rng(0).random((3, 9)), (1, 2, 3)) for arm in "ab"}
    (quality, utility) = gaps(rewards, learners, 0.95)["a", "b"]
    assert (quality.value, quality.n) == (pytest.approx((1 + 2 + 4) / 3), 3)
    assert (utility.n, utility.replicates) == (9, 3)


def test_arms_far_apart_in_opposite_orders_disagree_in_every_draw() -> None:
    rewards, learners = study(np.random.default_rng(1), [0, 5, 10, 15], [15, 10, 5, 0], replicate=0.1)
    (found,) = discordance([(rewards, learners)], Bootstrap(1, 300), POPULATIONS)
    assert (found.value, found.low, found.high, found.n, found.replicates) == (1, 1, 1, 6, 3)
    assert paradox_index(gaps(rewards, learners, 0.95), 0.95).value == 1


def test_a_case_among_others_comes_out_as_it_does_alone() -> None:
    rng = np.random.default_rng(4)
    near, far = (study(rng, [0, step, 2 * step, 3 * step], [0.1, 0, 0.2, 0.3], replicate=0.1) for step in (0.1, 2))
    apart: tuple = ({"0": np.array([1.0, np.nan]), "1": np.array([np.nan, 1.0])}, near[1])
    alone = [discordance([case], Bootstrap(1, 300), POPULATIONS)[0] for case in (near, far)]
    assert alone[0] != alone[1]
    assert discordance([near, apart, far], Bootstrap(1, 300), POPULATIONS) == [alone[0], None, alone[1]]


@pytest.mark.parametrize("replicate", [0.0, 0.15])
@pytest.mark.parametrize(("quality", "utility"), [([0, 1, 2, 3], [0] * 4), ([0] * 4, [0, 1, 2, 3])], ids=["U", "Q"])
def test_a_paradox_is_hardly_ever_shown_where_one_side_has_no_difference(quality, utility, replicate) -> None:
    rng, runs = np.random.default_rng([2, quality[1], int(100 * replicate)]), 400
    shown = 0
    for _ in range(runs):
        rewards, learners = study(rng, quality, utility, replicate=replicate)
        shown += bool(paradox_index(gaps(rewards, learners, 0.95), 0.95).disagreeing)
    assert shown / runs <= 0.05


@pytest.mark.parametrize("step", [0.35, 0.8])
def test_the_intervals_of_the_share_of_disagreeing_pairs_hold_it(step) -> None:
    rng, truth, runs = np.random.default_rng([3, int(100 * step)]), 1 / 6, 400
    hits = dict.fromkeys(("drawn", "bounds"), 0)
    for run in range(runs):
        rewards, learners = study(rng, [0, step, 2 * step, 3 * step], [step, 0, 2 * step, 3 * step], replicate=0.15)
        (drawn,) = discordance([(rewards, learners)], Bootstrap(run, 200), POPULATIONS)
        hits["drawn"] += drawn.low <= truth <= drawn.high
        low, high = paradox_index(gaps(rewards, learners, 0.95), 0.95).bounds
        hits["bounds"] += low <= truth <= high
    assert all(each / runs >= 0.93 for each in hits.values())
