"""The null of foresight: how often a rule is right when the arms of each race exchange their values of the metric.

Nothing that ties a metric to utility is left then; what is left is how many pairs there are and how they hang together,
for an arm stands in several pairs, a race has several arms, and the same traces may run in several races, at another
rate or objective: those exchange their values together. A rule that knows something is right more often than nearly
all shuffles are.
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
    pools = _pools([values for values, _, _ in tables])
    drawn = np.array([_share(tables, _exchanged(tables, pools, rng)) for _ in range(shuffles)])
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL])
    p = (1 + int(np.sum(drawn >= observed))) / (1 + shuffles)
    return Null(metric, lower, observed, float(drawn.mean()), float(low), float(high), p, shuffles)


def _pools(values: Sequence[Array]) -> list[list[float]]:
    """The values of races that share one, for arms of the same traces have the same mean; those of each pool sorted."""
    pools: list[set[float]] = []
    for own in values:
        pool = set(own.tolist())
        joined = [other for other in pools if other & pool]
        pools = [*(other for other in pools if not other & pool), pool.union(*joined)]
    return [sorted(pool) for pool in pools]


def _exchanged(
    tables: Sequence[tuple[Array, Array, Array]], pools: Sequence[Sequence[float]], rng: np.random.Generator
) -> list[Array]:
    """Each table's values, (arms,), after those of a pool changed places: equal ones get the same one everywhere."""
    new = {old: value for pool in pools for old, value in zip(pool, rng.permutation(pool), strict=True)}
    return [np.array([new[value] for value in values.tolist()]) for values, _, _ in tables]


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
