"""Crossed means: hand-worked parts of their variance, and simulated studies that know the truth."""

import itertools

import numpy as np
import pytest

from qup.stats import Bootstrap, Crossed, Spread, two_parts
from qup.stats.spread import detectable, student

ANSWERS = 400_000
"Problems times studies simulated in each cell: a coverage of 95% then has a standard error of 0.3% or 0.6%."
RATIOS = (0.0, 0.5, 4.0, 30.0)
"Variance of the mean due to replicates, to that due to problems and the interaction."
SHAPES = [(3, 100), (3, 300), (5, 100), (5, 300)]
INTERACTIONS = {"problems": (1.0, 0.2), "both": (1.0, 3.0), "interaction": (0.0, 1.0)}
"Variances of problems and of their interaction with replicates; the decoding noise is in the latter."


def studies(rng, groups, shape, components, *, ratio, count=None):
    """Gaussian studies with mean 0: a list of (count, R, P) groups."""
    (r, p), (problem, inner) = shape, components
    count = count or ANSWERS // p
    replicate = ratio * (problem + groups * inner / r) / p * r / groups
    shared = np.sqrt(problem) * rng.normal(size=(count, 1, p))
    return [
        np.sqrt(replicate) * rng.normal(size=(count, r, 1))
        + np.sqrt(inner) * rng.normal(size=(count, r, p))
        + shared * (group == 0)
        for group in range(groups)
    ]


def true_spread(groups, shape, components, ratio):
    """The parts that two_parts estimates."""
    (r, p), (problem, inner) = shape, components
    replicates = (problem / groups + inner / r) / p * ratio + inner / (r * p)
    return Spread((problem / p, p - 1.0), ((replicates, r - 1.0),) * groups)


def covered(value, spread, truth, alpha=0.05):
    return float((np.abs(value - truth) <= spread.critical(alpha) * spread.se).mean())


def test_the_parts_of_a_small_table_by_hand() -> None:
    # Rows 0.75 and 0.25, columns 1, 0.5, 0.5, 0; residuals +-0.25 in the two middle columns.
    values = np.array([[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    found = Crossed.random(values, (1, 2)).estimate(0.95)
    # MS_R / RP = var(.75, .25) / 2 = 1/16; by column, var(1, .5, .5, 0) / 4 = 1/24.
    # Residuals: rows +-.25 off: (.25 .25 .25 -.25 over .25...) are -.25 +.25 +.25 -.25 and their negatives: 8/16.
    # MS_RP = .5 / 3, over RP = 8: 1/48. Problems add 1/24 - 1/48.
    assert found.value == 0.5
    assert found.spread.groups == ((pytest.approx(1 / 16), 1),)
    assert found.spread.problems == (pytest.approx(1 / 48), 3)
    assert found.se == pytest.approx(np.sqrt(4 / 48))


def test_the_squared_error_is_that_of_brennan() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 50)) + rng.normal(size=50) + rng.normal(size=(3, 1))
    rows, columns, grand = values.mean(axis=1), values.mean(axis=0), values.mean()
    between = 50 * rows.var(ddof=1)
    problems = 3 * columns.var(ddof=1)
    inner = ((values - rows[:, None] - columns + grand) ** 2).sum() / (2 * 49)
    found = Crossed.random(values, "a").estimate(0.95)
    assert found.se**2 == pytest.approx((between + problems - inner) / 150)


def test_the_interval_is_students_with_the_df_that_is_printed() -> None:
    values = np.random.default_rng(1).normal(np.array([[0.0], [0.1], [0.3]]), 1.0, size=(3, 40))
    found = Crossed.random(values, "a").estimate(0.95)
    assert found.high - found.value == pytest.approx(float(student(0.05, found.df)) * found.se)
    assert 2 <= found.df <= 39


def test_the_p_value_is_the_level_whose_interval_ends_at_zero() -> None:
    values = np.random.default_rng(2).normal(0.3, 1.0, size=(3, 40))
    found = Crossed.random(values, "a").estimate(0.95)
    ends = found.interval(1 - found.p_value())
    assert min(abs(end) for end in ends) == pytest.approx(0, abs=1e-6)


def test_equal_replicates_subtract_in_order_and_others_are_independent() -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(np.array([[-1.0], [0.0], [1.0]]), 1.0, size=(3, 60))
    b = a + 0.01 * rng.normal(size=(3, 60))
    paired = Crossed.random(a, (1, 2, 3)).minus(Crossed.random(b, (1, 2, 3)))
    apart = Crossed.random(a, (1, 2, 3)).minus(Crossed.random(b, (4, 5, 6)))
    assert paired.estimate(0.95).value == pytest.approx(apart.estimate(0.95).value)
    assert paired.estimate(0.95).se < 0.02
    # Rows -1, 0, 1: variance 1, over 3 replicates, twice.
    assert apart.estimate(0.95).se == pytest.approx(np.sqrt(2 / 3), rel=0.2)


def test_the_untrained_learner_leaves_a_difference_of_utilities() -> None:
    rng = np.random.default_rng(4)
    base = Crossed.fixed(rng.random(30))
    a, b = (Crossed.random(rng.random((3, 30)), (1, 2, 3)) for _ in range(2))
    through, direct = (each.estimate(0.95) for each in (a.minus(base).minus(b.minus(base)), a.minus(b)))
    assert (through.value, through.se) == pytest.approx((direct.value, direct.se))


def test_only_problems_that_all_parts_answered_count() -> None:
    a = np.array([[1.0, np.nan, 0.5, 0.0], [1.0, 1.0, 0.5, 0.0]])
    b = np.array([0.0, 0.0, np.nan, 0.5])
    found = Crossed.random(a, "a").minus(Crossed.fixed(b)).estimate(0.95)
    assert (found.value, found.n) == (0.25, 2)
    assert Crossed.fixed(np.array([np.nan])).estimate(0.95) is None


def test_one_replicate_is_over_problems_only_and_says_so() -> None:
    values = np.random.default_rng(5).random((1, 25))
    found = Crossed.random(values, (1,)).estimate(0.95)
    assert (found.replicates, found.replicated, found.df) == (1, False, 24)
    assert found.se == pytest.approx(values.std(ddof=1) / 5)
    untrained = Crossed.fixed(values[0]).estimate(0.95)
    assert (untrained.replicates, untrained.replicated) == (None, None)


def test_an_arm_less_itself_is_nothing_and_a_single_problem_has_no_ends() -> None:
    arm = Crossed.random(np.random.default_rng(6).random((3, 40)), "a")
    found = arm.minus(arm).estimate(0.95)
    assert (found.value, found.low, found.high, found.p_value(), found.mde(0.95, 0.8)) == (0, 0, 0, 1.0, None)
    assert Crossed.random(np.ones((3, 1)), "a").estimate(0.95).high == np.inf


def test_a_rate_of_zero_keeps_an_honest_upper_end() -> None:
    # Clopper-Pearson for 0 of 60: 1 - 0.025^(1/60).
    assert Crossed.random(np.zeros((3, 60)), "a").rate(0.95).high == pytest.approx(1 - 0.025 ** (1 / 60))


def test_shapes_under_one_key_must_agree() -> None:
    with pytest.raises(ValueError, match="must be the same"):
        Crossed.random(np.ones((3, 5)), "a").plus(Crossed.random(np.ones((2, 5)), "a"))


def test_many_studies_at_once_are_as_one_by_one() -> None:
    groups = studies(np.random.default_rng(7), 2, (3, 30), (1.0, 1.0), ratio=1.0, count=5)
    value, spread = two_parts(groups, np.zeros(30))
    one = Crossed({"a": groups[0][3], "b": groups[1][3]}, np.zeros(30)).estimate(0.95)
    assert one.value == pytest.approx(value[3])
    assert one.se == pytest.approx(spread.se[3])
    assert one.p_value() == pytest.approx(spread.p_value(value)[3])
    assert one.df == pytest.approx(spread.df(0.95)[3])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_gaussian_intervals_cover_what_they_say(groups, shape) -> None:
    rng = np.random.default_rng([8, groups, *shape])
    for (name, components), ratio in itertools.product(INTERACTIONS.items(), RATIOS):
        value, spread = two_parts(studies(rng, groups, shape, components, ratio=ratio), np.zeros(shape[1]))
        assert 0.935 <= covered(value, spread, 0.0) <= 0.98, (name, ratio)
        assert covered(value, spread, 0.0, alpha=0.005) >= 0.985, (name, ratio)


def logistic(rng, shape, latent, *, replicate, inner):
    """(studies, R, P) shares of 4 right answers."""
    count, (r, p) = len(latent), shape
    noise = replicate * rng.normal(size=(count, r, 1)) + inner * rng.normal(size=(count, r, p))
    return rng.binomial(4, 1 / (1 + np.exp(-latent - noise))) / 4


def mean_logistic(intercept, sd):
    at, weight = np.polynomial.hermite_e.hermegauss(60)
    return float(weight @ (1 / (1 + np.exp(-(intercept + sd * at)))) / weight.sum())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["alone", "paired", "two groups"])
def test_intervals_of_right_and_wrong_answers_cover_what_they_say(kind, shape) -> None:
    rng = np.random.default_rng([9, len(kind), *shape])
    for replicate, inner in itertools.product((0.0, 0.1, 0.4), (0.0, 0.8)):
        difficulty = 1.5 * rng.normal(size=(ANSWERS // shape[1], 1, shape[1]))
        a, b = (logistic(rng, shape, mean + difficulty, replicate=replicate, inner=inner) for mean in (0.6, 0.2))
        groups = {"alone": [a], "paired": [a - b], "two groups": [a, -b]}[kind]
        first, second = (mean_logistic(mean, np.sqrt(1.5**2 + replicate**2 + inner**2)) for mean in (0.6, 0.2))
        value, spread = two_parts(groups, np.zeros(shape[1]))
        found = covered(value, spread, first - second * (kind != "alone"))
        assert 0.935 <= found <= 0.98, (replicate, inner)


@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_true_difference_of_the_mde_is_found_with_80_percent_power(groups, alpha) -> None:
    rng = np.random.default_rng([10, groups])
    for shape, components, ratio in itertools.product([(3, 100), (5, 100)], INTERACTIONS.values(), RATIOS):
        truth = true_spread(groups, shape, components, ratio)
        size = detectable(truth, alpha, 0.8)
        value, spread = two_parts(studies(rng, groups, shape, components, ratio=ratio, count=3000), np.zeros(shape[1]))
        found = float((np.abs(value + size) > spread.critical(alpha) * spread.se).mean())
        assert 0.78 <= found <= 0.82, (shape, components, ratio)


def test_the_bootstrap_over_three_replicates_covers_too_little() -> None:
    """Why trained learners are judged by `Crossed`."""
    rng, hits = np.random.default_rng(11), 0
    (groups,) = studies(rng, 1, (3, 60), (1.0, 1.0), ratio=4.0, count=400)
    for run, values in enumerate(groups):
        boot = Bootstrap(run, 200)
        found = boot.estimate(boot.contrasts([(values, np.zeros_like(values))], "heldout")[0])
        hits += found.low <= 0 <= found.high
    assert hits / len(groups) < 0.91


def test_satterthwaites_degrees_of_freedom_alone_cover_too_little() -> None:
    """Why the critical value is that of Cochran and Cox."""
    rng, shape = np.random.default_rng(12), (3, 100)
    value, spread = two_parts(studies(rng, 1, shape, (1.0, 0.2), ratio=8.0, count=8000), np.zeros(100))
    (problems, many), ((replicates, few),) = spread.problems, spread.groups
    df = spread.se**4 / (problems**2 / many + replicates**2 / few)
    for alpha, at_most in ((0.05, 0.93), (0.005, 0.98)):
        assert (np.abs(value) <= student(alpha, df) * spread.se).mean() < at_most
        assert covered(value, spread, 0.0, alpha) > 1 - 1.6 * alpha


def test_one_part_is_the_noncentral_t() -> None:
    from scipy.stats import nct

    for df, alpha in itertools.product((2.0, 5.0, 60.0), (0.05, 0.01)):
        size = detectable(Spread((4.0, df)), alpha, 0.8)
        reach = float(student(alpha, df))
        assert nct.sf(reach, df, size / 2) == pytest.approx(0.8, abs=1e-4)


def test_a_mean_of_sets_counts_each_alike_and_varies_within_sets_alone() -> None:
    # Means .5 of two problems and .25 of four; variances 1/2 and 1/4, so SE^2 = (1/2 / 2 + 1/4 / 4) / 2^2.
    small, large = Crossed.fixed(np.array([1.0, 0.0])), Crossed.fixed(np.array([1.0, 0.0, 0.0, 0.0]))
    mean = Crossed.macro([small, large]).estimate(0.95)
    assert mean.value == pytest.approx(0.375)
    assert mean.se**2 == pytest.approx((1 / 4 + 1 / 16) / 4)


@pytest.mark.parametrize("ratio", [0.0, 4.0])
def test_the_interval_of_a_mean_of_sets_covers(ratio) -> None:
    # Sets of other sizes, levels and spreads, answered by the same three replicates.
    rng, hits, studies = np.random.default_rng(5), 0, 600
    sets, truth = ((30, 0.1, 0.5), (60, 0.5, 1.0), (200, 0.8, 2.0)), (0.1 + 0.5 + 0.8) / 3
    within = np.sqrt(sum(spread**2 / size for size, _, spread in sets)) / 3
    for _ in range(studies):
        shift = np.sqrt(ratio) * within * rng.normal(size=(3, 1))
        parts = [
            Crossed.random(level + shift + spread * (rng.normal(size=(1, size)) + rng.normal(size=(3, size))), "a")
            for size, level, spread in sets
        ]
        mean = Crossed.macro(parts).estimate(0.95)
        hits += mean.low <= truth <= mean.high
    assert 0.925 <= hits / studies <= 0.985


def test_sets_that_other_replicates_answered_have_no_mean() -> None:
    one, other = Crossed.random(np.ones((2, 3)), (1, 2)), Crossed.random(np.ones((2, 3)), (3, 4))
    with pytest.raises(ValueError, match="the same replicates in each"):
        Crossed.macro([one, other])
