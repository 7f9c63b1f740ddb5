"""The null of foresight: how often a rule is right when the arms of each race exchange their values of the metric.

Nothing that ties a metric to utility is left then; what is left is how many pairs there are and how they hang together,
for an arm stands in several pairs and a race has several arms. A rule that knows something is right more often than
nearly all shuffles are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qup.report.foresight.races import Race
from qup.seeds import derive
from qup.stats import Array

SHUFFLES = 2000
TAIL = 0.025


@dataclass(frozen=True)
class Null:
    """Shares of resolved pairs in which the lower (or the higher) value of a metric is that of the better stream."""

    metric: str
    lower: bool
    observed: float
    "By the arms' own means."
    mean: float
    low: float
    high: float
    "Mean and 95% range over shuffles."
    p: float
    "Share of shuffles, the observed one among them, that are right at least as often."
    shuffles: int


def null(races: Sequence[Race], metric: str, *, lower: bool, shuffles: int = SHUFFLES) -> Null | None:
    """A metric, its lower or its higher value picked, against shuffles of it; None where no resolved pair has it.

    A pick is by the arms' means over all their traces, not over the problems that a pair shares: a shuffled value has
    no problems of its own.
    """
    tables = [table for race in races if (table := _table(race, metric, lower)) is not None]
    if not tables:
        return None
    observed = _share(tables, [values for values, _, _ in tables])
    rng = np.random.default_rng(derive(0, "foresight", "shuffled", metric))
    drawn = np.array([_share(tables, [rng.permutation(values) for values, _, _ in tables]) for _ in range(shuffles)])
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL])
    p = (1 + int(np.sum(drawn >= observed))) / (1 + shuffles)
    return Null(metric, lower, observed, float(drawn.mean()), float(low), float(high), p, shuffles)


def _table(race: Race, metric: str, lower: bool) -> tuple[Array, Array, Array] | None:
    """Means by arm, (arms,), lower ones picked; resolved pairs' two arms, (pairs, 2); is the first better, (pairs,).

    None where no resolved pair has the metric.
    """
    entries = [entry for entry in race.entries if metric in entry.means]
    place = {entry.name: i for i, entry in enumerate(entries)}
    pairs = [pair for pair in race.pairs if pair.resolved and all(arm in place for arm in pair.arms)]
    if not pairs:
        return None
    arms = np.array([[place[arm] for arm in pair.arms] for pair in pairs])
    sign = 1 if lower else -1
    return sign * np.array([entry.means[metric] for entry in entries]), arms, np.array([pair.gap > 0 for pair in pairs])


def _share(tables: Sequence[tuple[Array, Array, Array]], values: Sequence[Array]) -> float:
    """Share of pairs whose lower value is the better one's; a tie counts half."""
    hits = []
    for own, (_, arms, first) in zip(values, tables, strict=True):
        gaps = own[arms[:, 0]] - own[arms[:, 1]]
        hits.append(np.where(gaps == 0, 0.5, (gaps < 0) == first))
    return float(np.concatenate(hits).mean())
