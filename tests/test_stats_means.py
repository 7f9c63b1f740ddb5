"""Means, ratios, medians, AUC and weights: hand-worked, and covering what they say."""

import math

import numpy as np
import pytest

from qup.stats import Bootstrap, Estimate, auc, mean, median, panel, ratio

NAN = float("nan")


def test_a_mean_leaves_out_problems_without_a_value() -> None:
    found = mean(np.array([1.0, 2.0, NAN, 3.0]), 0.95)
    # sd 1, t_2 = 4.303: 4.303 / sqrt(3).
    assert (found.value, found.n, found.df) == (2.0, 3, 2)
    assert found.high - found.value == pytest.approx(4.302653 / math.sqrt(3))
    assert mean(np.array([NAN]), 0.95) is None
    assert mean(np.array([1.0]), 0.95).high == math.inf


def test_a_perplexity_has_its_interval_on_the_log_scale() -> None:
    found = mean(np.log([2.0, 4.0, 8.0]), 0.95).exp()
    assert found.value == pytest.approx(4.0)
    assert found.low * found.high == pytest.approx(16.0)
    assert mean(np.log([2.0]), 0.95).exp().low == 0


def test_micro_perplexity_weighs_by_tokens() -> None:
    # (10 + 20) nats over (10 + 40) tokens, not the mean of 1.0 and 0.5.
    found = ratio(np.array([10.0, 20.0, NAN]), np.array([10.0, 40.0, 7.0]), 0.95)
    assert (found.value, found.n) == (pytest.approx(0.6), 2)
    assert ratio(np.zeros(3), np.zeros(3), 0.95) is None


def test_the_median_of_twenty_lies_between_its_sixth_and_fifteenth() -> None:
    # P(5 < Binomial(20, 1/2) < 15) = 95.9%.
    found = median(np.arange(1.0, 21.0), 0.95)
    assert (found.value, found.low, found.high, found.n) == (10.5, 6, 15, 20)
    assert median(np.array([1.0, 2.0]), 0.95).high == math.inf
    assert median(np.array([NAN]), 0.95) is None


def test_intervals_over_skewed_problems_cover_what_they_say() -> None:
    rng, runs = np.random.default_rng(0), 1000
    hits = dict.fromkeys(("mean log", "median", "ratio"), 0)
    for _ in range(runs):
        tokens = rng.integers(20, 200, 80).astype(float)
        nats = tokens * np.exp(rng.normal(0, 0.5, 80))
        for name, found, truth in (
            ("mean log", mean(np.log(nats / tokens), 0.95).exp(), 1.0),
            ("median", median(nats / tokens, 0.95), 1.0),
            ("ratio", ratio(nats, tokens, 0.95), math.exp(0.125)),
        ):
            hits[name] += found.low <= truth <= found.high
    assert 0.935 <= hits["mean log"] / runs <= 0.97
    assert 0.94 <= hits["median"] / runs <= 0.985
    assert 0.925 <= hits["ratio"] / runs <= 0.97


def test_auc_counts_pairs_that_a_positive_wins_and_ties_by_half() -> None:
    # Positives 3, 2 against negatives 1, 2: wins 1 + 1, 1 + half, of 4.
    values, positive = np.array([3.0, 2.0, 1.0, 2.0, NAN]), [True, True, False, False, True]
    found = auc(values, positive, ["a", "b", "a", "b", "c"], Bootstrap(1, 200), "rewards")
    assert (found.value, found.n) == (3.5 / 4, 2)
    assert auc(values, [True] * 5, "abcde", Bootstrap(1, 200), "rewards") is None


def test_auc_is_that_of_scipy() -> None:
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(1)
    values, positive = rng.integers(0, 9, 200).astype(float), rng.random(200) < 0.4
    found = auc(values, positive, list(range(200)), Bootstrap(1, 200), "rewards")
    u = mannwhitneyu(values[positive], values[~positive]).statistic
    assert found.value == pytest.approx(u / (positive.sum() * (~positive).sum()))


def test_a_perfect_reward_of_few_problems_keeps_an_honest_lower_end() -> None:
    values = np.array([1.0, 0.0] * 20)
    found = auc(values, [True, False] * 20, [i // 2 for i in range(40)], Bootstrap(1, 200), "rewards")
    # Clopper-Pearson for 20 of 20: 0.025^(1/20).
    assert (found.value, found.high, found.low) == (1.0, 1.0, pytest.approx(0.025 ** (1 / 20)))


def test_the_interval_of_an_auc_covers_what_it_says_although_problems_share_a_level() -> None:
    from scipy.stats import norm

    rng, hits, runs = np.random.default_rng(2), 0, 400
    truth = norm.cdf(1 / math.sqrt(2 * (1 + 1)))
    for run in range(runs):
        values = rng.normal(size=(60, 1)) + rng.normal(size=(60, 4)) + [1.0, 1.0, 0.0, 0.0]
        clusters = np.repeat(np.arange(60), 4).tolist()
        found = auc(values.ravel(), [True, True, False, False] * 60, clusters, Bootstrap(run, 300), "rewards")
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / runs <= 0.98


def area(value, low):
    return Estimate(value, low, 1.0, 50, 0.05)


def test_rewards_weigh_by_what_they_see_above_chance() -> None:
    # 2 * .8 - 1 and 2 * .6 - 1.
    assert panel({"good": area(0.8, 0.7), "fair": area(0.6, 0.55)}) == pytest.approx({"good": 0.75, "fair": 0.25})


def test_a_reward_not_told_from_chance_does_not_move_the_panel() -> None:
    weights = panel({"good": area(0.8, 0.7), "noise": area(0.53, 0.43), "upside down": area(0.2, 0.1)})
    assert weights == {"good": 1.0, "noise": 0.0, "upside down": 0.0}
    assert panel({"noise": area(0.53, 0.43)}) == {"noise": 0.0}
