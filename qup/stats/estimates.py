"""A number with what is needed to judge it."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from qup.settings import STRICT
from qup.stats.spread import ZERO, Spread, detectable


@dataclass(frozen=True, config=STRICT)
class ReportSettings:
    """Intervals of the report."""

    resamples: Annotated[int, Field(ge=100)] = 4000
    "Bootstrap draws."
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    "Of confidence."
    power: Annotated[float, Field(gt=0, lt=1)] = 0.8
    "With which a difference of the size of the MDE would be found."
    paper: str | None = None
    "A row of qup/paper/numbers.yaml, whose numbers then stand beside the study's."


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with its interval; what is judged of it goes by its standard error and Student's t."""

    value: float
    low: float
    high: float
    "Ends of the interval."
    n: int
    "Problems behind the number."
    se: float
    replicates: int | None = None
    "Behind the number; None where nothing was trained. With 1, variation between replicates is NOT in the interval."
    df: float = math.inf
    "Of Student's t; infinite where the interval is none of its."
    spread: Spread | None = None
    "The parts of the squared standard error, where it has parts."

    @property
    def replicated(self) -> bool | None:
        """Whether the interval holds the variation between replicates; None where nothing was trained."""
        return None if self.replicates is None else self.replicates > 1

    @property
    def varies(self) -> bool:
        """Whether anything varied, so that something can be said of other samples."""
        return ZERO < self.se < math.inf

    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low > ZERO or self.high < -ZERO

    def p_value(self) -> float:
        """Two-sided p of "the number is 0"; 1 where nothing varied."""
        return float(self._parts.p_value(self.value)) if self.varies else 1.0

    def interval(self, level: float) -> tuple[float, float]:
        """Student's interval at another level."""
        reach = self.se * float(self._parts.critical(1 - level)) if self.se > 0 else 0.0
        return self.value - reach, self.value + reach

    def mde(self, level: float, power: float) -> float | None:
        """Minimum detectable effect: the true number whose interval of this level excludes 0 with this power.

        It is as rough as the standard error: of three replicates half of all are printed within 0.55 and 1.3 times
        that of the true variances, and the power at a printed one is 60-80% on average; of five, 66-79%.
        """
        return detectable(self._parts, 1 - level, power) if self.varies else None

    @property
    def _parts(self) -> Spread:
        return self.spread or Spread((self.se**2, self.df))

    def exp(self) -> "Estimate":
        """The exponential of a mean of logarithms, ends included; its standard error by the delta method."""
        value, low, high = (math.exp(end) if end < math.inf else end for end in (self.value, self.low, self.high))
        return Estimate(value, low, high, self.n, value * self.se, self.replicates)


def student_estimate(value: float, n: int, se: float, df: float, level: float) -> Estimate:
    """An estimate with Student's t interval."""
    bare = Estimate(value, value, value, n, se, df=df)
    low, high = bare.interval(level)
    return dataclasses.replace(bare, low=low, high=high)


def mde(se: float, level: float, power: float, df: float = math.inf) -> float:
    """Minimum detectable effect: the true difference whose t interval of this level excludes 0 with this power."""
    return detectable(Spread((se**2, df)), 1 - level, power) if se > 0 else 0.0


def t_interval(values: Sequence[float], level: float) -> Estimate:
    """Mean over replicates with Student's t interval; one says nothing of the spread, so it has no ends."""
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Estimate(mean, -math.inf, math.inf, 1, math.inf, 1)
    se = float(np.std(values, ddof=1)) / math.sqrt(count)
    return dataclasses.replace(student_estimate(mean, count, se, count - 1, level), replicates=count)
