"""Quantities that are known only between two bounds, with what is expected in between."""

import functools
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
        """With bounds that may be met at once: the widest that the product can be."""
        by = other if isinstance(other, Span) else exactly(other)
        return Span(self.low * by.low, self.mid * by.mid, self.high * by.high)

    __rmul__ = __mul__

    def per(self, other: "Span") -> "Span":
        """Divided by a span, the slowest rate giving the longest time."""
        return Span(self.low / other.high, self.mid / other.mid, self.high / other.low)

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
