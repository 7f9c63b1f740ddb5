"""Hand-worked statistics, and intervals that cover what they say."""

import joblib
import numpy as np
import pytest
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from qup import seeds, stats
from qup.stats import Bootstrap, Draws, bootstrap

BOOT = Bootstrap(seed=1, resamples=2000)


def column(*values):
    return np.array(values, dtype=float)[:, None]


def test_holm_on_the_textbook_example() -> None:
    # 4 * 0.005, 3 * 0.01, then 2 * 0.03 and 1 * 0.04 raised to the running maximum 0.06.
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one_and_takes_no_contrasts() -> None:
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]
    assert stats.holm([]) == []


def test_mde_is_2_8_standard_errors_at_80_percent_power() -> None:
    assert stats.mde(1.0, level=0.95, power=0.8) == pytest.approx(1.959964 + 0.841621, abs=1e-5)


def test_a_mean_leaves_out_problems_without_a_value_and_counts_the_rest() -> None:
    (draws,) = BOOT.means(column(1, 2, np.nan, 3), "train")
    assert (draws.value, draws.n) == (2.0, 3)


def test_a_column_without_values_has_no_estimate() -> None:
    assert BOOT.means(column(np.nan, np.nan), "train") == [None]


def test_the_standard_error_of_a_mean_is_the_textbook_one() -> None:
    # Values 0 and 1 equally often, n = 100: se = sqrt(0.25 / 100) = 0.05.
    found = BOOT.estimate(BOOT.means(np.tile([0.0, 1.0], 50)[:, None], "train")[0])
    assert found.se == pytest.approx(0.05, rel=0.05)
    assert found.low == pytest.approx(0.40, abs=0.02)
    assert found.high == pytest.approx(0.60, abs=0.02)


def test_micro_perplexity_weighs_by_tokens() -> None:
    # (10 + 20) nats over (10 + 40) tokens, not the mean of 1.0 and 0.5.
    (draws,) = BOOT.ratios(column(10, 20), column(10, 40), "train")
    assert draws.exp().value == pytest.approx(np.exp(0.6))


def test_utility_is_the_mean_over_seeds_less_the_base() -> None:
    trained = np.array([[1.0, 0.5], [0.5, 0.0]])
    (draws,) = BOOT.contrasts([(trained, np.array([[0.25, 0.25], [0.25, 0.25]]))], "heldout")
    assert (draws.value, draws.n, draws.seeds) == (0.25, 2, 2)


def test_identical_arms_differ_by_exactly_nothing() -> None:
    arm = np.random.default_rng(0).random((3, 40))
    (draws,) = BOOT.contrasts([(arm, arm)], "heldout")
    found = BOOT.estimate(draws)
    assert (found.value, found.low, found.high, found.se) == (0, 0, 0, 0)
    assert draws.p_value() == 1.0
    assert not found.excludes_zero()


def test_pairing_removes_the_difficulty_that_two_arms_share() -> None:
    hard = np.random.default_rng(0).random(200)
    a, b = hard[None] + 0.1, hard[None]
    (draws,) = BOOT.contrasts([(a, b)], "heldout")
    assert BOOT.estimate(draws).se < 1e-9


def test_one_training_seed_is_flagged_and_more_are_in_the_interval() -> None:
    one, three = np.full((1, 50), 0.5), np.array([[0.3], [0.5], [0.7]]) * np.ones((1, 50))
    narrow, wide = (BOOT.estimate(BOOT.contrasts([(x, np.zeros_like(x))], "heldout")[0]) for x in (one, three))
    assert (narrow.replicated, wide.replicated) == (False, True)
    # Seeds 0.3, 0.5, 0.7: s / sqrt(3) = 0.2 / 1.732 = 0.1155; problems add nothing.
    assert wide.se == pytest.approx(0.1155, rel=0.05)
    assert narrow.se == pytest.approx(0, abs=1e-12)


def test_p_values_are_two_sided_and_never_zero() -> None:
    (far,) = BOOT.means(column(*np.linspace(5, 6, 20)), "train")
    assert far.p_value() == pytest.approx(2 / 2001)


def test_a_rate_of_zero_keeps_an_honest_upper_end() -> None:
    (draws,) = BOOT.contrasts([(np.zeros((1, 60)), np.zeros((1, 60)))], "heldout")
    # Clopper-Pearson for 0 of 60: 1 - 0.025^(1/60).
    assert BOOT.rate(draws).high == pytest.approx(1 - 0.025 ** (1 / 60))


def test_the_draws_depend_on_seed_and_population_only() -> None:
    x = np.random.default_rng(0).random((30, 1))
    first, again, other = (Bootstrap(1, 200).means(x, p)[0].replicates for p in ("train", "train", "heldout"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_blocks_do_not_change_the_number_of_draws(monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK", 100)
    assert Bootstrap(1, 250).sums(np.ones((30, 2)), "train").shape == (250, 2)


@pytest.mark.parametrize("cores", ["1", "2", "8"])
def test_draws_and_their_sums_are_those_of_one_after_the_other_on_any_number_of_cores(cores, monkeypatch) -> None:
    # More blocks than are handed out at first, the last a part of one.
    monkeypatch.setattr(bootstrap, "BLOCK", 10 * 30)
    monkeypatch.setattr(bootstrap, "TALLIED", 10 * 30)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", cores)
    bootstrap._counts.cache_clear()
    boot, columns = Bootstrap(7, 1307), np.random.default_rng(5).normal(size=(30, 3))
    rng = np.random.default_rng(seeds.derive(7, "bootstrap", "train", 30))
    drawn = np.array([np.bincount(rng.integers(0, 30, 30), minlength=30) for _ in range(1307)], dtype=float)
    # Whoever builds a report within a joblib of their own must not have it count in other processes.
    with joblib.parallel_config(backend="loky"):
        sums = boot.sums(columns, "train")
    assert np.concatenate(list(boot.weights(30, "train"))).tolist() == drawn.tolist()
    plain = np.concatenate([drawn[start : start + 10] @ columns for start in range(0, 1307, 10)])
    assert sums.tobytes() == plain.tobytes()


def test_how_many_threads_a_product_may_have_moves_no_sum() -> None:
    columns = np.random.default_rng(5).normal(size=(3000, 40))
    with threadpool_limits(1):
        one = Bootstrap(7, 2800).sums(columns, "train")
    with threadpool_limits(2):
        two = Bootstrap(7, 2800).sums(columns, "train")
    assert one.tobytes() == two.tobytes()


def test_columns_over_some_problems_come_out_as_over_all_with_zeros() -> None:
    # Some repeat, one is empty.
    rng, rows = np.random.default_rng(0), np.array([3, 4, 9, 30, 59])
    own, whole = rng.normal(size=(5, 4)), np.zeros((60, 4))
    own[:, 2], own[:, 3] = own[:, 0], 0
    whole[rows] = own
    boot = Bootstrap(3, 50)
    np.testing.assert_allclose(boot.sums(own, "problems", (rows, 60)), boot.sums(whole, "problems"), rtol=0, atol=1e-12)
    some, every = boot.ratios(own, own**2, "problems", (rows, 60)), boot.ratios(whole, whole**2, "problems")
    assert [each and each.n for each in some] == [each and each.n for each in every] == [5, 5, 5, None]
    assert [each.value for each in some[:3]] == pytest.approx([each.value for each in every[:3]], rel=1e-12)


def test_random_groups_of_many_problems_have_the_spread_of_drawing_problems(monkeypatch) -> None:
    # Two quantities of the same problems, and one that only every fifth has.
    rng = np.random.default_rng(3)
    own = rng.normal(1.0, 1.0, 3003)
    columns = np.stack([own, own + rng.normal(0.2, 0.1, 3003), np.where(np.arange(3003) % 5, np.nan, own)], axis=1)
    boot = Bootstrap(1, 3000)
    plain = boot.means(columns, "train")
    monkeypatch.setattr(bootstrap, "UNITS", 800)
    grouped = boot.means(columns, "train")
    assert [each.n for each in grouped] == [each.n for each in plain] == [3003, 3003, 601]
    assert [each.value for each in grouped] == [each.value for each in plain]
    for a, b in [*zip(plain, grouped, strict=True), (plain[1].minus(plain[0]), grouped[1].minus(grouped[0]))]:
        assert b.replicates.mean() == pytest.approx(b.value, abs=3 * a.replicates.std() / 3000**0.5)
        assert b.replicates.std() == pytest.approx(a.replicates.std(), rel=0.08)


def test_random_groups_cover_the_mean_of_skewed_values(monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "UNITS", 200)
    rng, hits = np.random.default_rng(4), 0
    for run in range(600):
        boot = Bootstrap(run, 400)
        (draws,) = boot.means(rng.exponential(1.0, (1010, 1)), "train")
        found = boot.estimate(draws)
        hits += found.low <= 1.0 <= found.high
    assert 0.93 <= hits / 600 <= 0.97


def test_groups_are_as_even_as_it_goes_and_those_of_a_population_whatever_columns_are_summed(monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "UNITS", 20)
    rng, rows = np.random.default_rng(0), np.array([3, 4, 9, 30, 59])
    assert np.bincount(bootstrap._groups(7, 65)).tolist() == [4] * 5 + [3] * 15
    own, whole = rng.normal(size=(5, 4)), np.zeros((65, 4))
    whole[rows] = own
    boot = Bootstrap(3, 50)
    np.testing.assert_allclose(boot.sums(own, "problems", (rows, 65)), boot.sums(whole, "problems"), rtol=0, atol=1e-12)
    # A group is drawn whole: with itself, in each draw as often.
    group = bootstrap._groups(seeds.derive(3, "groups", "problems", 65), 65)
    each = boot.sums(np.eye(65), "problems")
    assert all((each[:, group == g] == each[:, group == g][:, :1]).all() for g in range(20))
    np.testing.assert_allclose(boot.sums(whole, "problems"), each @ whole, rtol=0, atol=1e-12)


def test_sums_over_draws_are_those_of_the_weights() -> None:
    columns = np.random.default_rng(0).normal(size=(60, 3))
    boot = Bootstrap(3, 50)
    plain = np.concatenate([weights @ columns for weights in boot.weights(60, "problems")])
    np.testing.assert_allclose(boot.sums(columns, "problems"), plain, rtol=0, atol=1e-12)
    assert (np.concatenate([*boot.weights(60, "problems")]).sum(axis=1) == 60).all()


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0], [1.0, 1.0, 0.0, 5.0], [2.0, 2.0, 2.0], [7.0], []])
def test_midranks_are_scipys(values) -> None:
    assert stats.midranks(np.array(values)).tolist() == rankdata(values).tolist()


def test_tau_and_spearman_of_a_reversed_order_are_minus_one_and_of_one_swap_in_between() -> None:
    a = np.array([1.0, 2.0, 3.0])
    assert stats.tau(a, -a) == stats.spearman(a, -a) == -1
    swapped = np.array([2.0, 1.0, 3.0])
    assert stats.tau(a, swapped) == pytest.approx(1 / 3)  # two pairs agree, one does not
    assert stats.spearman(a, swapped) == pytest.approx(0.5)  # 1 - 6 * 2 / (3 * 8)
    assert stats.spearman(a, np.ones(3)) == 0


def test_95_percent_intervals_of_a_paired_contrast_cover_about_95_percent() -> None:
    rng, hits, runs, effect = np.random.default_rng(5), 0, 200, 0.05
    for run in range(runs):
        skill = rng.uniform(0.2, 0.7, 80)
        a, b = (rng.binomial(4, p, (1, 80)) / 4 for p in (skill + effect, skill))
        found = Bootstrap(run, 300).contrasts([(a, b)], "heldout")[0]
        estimate = Bootstrap(run, 300).estimate(found)
        hits += estimate.low <= effect <= estimate.high
    assert 0.90 <= hits / runs <= 0.985


def test_the_interval_of_a_rate_stays_between_0_and_1() -> None:
    # One success in 3 problems under two very different seeds: the seed part alone would reach below 0.
    draws = Draws(1 / 3, np.linspace(-0.2, 1.1, 1001), n=3, seeds=2)
    found = Bootstrap(seed=1).rate(draws)
    assert (found.low, found.high) == (0.0, 1.0)
