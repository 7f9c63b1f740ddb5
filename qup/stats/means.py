"""Means, ratios and medians over problems, with intervals; NaN marks a problem without a value.

Perplexities are skewed: take the interval of the mean logarithm, and `Estimate.exp` of it; print a median beside it.
"""

import math

import numpy as np

from qup.stats.estimates import Estimate, student_estimate
from qup.stats.spread import Array


def mean(values: Array, level: float) -> Estimate | None:
    """Mean over problems of (P,) values with Student's t interval; None without a value, no ends of a single one."""
    values = values[np.isfinite(values)]
    n = len(values)
    if n < 2:
        return Estimate(float(values[0]), -math.inf, math.inf, 1, math.inf) if n else None
    return student_estimate(float(values.mean()), n, float(values.std(ddof=1)) / math.sqrt(n), n - 1, level)


def ratio(above: Array, below: Array, level: float) -> Estimate | None:
    """sum(above) / sum(below) of two (P,) arrays, such as nats per token; None where the sum below is 0.

    Its standard error is that of the linearised ratio (Cochran, Sampling Techniques, 1977, ch. 6).
    """
    there = np.isfinite(above) & np.isfinite(below)
    above, below = above[there], below[there]
    total, n = float(below.sum()), len(below)
    if total == 0:
        return None
    value = float(above.sum()) / total
    if n == 1:
        return Estimate(value, -math.inf, math.inf, 1, math.inf)
    se = float((above - value * below).std(ddof=1)) * math.sqrt(n) / abs(total)
    return student_estimate(value, n, se, n - 1, level)


def median(values: Array, level: float) -> Estimate | None:
    """Median over problems of (P,) values; its interval ends at order statistics and covers at least `level`.

    Exact for any distribution (Conover 1999, section 3.2, as scipy's `quantile_test` has it); too few values have no
    ends. The standard error is the interval's half width in normal ones.
    """
    from scipy.special import ndtri
    from scipy.stats import quantile_test

    values = values[np.isfinite(values)]
    if not len(values):
        return None
    ends = quantile_test(values, q=0.0, p=0.5).confidence_interval(level)
    low, high = (end if math.isfinite(end) else side for end, side in zip(ends, (-math.inf, math.inf), strict=True))
    se = (high - low) / (2 * float(ndtri((1 + level) / 2)))
    return Estimate(float(np.median(values)), float(low), float(high), len(values), se)
