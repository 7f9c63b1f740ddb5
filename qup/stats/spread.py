"""How far a mean over problems and replicates may be off: two parts of its variance, and Student's t of their mixture.

A replicate is a fresh training set with its own training and decoding seeds. Every learner answers the same held-out
problems, so problems and replicates are crossed random factors (Brennan, Generalizability Theory, 2001, ch. 3): the
squared standard error of a mean is (MS_R + MS_P - MS_RP) / (R P). It is kept as two independent parts: what varies
between replicates, MS_R / (R P) with R - 1 degrees of freedom, and what problems add to it, (MS_P - MS_RP) / (R P) with
P - 1, at least 0. Cutting the replicate component off at 0 instead, as is also done, covers 92.6% where it is there and
happened to be seen as 0; the two have the same power (80% of it within 0.2 standard errors, in every cell tried).

The critical value is that of Cochran and Cox (1950): Student's t of each part, weighed by the parts' variances.
Satterthwaite's degrees of freedom (1946), estimated from the same mean squares, cover 92.0% with three replicates at a
nominal 95%, and 96.0% at the nominal 99.5% that Holm's correction asks for; these cover 95.1-97.2% and 99.3-99.9%.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
ZERO = 1e-9
"Below this a difference is rounding: sums of thirds must not resolve a contrast."
NODES = 48
"Of the quadrature over a part's chi-square."
HALVINGS = 80
"Of an interval that is searched: down to the last bits."


@dataclasses.dataclass(frozen=True)
class Spread:
    """The two parts of a squared standard error; the fields are floats, or arrays of one shape for as many means."""

    problems: Any
    "What problems add to it, squared units of the mean."
    problems_df: Any
    replicates: Any
    "What varies between replicates, and the interaction in it."
    replicates_df: Any

    @property
    def parts(self) -> tuple[tuple[Any, Any], ...]:
        """Each part with its degrees of freedom."""
        return (self.problems, self.problems_df), (self.replicates, self.replicates_df)

    @property
    def se(self) -> Any:
        """The standard error."""
        return np.sqrt(self.problems + self.replicates)

    def critical(self, alpha: Any) -> Any:
        """How many standard errors the interval of level 1 - alpha reaches (Cochran & Cox 1950)."""
        return critical(self.parts, alpha)

    def p_value(self, value: Any) -> Any:
        """Two-sided p of "the mean is 0": the alpha at which the interval ends there; 1 where nothing varies."""
        varies = self.se > ZERO
        size = np.abs(value) / np.where(varies, self.se, 1.0)
        # The weighted value lies between those of the parts, and so does p.
        ends = np.stack([np.broadcast_to(two_sided(size, df), np.shape(size)) for _, df in self.parts])
        low, high = (np.log(np.maximum(end, 1e-300)) for end in (ends.min(axis=0), ends.max(axis=0)))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            inside = self.critical(np.exp(middle)) > size
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        return np.where(varies, np.minimum(1.0, np.exp(high)), 1.0)

    def df(self, level: float) -> Any:
        """Degrees of freedom with which Student's t has the interval of this level."""
        reach = self.critical(1 - level)
        low = np.zeros(np.shape(reach)) + np.minimum(self.problems_df, self.replicates_df)
        high = np.zeros(np.shape(reach)) + np.maximum(self.problems_df, self.replicates_df)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            short = student(1 - level, middle) > reach
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return (low + high) / 2


def student(alpha: Any, df: Any) -> Any:
    """The two-sided critical value of Student's t; the normal's where df is infinite."""
    from scipy.special import ndtri, stdtrit

    bound = np.isinf(df)
    return np.where(bound, -ndtri(alpha / 2), -stdtrit(np.where(bound, 1.0, df), alpha / 2))


def two_sided(size: Any, df: Any) -> Any:
    """Two-sided p of a Student's t of this absolute size."""
    from scipy.special import ndtr, stdtr

    bound = np.isinf(df)
    return 2 * np.where(bound, ndtr(-size), stdtr(np.where(bound, 1.0, df), -size))


def critical(parts: Sequence[tuple[Any, Any]], alpha: Any) -> Any:
    """Student's critical values, weighed by the variances of (variance, df) parts; plainly averaged if all are 0."""
    total = sum(variance for variance, _ in parts)
    weights = [np.where(total > 0, variance / np.where(total > 0, total, 1.0), 1 / len(parts)) for variance, _ in parts]
    return sum(weight * student(alpha, df) for weight, (_, df) in zip(weights, parts, strict=True))


def detectable(parts: Sequence[tuple[float, float]], alpha: float, power: float) -> float:
    """The true difference that is told from 0 at `alpha` with this power, two-sided, if `parts` are the variances.

    Each part of an estimated variance is chi-square / df of the true one, as of a noncentral t; with one part it is
    exactly that. The power is a product quadrature over the parts.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    drawn, weight = np.zeros((len(parts), 1)), np.ones(1)
    for row, (variance, df) in enumerate(parts):
        nodes, weights = _chi_square(df)
        drawn = np.repeat(drawn, len(nodes), axis=1)
        drawn[row] = variance * np.tile(nodes, len(weight))
        weight = np.repeat(weight, len(nodes)) * np.tile(weights, len(weight))
    total = sum(variance for variance, _ in parts)
    size = np.sqrt(drawn.sum(axis=0) / total)
    reach = size * critical([(drawn[row], df) for row, (_, df) in enumerate(parts)], alpha)

    def short(difference: float) -> float:
        return float(weight @ (ndtr(difference - reach) + ndtr(-difference - reach))) - power

    return float(brentq(short, 0.0, float(reach.max()) + 10.0)) * math.sqrt(total)


def _chi_square(df: float) -> tuple[Array, Array]:
    """Nodes and weights of chi-square / df."""
    if math.isinf(df):
        return np.ones(1), np.ones(1)
    from scipy.special import gammaincinv

    at, weights = np.polynomial.legendre.leggauss(NODES)
    return 2 * gammaincinv(df / 2, (at + 1) / 2) / df, weights / 2
