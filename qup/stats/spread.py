"""How far a mean over problems and replicates may be off: two parts of its variance, and Student's t of their mixture.

A replicate is a fresh training set with its own training and decoding seeds. Every learner answers the same held-out
problems, so problems and replicates are crossed random factors (Brennan, Generalizability Theory, 2001, ch. 3): the
squared standard error of a mean is (MS_R + MS_P - MS_RP) / (R P). It is kept as two independent parts: what varies
between replicates, MS_R / (R P) with R - 1 degrees of freedom, and what problems add to it, (MS_P - MS_RP) / (R P) with
P - 1, at least 0. Cutting the replicate component off at 0 instead, as is also done, covers too little where it is real
and happened to be seen as 0, and has the same power (80% of it within 0.3 standard errors, in every cell tried).

The critical value is that of Cochran and Cox (1950): Student's t of each part, weighed by the parts' variances. With
Satterthwaite's degrees of freedom alone (1946), estimated from the same mean squares, three replicates cover 92.3% at a
nominal 95%, and 97.6% at the 99.5% that Holm's correction may ask for; these cover 94.6-97.2% and 99.1-99.9%. Between
several groups of replicates the degrees of freedom are Satterthwaite's. tests/test_stats_crossed.py simulates it.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
ZERO = 1e-9
"Below this a difference is rounding: sums of thirds must not resolve a contrast."
NODES = 5_000
"Of the quadrature over the chi-squares of all parts together."
HALVINGS = 40
"Of an interval that is searched: to nine digits and more."
Part = tuple[Any, Any]
"A variance and its degrees of freedom; floats, or arrays of one shape for as many means."


@dataclasses.dataclass(frozen=True)
class Spread:
    """The parts of a squared standard error, in squared units of the mean."""

    problems: Part
    "What problems add to it."
    groups: tuple[Part, ...] = ()
    "What varies between the replicates of each group, and the interaction in it."

    @property
    def replicates(self) -> Part:
        """The groups together, with Satterthwaite's degrees of freedom."""
        if len(self.groups) == 1:
            return self.groups[0]
        total = sum(variance for variance, _ in self.groups)
        squares = sum(variance**2 / df for variance, df in self.groups)
        fewest = min((float(np.min(df)) for _, df in self.groups), default=1.0)
        return total, np.where(squares > 0, total**2 / np.where(squares > 0, squares, 1.0), fewest)

    @property
    def se(self) -> Any:
        """The standard error."""
        return np.sqrt(self.problems[0] + self.replicates[0])

    def critical(self, alpha: Any) -> Any:
        """How many standard errors the interval of level 1 - alpha reaches: Student's, weighed by the variances."""
        return self._critical()(alpha)

    def _critical(self) -> Callable[[Any], Any]:
        (problems, df), (replicates, few) = self.problems, self.replicates
        total = problems + replicates
        weight = np.where(total > 0, replicates / np.where(total > 0, total, 1.0), 0.0)
        if not self.groups:
            return lambda alpha: student(alpha, df)
        return lambda alpha: (1 - weight) * student(alpha, df) + weight * student(alpha, few)

    def p_value(self, value: Any) -> Any:
        """Two-sided p of "the mean is 0": the alpha at which the interval ends there; 1 where nothing varies."""
        se = self.se
        size = np.abs(value) / np.where(se > ZERO, se, 1.0)
        # The weighted value lies between those of the parts, and so does p.
        ends = [np.log(np.maximum(two_sided(size, df), 1e-300)) for _, df in (self.problems, self.replicates)]
        low, high = np.minimum(*ends), np.maximum(*ends)
        reach = self._critical()
        for _ in range(HALVINGS if self.groups else 0):
            middle = (low + high) / 2
            inside = reach(np.exp(middle)) > size
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        return np.where(se > ZERO, np.minimum(1.0, np.exp(high if self.groups else ends[0])), 1.0)

    def df(self, level: float) -> Any:
        """Degrees of freedom with which Student's t has the interval of this level."""
        reach = self.critical(1 - level)
        ends = [np.broadcast_to(df, np.shape(reach)) for _, df in (self.problems, self.replicates)]
        low, high = np.minimum(*ends), np.maximum(*ends)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            short = student(1 - level, middle) > reach
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return (low + high) / 2


def student(alpha: Any, df: Any) -> Any:
    """The two-sided critical value of Student's t; the normal's where df is infinite."""
    from scipy.special import stdtrit

    return -stdtrit(df, alpha / 2)


def two_sided(size: Any, df: Any) -> Any:
    """Two-sided p of a Student's t of this absolute size."""
    from scipy.special import stdtr

    return 2 * stdtr(df, -size)


def detectable(spread: Spread, alpha: float, power: float) -> float:
    """The true difference that is told from 0 at `alpha` with this power, two-sided, if these are the true variances.

    Each part is estimated as chi-square / df times itself, and the critical value from the parts: a quadrature over
    their product. With one part it is the noncentral t.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    parts = [spread.problems, *spread.groups]
    each = max(2, min(100, round(NODES ** (1 / len(parts)))))
    grids = [_chi_square(float(df), each) for _, df in parts]
    nodes = np.meshgrid(*(nodes for nodes, _ in grids), indexing="ij")
    weight = np.prod(np.meshgrid(*(weights for _, weights in grids), indexing="ij"), axis=0).ravel()
    drawn = [(variance * at.ravel(), df) for (variance, df), at in zip(parts, nodes, strict=True)]
    seen, se = Spread(drawn[0], tuple(drawn[1:])), float(spread.se)
    reach = seen.critical(alpha) * seen.se / se

    def short(difference: float) -> float:
        return float(weight @ (ndtr(difference - reach) + ndtr(-difference - reach))) - power

    return float(brentq(short, 0.0, float(reach.max()) + 10.0)) * se


def _chi_square(df: float, count: int) -> tuple[Array, Array]:
    """Nodes and weights of chi-square / df."""
    if math.isinf(df):
        return np.ones(1), np.ones(1)
    from scipy.special import gammaincinv

    at, weights = _legendre(count)
    return 2 * gammaincinv(df / 2, (at + 1) / 2) / df, weights / 2


@functools.cache
def _legendre(count: int) -> tuple[Array, Array]:
    """Gauss and Legendre's nodes and weights, which are eigenvalues: a report needs the same few hundreds of times."""
    at, weights = np.polynomial.legendre.leggauss(count)
    return at, weights
