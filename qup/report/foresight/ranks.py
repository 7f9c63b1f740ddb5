"""Rank correlations of what is known before training with what comes out, within races.

Ranks are taken within a race, and the races pooled: streams of different problems or recipes are never ranked against
each other. That is Spearman's correlation, stratified.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qup.report.foresight.draws import FEWEST, LEVEL, Bootstrapped
from qup.report.foresight.races import Entry, Race
from qup.report.numbers import DIGITS
from qup.stats import Array, midranks

SMALLEST = 3
"Fewest arms of a race whose ranks say anything."


@dataclass(frozen=True)
class Rank:
    """A correlation over the arms of some races."""

    value: float
    low: float
    high: float
    "Ends of the 95% interval; [-1, 1] of fewer than three races, or where each race has the same order."
    arms: int
    races: int
    without: tuple[float, float] | None
    "Lowest and highest correlation with one refiner's streams left out; None where too few are left."


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Centred ranks of two quantities over arms, and where each arm stands."""

    first: Array
    second: Array
    places: list[tuple[str, str]]

    @property
    def value(self) -> float:
        """The correlation; 0 where a side is constant."""
        scale = np.sqrt((self.first**2).sum() * (self.second**2).sum())
        return float((self.first * self.second).sum() / scale) if scale > 0 else 0.0

    def drawn(self, drawn: Bootstrapped) -> Array:
        """The correlation in each draw, of the ranks that the arms have among all."""
        weights = drawn.of_arms(self.places)
        scale = np.sqrt((self.first**2 @ weights) * (self.second**2 @ weights))
        there = scale > 0
        values: Array = ((self.first * self.second) @ weights)[there] / scale[there]
        return values


def correlations(races: Sequence[Race], drawn: Bootstrapped) -> dict[str, dict[str, Rank]]:
    """Outcome to metric to their correlation over the arms of all races that have both."""
    entries = [entry for race in races for entry in race.entries]
    outcomes = list(dict.fromkeys(name for entry in entries for name in entry.outcomes))
    metrics = sorted({name for entry in entries for name in entry.means})
    pairs = {outcome: {metric: correlate(races, metric, outcome, drawn) for metric in metrics} for outcome in outcomes}
    return {outcome: {m: rank for m, rank in own.items() if rank} for outcome, own in pairs.items()}


def correlate(races: Sequence[Race], metric: str, outcome: str, drawn: Bootstrapped) -> Rank | None:
    """One correlation; None where no race has three arms with both."""
    ranked = _ranked(races, metric, outcome)
    if not ranked.places:
        return None
    count = len({race for race, _ in ranked.places})
    draws = ranked.drawn(drawn) if count >= FEWEST else np.zeros(0)
    blind = not len(draws) or np.ptp(draws) == 0
    low, high = (-1.0, 1.0) if blind else map(float, np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    left = [_ranked(races, metric, outcome, leave) for leave in sorted({e.refiner for r in races for e in r.entries})]
    values = [each.value for each in left if each.places]
    return Rank(ranked.value, low, high, len(ranked.places), count, (min(values), max(values)) if values else None)


def _ranked(races: Sequence[Race], metric: str, outcome: str, leave: str | None = None) -> _Ranked:
    first, second, places = [], [], []
    for race in races:
        there = [each for each in race.entries if each.refiner != leave and _has(each, metric, outcome)]
        if len(there) >= SMALLEST:
            sides = ([each.means[metric] for each in there], [each.outcomes[outcome] for each in there])
            # What differs in its last bit only is equal.
            a, b = (midranks(np.round(side, DIGITS)) - (len(there) + 1) / 2 for side in sides)
            first.append(a)
            second.append(b)
            places += [(race.name, each.name) for each in there]
    joined = [np.concatenate(side) if side else np.zeros(0) for side in (first, second)]
    return _Ranked(joined[0], joined[1], places)


def _has(entry: Entry, metric: str, outcome: str) -> bool:
    return metric in entry.means and outcome in entry.outcomes
