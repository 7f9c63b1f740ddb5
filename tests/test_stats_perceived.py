"""Perceived quality by hand: z within a problem, win shares, gaps at equal length, Kendall's W, style sensitivity."""

import numpy as np
import pytest

from qup import stats
from qup.stats import Bootstrap

BOOT = Bootstrap(seed=1, resamples=400)
NAN = np.nan


def test_z_is_in_standard_deviations_of_the_same_problem_and_0_where_all_tie() -> None:
    # Of 1 and 3 the mean is 2 and the SD 1; 3 and 3 tie; the third problem is not whole.
    z = stats.within_problem_z(np.array([[1, 3, 5], [3, 3, NAN]]))
    assert np.array_equal(z, [[-1, 0, NAN], [1, 0, NAN]], equal_nan=True)


def test_z_is_blind_to_what_a_problem_adds_and_to_the_unit() -> None:
    rewards = np.random.default_rng(0).normal(size=(4, 30))
    moved = 7 * rewards + np.arange(30)
    assert stats.within_problem_z(moved) == pytest.approx(stats.within_problem_z(rewards))


def test_a_tie_is_half_a_win_and_a_problem_of_one_stream_counts_for_nothing() -> None:
    # Won, tied, lost; the fourth has no value: 1.5 of 3.
    share = stats.win_share(np.array([2, 1, 1, 5.0]), np.array([1, 1, 3, NAN]), 0.95)
    assert share is not None
    assert (share.value, share.n) == (0.5, 3)


@pytest.mark.parametrize(("n", "told"), [(3, False), (40, True)])
def test_a_stream_that_always_wins_is_told_from_a_coin_if_there_are_enough_problems(n: int, told: bool) -> None:
    share = stats.win_share(np.ones(n), np.zeros(n), 0.95)
    assert share is not None
    # Clopper-Pearson: all of 3 has the lower end 0.025^(1/3) = 0.292.
    assert share.low == pytest.approx(0.025 ** (1 / n))
    low, _ = share.interval(0.95)
    assert (low > 0.5) is told


def test_coins_are_called_wins_as_often_as_the_level_says() -> None:
    rng, out = np.random.default_rng(0), 0
    for _ in range(400):
        share = stats.win_share(rng.normal(size=60), rng.normal(size=60), 0.95)
        assert share is not None
        out += not share.low <= 0.5 <= share.high
    # 5% of 400 is 20, SD 4.4.
    assert 8 <= out <= 33


def lengths(streams: int, problems: int, seed: int = 0) -> np.ndarray:
    """Log tokens: those of a problem, of a stream, and of the trace's own."""
    rng = np.random.default_rng(seed)
    return rng.normal(4, 1, problems) + np.arange(streams)[:, None] + rng.normal(0, 0.3, (streams, problems))


def test_the_gap_at_equal_length_is_what_the_stream_adds() -> None:
    # R = problem + 2 log(tokens) + 0.3 for the second stream, whose logs are about 1 more: its plain gap is about 2.3.
    logs = lengths(2, 50)
    rewards = np.arange(50) + 2 * logs + np.array([[0.0], [0.3]])
    fit = stats.length_adjusted(rewards, logs, 0, BOOT, "train")
    assert fit is not None
    assert (fit.slope.value, fit.slope.n) == (pytest.approx(2), 50)
    assert [gap.value for gap in fit.gaps] == pytest.approx([0, 0.3])
    assert float((rewards[1] - rewards[0]).mean()) > 2


def test_a_reward_of_style_alone_keeps_its_gap_though_the_style_is_longer() -> None:
    # A slope over streams would take all of it: the longer stream is the preferred one.
    rng, logs = np.random.default_rng([1, 1]), lengths(2, 200, 1)
    rewards = rng.normal(0, 0.1, logs.shape) + np.array([[0.0], [1.0]])
    fit = stats.length_adjusted(rewards, logs, 0, BOOT, "train")
    assert fit is not None
    assert fit.gaps[1].low < 1 < fit.gaps[1].high
    assert fit.slope.low < 0 < fit.slope.high


def test_the_interval_at_equal_length_covers() -> None:
    covered = 0
    for seed in range(100):
        logs = lengths(3, 40, seed)
        noise = np.random.default_rng([seed, 1]).normal(0, 0.5, logs.shape)
        rewards = logs + noise + np.array([[0.0], [0.5], [0.0]])
        fit = stats.length_adjusted(rewards, logs, 0, Bootstrap(seed, 200), "train")
        assert fit is not None
        covered += fit.gaps[1].low <= 0.5 <= fit.gaps[1].high
    # 95 of 100 with SD 2.2; percentiles of 40 problems are a little short.
    assert covered >= 86


def test_without_lengths_that_vary_within_streams_there_is_no_gap_at_equal_length() -> None:
    # Lengths differ by problem and by stream only.
    logs = np.arange(10) + np.array([[0.0], [1.0]])
    assert stats.length_adjusted(np.random.default_rng(0).normal(size=(2, 10)), logs, 0, BOOT, "train") is None
    assert stats.length_adjusted(np.full((2, 3), NAN), np.zeros((2, 3)), 0, BOOT, "train") is None


@pytest.mark.parametrize(
    ("ratings", "w"),
    [
        ([[1, 2, 3], [10, 20, 30]], 1.0),
        ([[1, 2, 3], [3, 2, 1]], 0.0),
        # Ranks add up to 5, 6, 7: S = 2, W = 12 * 2 / (9 * 24).
        ([[1, 2, 3], [1, 2, 3], [3, 2, 1]], 1 / 9),
        # Ranks 1.5, 1.5, 3 and 1, 2, 3: S = 6.5, W = 12 * 6.5 / (4 * 24 - 2 * 6).
        ([[1, 1, 2], [1, 2, 3]], 78 / 84),
    ],
)
def test_kendalls_w(ratings: list[list[int]], w: float) -> None:
    assert float(stats.concordance(np.array(ratings, dtype=float))) == pytest.approx(w)


def test_raters_who_tie_all_have_no_w_and_strangers_agree_by_one_in_their_number() -> None:
    assert np.isnan(stats.concordance(np.ones((3, 4))))
    drawn = stats.concordance(np.random.default_rng(0).normal(size=(4000, 3, 5)))
    assert drawn.mean() == pytest.approx(1 / 3, abs=0.01)


def test_streams_that_raters_rank_alike_by_their_means_have_a_w_of_1_with_an_interval_that_may_reach_down() -> None:
    # Means 0, 1, 2 and 0, 0.01, 2: the second rater's first two are near ties, which some draws turn over.
    rng = np.random.default_rng(0)
    means = np.array([[0, 1, 2], [0, 0.01, 2]])
    ratings = means[:, :, None] + rng.normal(0, 0.2, (2, 3, 30))
    ratings[:, 1] += means[:, [1]] - ratings[:, 1].mean(axis=-1, keepdims=True)
    ratings[:, 0] += means[:, [0]] - ratings[:, 0].mean(axis=-1, keepdims=True)
    ratings[1, 2, 0] = NAN
    w = stats.stream_concordance(ratings, BOOT, "train")
    assert w is not None
    assert w.n == 29
    # Where they are turned over ranks add up to 3, 3, 6: S = 6, W = 12 * 6 / (4 * 24).
    assert (w.low, w.high) == (0.75, 1.0)


# --- style sensitivity


def test_sensitivity_is_the_mean_shift_in_standard_deviations_of_the_reward() -> None:
    # |2| and |-2| of problem a count once, 4 of b once: (2 + 4) / 2 = 3. SD of 0, 2, 4, 6 is the root of 5.
    shifts = (np.array([2, -2, 4, NAN]), ["a", "a", "b", "b"])
    found = stats.sensitivity(shifts, (np.array([0, 2, 4, 6.0]), ["a", "b", "c", "d"]), BOOT, "samples")
    assert found is not None
    assert found.relative is not None
    assert (found.shift.value, found.shift.n) == (3, 2)
    assert found.relative.value == pytest.approx(3 / 5**0.5)
    assert found.shift.low <= 3 <= found.shift.high


def test_sensitivity_is_the_same_of_rewards_in_the_millions() -> None:
    values, shifts = np.arange(20.0), (np.ones(20), list(range(20)))
    plain, far = (stats.sensitivity(shifts, (values + by, list(range(20))), BOOT, "samples") for by in (0, 1e8))
    assert plain is not None
    assert far is not None
    assert plain.relative == far.relative


def test_a_reward_that_never_varies_has_a_shift_and_no_sensitivity() -> None:
    found = stats.sensitivity((np.zeros(3), list("abc")), (np.ones(3), list("abc")), BOOT, "samples")
    assert found is not None
    assert (found.shift.value, found.relative) == (0, None)
    assert stats.sensitivity((np.array([NAN]), ["a"]), (np.ones(1), ["a"]), BOOT, "samples") is None
