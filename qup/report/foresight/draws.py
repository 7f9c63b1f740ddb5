"""The cluster bootstrap of foresight: races are drawn with replacement, and within each race its arms.

Pairs of a race share arms and races share nothing but the untrained learner and the held-out problems, so a race is
the unit: an interval over pairs as if each were an experiment of its own would be far too short.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from qup.seeds import derive
from qup.stats import Array

RESAMPLES, LEVEL = 2000, 0.95
FEWEST = 3
"Races from which the bootstrap can say anything of their spread."


@dataclass(frozen=True)
class Rate:
    """How often something holds, over pairs of arms; a tie counts half."""

    value: float
    low: float
    high: float
    "Ends of the 95% interval."
    pairs: int
    races: int
    "In which these pairs are."


class Paired(Protocol):
    """Where a pair stands."""

    @property
    def race(self) -> str:
        """The race that it is of."""
        ...

    @property
    def arms(self) -> tuple[str, str]:
        """Its two arms."""
        ...


@dataclass(frozen=True, eq=False)
class Bootstrapped:
    """Draws over some races, given as race to its arms; they depend on these names only."""

    arms: Mapping[str, Sequence[str]]
    seed: int = 0

    @cached_property
    def _races(self) -> dict[str, Array]:
        """How often each race is drawn, (resamples,)."""
        names = sorted(self.arms)
        rng = np.random.default_rng(derive(self.seed, "foresight", "races", *names))
        drawn = rng.multinomial(len(names), [1 / len(names)] * len(names), size=RESAMPLES).astype(np.float64)
        return dict(zip(names, drawn.T, strict=True))

    @cached_property
    def _arms(self) -> dict[tuple[str, str], Array]:
        """How often each arm of a race is drawn, (resamples,), the race's own draw included."""
        drawn: dict[tuple[str, str], Array] = {}
        for race, arms in self.arms.items():
            rng = np.random.default_rng(derive(self.seed, "foresight", "arms", race, *arms))
            counts = rng.multinomial(len(arms), [1 / len(arms)] * len(arms), size=RESAMPLES)
            drawn |= {(race, arm): column for arm, column in zip(arms, counts.T.astype(np.float64), strict=True)}
        return drawn

    def of_pairs(self, pairs: Sequence[Paired]) -> Array:
        """How often each pair is drawn, (pairs, resamples): its race, times either of its arms."""
        return np.array(
            [self._races[p.race] * self._arms[p.race, p.arms[0]] * self._arms[p.race, p.arms[1]] for p in pairs]
        )

    def of_arms(self, places: Sequence[tuple[str, str]]) -> Array:
        """How often each (race, arm) is drawn, (places, resamples)."""
        return np.array([self._races[race] * self._arms[race, arm] for race, arm in places])

    def rate(self, pairs: Sequence[Paired], hits: Sequence[float]) -> Rate | None:
        """The mean of hits (1, 0, a tie 0.5) over pairs; None without a pair.

        Of fewer than three races, or where all hits are equal, the bootstrap would see no spread: there the interval
        is Clopper and Pearson's, with a race as one trial.
        """
        if not pairs:
            return None
        given, races = np.array(hits), len({pair.race for pair in pairs})
        value = float(given.mean())
        if races < FEWEST or np.ptp(given) == 0:
            return Rate(value, *clopper_pearson(value * races, races), len(pairs), races)
        low, high = self._interval(pairs, given, (1 - LEVEL) / 2)
        return Rate(value, low, high, len(pairs), races)

    def difference(
        self, pairs: Sequence[Paired], hits: Sequence[float], others: Sequence[float], tail: float = (1 - LEVEL) / 2
    ) -> Rate | None:
        """The mean of hits minus others, two ways to pick that saw the same pairs; None without a pair.

        `tail` is what lies beyond either end of its interval. Where the bootstrap would see no spread, the interval is
        Clopper and Pearson's of the share (1 + difference) / 2, with a race as one trial.
        """
        if not pairs:
            return None
        gaps, races = np.array(hits) - np.array(others), len({pair.race for pair in pairs})
        value = float(gaps.mean())
        if races < FEWEST or np.ptp(gaps) == 0:
            low, high = (2 * end - 1 for end in clopper_pearson((1 + value) / 2 * races, races, tail))
        else:
            low, high = self._interval(pairs, gaps, tail)
        return Rate(value, low, high, len(pairs), races)

    def _interval(self, pairs: Sequence[Paired], values: Array, tail: float) -> tuple[float, float]:
        weights = self.of_pairs(pairs)
        totals = weights.sum(axis=0)
        means = (values @ weights)[totals > 0] / totals[totals > 0]
        low, high = np.quantile(means, [tail, 1 - tail])
        return float(low), float(high)


def clopper_pearson(hits: float, trials: int, tail: float = (1 - LEVEL) / 2) -> tuple[float, float]:
    """The exact interval of a share (Clopper & Pearson 1934) by the beta distribution, so that hits may be halves."""
    from scipy.stats import beta

    low = float(beta.ppf(tail, hits, trials - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, trials - hits)) if hits < trials else 1.0
    return low, high
