"""One rule for "resolved": the number is replicated, and its interval after Holm's correction excludes zero."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from qup.stats.estimates import Estimate
from qup.stats.spread import ZERO


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = worst
    return adjusted


def levels(p_values: Sequence[float], alpha: float) -> list[float]:
    """For each of m, the alpha that its own p is held against: alpha / (m - k).

    k is how many of the others are rejected stepping down among themselves, by alpha / m, alpha / (m - 1), ...; p is
    not above its alpha exactly where Holm rejects it, so the interval of level 1 - alpha excludes zero there.
    """
    size, alphas = len(p_values), []
    for i in range(size):
        others = sorted([*p_values[:i], *p_values[i + 1 :]])
        k = next((j for j, p in enumerate(others) if p > alpha / (size - j)), size - 1)
        alphas.append(alpha / (size - k))
    return alphas


@dataclasses.dataclass(frozen=True)
class Judged:
    """An estimate in its family."""

    estimate: Estimate
    p: float
    "Two-sided, uncorrected; 1 where nothing varied, or of one replicate: such a number never helps another one."
    holm: float
    "Adjusted p."
    family: int
    "Estimates judged together."
    level: float
    "Of the interval that decides."
    low: float
    high: float
    "Ends of that interval."
    resolved: bool
    "Replicated, and told from zero."

    def mde(self, power: float) -> float | None:
        """The true difference that this rule, at this level, finds with this power; None where nothing varied."""
        return self.estimate.mde(self.level, power)


def judge(estimates: Sequence[Estimate], level: float) -> list[Judged]:
    """All estimates of a family, whether of trained learners or not, by Holm's correction at family level `level`."""
    alpha = 1 - level
    p_values = [1.0 if each.replicated is False else each.p_value() for each in estimates]
    return [
        Judged(each, p, adjusted, len(estimates), 1 - own, *each.interval(1 - own), resolved=p <= own)
        for each, p, adjusted, own in zip(estimates, p_values, holm(p_values), levels(p_values, alpha), strict=True)
    ]


@dataclasses.dataclass(frozen=True)
class Equivalence:
    """Whether a difference is small enough not to matter."""

    outcome: Literal["equivalent", "different", "undecided"]
    "`equivalent` goes first: a difference may be told from zero and still be too small to matter."
    p: float
    "Of the two one-sided tests, the larger; of one replicate 1."
    low: float
    high: float
    "Ends of the interval of level 1 - 2 alpha."
    margin: float
    different: bool
    "Whether the interval of level 1 - alpha excludes zero."


def equivalence(estimate: Estimate, margin: float, level: float) -> Equivalence:
    """Two one-sided tests at alpha = 1 - level (Schuirmann 1987): the (1 - 2 alpha) interval lies within +-margin.

    A difference that did not vary at all is equivalent if it lies within. One replicate decides nothing.
    """
    alpha = 1 - level
    low, high = estimate.interval(1 - 2 * alpha)
    replicated = estimate.replicated is not False
    different = replicated and estimate.p_value() <= alpha
    within = replicated and -margin - ZERO <= low and high <= margin + ZERO
    room = margin - abs(estimate.value)
    p = dataclasses.replace(estimate, value=room).p_value() / 2 if replicated else 1.0
    if replicated and not estimate.varies:
        p = 0.0 if within else 1.0
    elif replicated and room < 0:
        p = 1 - p
    outcome: Literal["equivalent", "different", "undecided"] = (
        "equivalent" if within else "different" if different else "undecided"
    )
    return Equivalence(outcome, p, low, high, margin, different)
