"""Perceived quality beyond a mean: z within a problem, win shares, what length leaves, agreement, style sensitivity.

Arrays are (streams, problems) of one reward over the same problems in the same order, NaN where a trace has no value.
A problem is of one replicate, so problems are the units of all intervals, as they are of the difference of two means.
"""

import dataclasses
from collections.abc import Hashable, Sequence

import numpy as np

from qup.stats.bootstrap import Bootstrap
from qup.stats.crossed import Crossed
from qup.stats.estimates import Estimate
from qup.stats.spread import ZERO, Array


def within_problem_z(rewards: Array) -> Array:
    """(R - mean) / SD over the streams' traces of the same problem, of (streams, P); population SD, 0 where all tie.

    Only problems of which every stream has a value: the scores of a problem then add up to 0, and no stream is
    compared with others than the rest are.
    """
    mean, sd = rewards.mean(axis=0), rewards.std(axis=0)
    out: Array = np.where(np.isnan(mean), np.nan, (rewards - mean) / np.where(sd > ZERO, sd, 1.0))
    return out


def win_share(first: Array, second: Array, level: float) -> Estimate | None:
    """Share of the problems that both have on which the first has the higher value, a tie counting half.

    At 0 or 1, where nothing varies, the interval is Clopper-Pearson's and the standard error is a half of it in normal
    ones: a reward that prefers one stream every time is to be told from a coin. None without a common problem.
    """
    from scipy.special import ndtri

    gap = first - second
    share = Crossed.fixed(np.where(np.isfinite(gap), (np.sign(gap) + 1) / 2, np.nan)).rate(level)
    if share is None or share.value not in (0.0, 1.0):
        return share
    return dataclasses.replace(share, se=(share.high - share.low) / float(ndtri((1 + level) / 2)))


@dataclasses.dataclass(frozen=True)
class Adjusted:
    """Gaps between streams with length held fixed."""

    slope: Estimate
    "Of the reward by log tokens, among traces of the same stream and with what the problem makes of both taken out."
    gaps: list[Estimate]
    "Of each stream over the reference, at equal log tokens."


def length_adjusted(rewards: Array, logs: Array, reference: int, boot: Bootstrap, population: str) -> Adjusted | None:
    """Gaps of (streams, P) rewards over the stream at `reference`, less slope times their gap in log tokens.

    An analysis of covariance with an effect of each problem and of each stream, on problems that are there in all:
    b = Sxy / Sxx of what is left after both, residual gap = gap in R - b * gap in log tokens. A slope over streams
    would take whatever they differ in for a matter of length: of two streams all of it. Percentile intervals draw
    problems and fit again. None where lengths do not vary within streams, or fewer than two problems are whole.
    """
    whole = np.isfinite(rewards + logs).all(axis=0)
    if whole.sum() < 2:
        return None
    # What the problem makes of both goes first; what the stream does, in each draw.
    y, x = (values[:, whole] - values[:, whole].mean(axis=0) for values in (rewards, logs))
    columns = np.concatenate([[np.ones(y.shape[1]), (x * y).sum(axis=0), (x * x).sum(axis=0)], x, y]).T
    value, drawn = (
        _fit(sums, len(y), reference) for sums in (columns.sum(axis=0)[None], boot.sums(columns, population))
    )
    if np.isnan(value).any():
        return None
    # A draw in which no length varies says nothing of the slope.
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    estimates = [
        _percentile(float(at), ends, y.shape[1], boot.level) for at, ends in zip(value[0], drawn.T, strict=True)
    ]
    return Adjusted(estimates[0], estimates[1:])


def _fit(sums: Array, streams: int, reference: int) -> Array:
    """Slope, then each stream's residual gap, of (draws, columns) sums; NaN in a draw in which no length varies."""
    n, sxy, sxx = sums[:, 0], sums[:, 1], sums[:, 2]
    x, y = sums[:, 3 : 3 + streams] / n[:, None], sums[:, 3 + streams :] / n[:, None]
    sxx, sxy = sxx - n * (x * x).sum(axis=1), sxy - n * (x * y).sum(axis=1)
    slope = np.where(sxx > ZERO, sxy / np.where(sxx > ZERO, sxx, 1.0), np.nan)
    gaps = (y - y[:, [reference]]) - slope[:, None] * (x - x[:, [reference]])
    return np.column_stack([slope, gaps])


def concordance(ratings: Array) -> Array:
    """Kendall's W of (..., raters, items): 1 where all raters rank the items alike, about 1 / raters by chance.

    With c the midranks less their mean, W = sum over items of (sum over raters of c)^2 / (raters * sum of c^2), which
    is the formula with its correction for ties (Kendall & Babington Smith 1939). NaN where every rater ties all items.
    """
    from scipy.stats import rankdata

    c = rankdata(ratings, axis=-1) - (ratings.shape[-1] + 1) / 2
    most = ratings.shape[-2] * (c * c).sum(axis=(-2, -1))
    out: Array = np.where(most > 0, (c.sum(axis=-2) ** 2).sum(axis=-1) / np.where(most > 0, most, 1.0), np.nan)
    return out


def stream_concordance(ratings: Array, boot: Bootstrap, population: str) -> Estimate | None:
    """Kendall's W of (raters, streams, P): how alike the raters rank the streams by their means; n counts problems.

    Problems that every rater has of every stream; they are drawn whole, and the interval is of percentiles. None
    without such a problem, and where every rater ties all streams.
    """
    whole = np.isfinite(ratings).all(axis=(0, 1))
    if not whole.any():
        return None
    there = ratings[:, :, whole]
    value = float(concordance(there.mean(axis=2)))
    drawn = boot.sums(there.reshape(-1, there.shape[2]).T, population).reshape(-1, *there.shape[:2])
    # Sums rank as means do. A draw in which all tie says nothing of how they rank.
    spread = concordance(drawn)
    spread = spread[np.isfinite(spread)]
    return None if np.isnan(value) or not len(spread) else _percentile(value, spread, int(whole.sum()), boot.level)


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """What restyling alone does to a reward."""

    shift: Estimate
    "Mean |R(y) - R(restyle(y))|, in the reward's unit."
    relative: Estimate | None
    "The same in standard deviations of R over the samples; None where R does not vary."


Valued = tuple[Array, Sequence[Hashable]]
"Values, and the problem that each is of; NaN where there is none."


def sensitivity(shifts: Valued, samples: Valued, boot: Bootstrap, population: str) -> Sensitivity | None:
    """Of R(restyle(y)) - R(y) of restyled samples, and R of all samples, whose problems are among them.

    A mean over problems of the mean over a problem's restyles. Problems are drawn with their samples and restyles. None
    without a shift. n counts problems that were restyled.
    """
    (moved, owners), (values, clusters) = shifts, samples
    place = {problem: i for i, problem in enumerate(dict.fromkeys(clusters))}
    kept, there = np.isfinite(moved), np.isfinite(values)
    at = np.array([place[owner] for owner in owners], dtype=int)[kept]
    counts, totals = np.bincount(at, minlength=len(place)), np.bincount(at, np.abs(moved[kept]), len(place))
    n = int((counts > 0).sum())
    if not n:
        return None
    own = np.array([place[cluster] for cluster in clusters], dtype=int)[there]
    # About their mean, or squares of large rewards lose their digits.
    centred = values[there] - values[there].mean()
    sums = [np.bincount(own, weights, len(place)) for weights in (np.ones(len(own)), centred, centred**2)]
    columns = np.array([totals / np.maximum(counts, 1), counts > 0, *sums], dtype=np.float64).T
    seen, drawn = _relative(columns.sum(axis=0)[None])[0], _relative(boot.sums(columns, population))
    estimates = [
        _percentile(float(value), ends[np.isfinite(ends)], n, boot.level)
        for value, ends in zip(seen, drawn.T, strict=True)
    ]
    return Sensitivity(estimates[0], estimates[1] if np.isfinite(seen[1]) else None)


def _relative(sums: Array) -> Array:
    """Mean shift, and the same in SDs, of (draws, 5) sums; NaN where a draw restyles nothing or R does not vary."""
    shift = np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1.0), np.nan)
    count = np.maximum(sums[:, 2], 1.0)
    sd = np.sqrt(np.maximum(0.0, sums[:, 4] / count - (sums[:, 3] / count) ** 2))
    return np.column_stack([shift, np.where(sd > ZERO, shift / np.where(sd > ZERO, sd, 1.0), np.nan)])


def _percentile(value: float, drawn: Array, n: int, level: float) -> Estimate:
    tail = (1 - level) / 2
    low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail])) if len(drawn) else (value, value)
    return Estimate(value, low, high, n, float(drawn.std(ddof=1)) if len(drawn) > 1 else 0.0)
