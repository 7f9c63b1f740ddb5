"""Quantities that are known only between two bounds, with what is expected in between."""

import functools
import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """`low <= mid <= high`, none of them negative; all equal where a quantity is exact.

    >>> exactly(3) + Span(1, 2, 4)
    Span(low=4, mid=5, high=7)
    >>> Span(1, 2, 4) * 2
    Span(low=2, mid=4, high=8)
    """

    low: float
    mid: float
    "What is expected."
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.mid <= self.high:
            raise ValueError(f"expected 0 <= low <= mid <= high, got {self}")

    def __add__(self, other: "Span") -> "Span":
        return Span(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def __mul__(self, other: "Span | float") -> "Span":
        """With the bounds that two independent factors have together: their logarithms add up as errors do.

        What may be nothing is as wide as its bounds.
        """
        if not isinstance(other, Span):
            return Span(self.low * other, self.mid * other, self.high * other)
        if min(self.low, other.low) == 0:
            return Span(self.low * other.low, self.mid * other.mid, self.high * other.high)
        down, up = (math.hypot(math.log(a), math.log(b)) for a, b in zip(self._apart, other._apart, strict=True))
        mid = self.mid * other.mid
        # Where one is exact nothing is rounded.
        if self.exact or other.exact:
            return Span(self.low * other.low, mid, self.high * other.high)
        return Span(mid / math.exp(down), mid, mid * math.exp(up))

    __rmul__ = __mul__

    @property
    def _apart(self) -> tuple[float, float]:
        """How far the bounds are from what is expected, as factors."""
        return self.mid / self.low, self.high / self.mid

    def capped(self, most: float) -> "Span":
        """No part of it above a limit."""
        return Span(min(self.low, most), min(self.mid, most), min(self.high, most))

    @property
    def exact(self) -> bool:
        """Whether it is known."""
        return self.low == self.high


def exactly(value: float) -> Span:
    """A quantity that is known."""
    return Span(value, value, value)


def about(value: float, low: float, high: float) -> Span:
    """A value, and the factors of it that bound it."""
    return Span(low * value, value, high * value)


NONE = exactly(0)


def total(spans: Iterable[Span]) -> Span:
    """The sum of spans."""
    return functools.reduce(operator.add, spans, NONE)
