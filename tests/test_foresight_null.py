"""Foresight against its null: shuffled values pick like a coin, and so does a metric that is one."""

import numpy as np
import pytest

from qup.report.foresight import Entry, Pair, Race
from qup.report.foresight.shuffled import null

ARMS = "abcde"
"Each better than the next."


def races(count: int, values) -> list[Race]:
    """Races of five arms, all pairs resolved; `values(race)` gives the metric's means by arm."""
    pairs = [(i, j) for i in range(len(ARMS)) for j in range(i + 1, len(ARMS))]
    return [
        Race(
            f"r{race}",
            "study",
            [Entry(arm, "refiner", {"ppl": value}, {}) for arm, value in zip(ARMS, values(race), strict=True)],
            [
                Pair(f"r{race}", "study", "sft", "sampled", (ARMS[i], ARMS[j]), "", (j - i) / 10, True, {}, shared=9)
                for i, j in pairs
            ],
            {"ppl": "drift"},
            {"ppl": "ppl"},
        )
        for race in range(count)
    ]


def ordered(race: int) -> list[float]:
    """The better an arm the lower its value; each race has traces, and so values, of its own."""
    return [10.0 * race + i for i in range(len(ARMS))]


def test_a_metric_that_orders_the_arms_is_told_from_its_shuffles() -> None:
    told = null(races(6, ordered), "ppl", lower=True, shuffles=500)
    assert told.observed == 1.0
    assert told.mean == pytest.approx(0.5, abs=0.02)
    # No shuffle of 500 was right everywhere: 1 / 501.
    assert told.p == pytest.approx(1 / 501)


def test_where_the_higher_value_is_the_pick_the_signs_turn() -> None:
    assert null(races(6, ordered), "ppl", lower=False, shuffles=100).observed == 0.0


def test_equal_values_are_right_half_the_time_and_never_told() -> None:
    told = null(races(3, lambda _: [1.0] * 5), "ppl", lower=True, shuffles=100)
    assert (told.observed, told.low, told.high, told.p) == (0.5, 0.5, 0.5, 1.0)


def test_a_metric_that_is_a_coin_is_told_in_one_study_of_twenty() -> None:
    rng = np.random.default_rng(5)
    told = [null(races(4, lambda _: rng.random(5)), "ppl", lower=True, shuffles=99).p <= 0.05 for _ in range(200)]
    # Binomial(200, 0.05): 3 to 18 with 99.8%.
    assert 3 <= sum(told) <= 18


def test_pairs_that_hang_together_are_shuffled_together() -> None:
    # Of one race, five arms have ten pairs but five values: the range of shuffles is wider than ten coins' one.
    one = null(races(1, lambda _: [1.0, 2.0, 3.0, 4.0, 5.0]), "ppl", lower=True)
    assert one.high - one.low >= 0.8
    # Of 120 orders one is right everywhere.
    assert one.p == pytest.approx(1 / 120, abs=0.006)


def test_races_of_the_same_traces_are_one_to_the_null() -> None:
    # Six recipes of one stream each are told no better than one: six times the same order is one chance in 120 still.
    one, six = (null(races(count, lambda _: [1.0, 2.0, 3.0, 4.0, 5.0]), "ppl", lower=True) for count in (1, 6))
    assert six.p == pytest.approx(one.p, abs=0.006)
    assert null(races(6, ordered), "ppl", lower=True).p < 0.001


def test_no_resolved_pair_has_no_null() -> None:
    assert null(races(2, lambda _: [1.0] * 5), "missing", lower=True) is None
