"""The paradox index: of the pairs of arms that quality and utility both tell apart, the share they order oppositely.

The paradox is that of Qian et al. (ICML 2026, arXiv 2606.16152). Two shares are kept apart: PI among the resolved
pairs, with the bounds that follow for all pairs, and the plain share of discordant pairs, resolved or not, with its
interval.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qup import seeds
from qup.stats.bootstrap import Bootstrap
from qup.stats.crossed import Crossed
from qup.stats.estimates import Estimate
from qup.stats.family import Judged, judge
from qup.stats.means import mean
from qup.stats.spread import Array

Pair = tuple[str, str]
"Two arms, the first minus the second."
Gaps = Mapping[Pair, tuple[Estimate, Estimate]]
"Difference of quality Q and of utility U."
Case = tuple[Mapping[str, Array], Mapping[str, Crossed]]
"Arm to its (P,) rewards of training problems, and to its utility."


@dataclass(frozen=True)
class Index:
    """PI by one reward."""

    pairs: int
    resolved: tuple[Pair, ...]
    "Of which Q and U both are."
    disagreeing: tuple[Pair, ...]
    "Resolved ones whose Q and U have opposite signs."

    @property
    def unresolved(self) -> int:
        """Pairs of which Q or U is not resolved."""
        return self.pairs - len(self.resolved)

    @property
    def value(self) -> float | None:
        """PI = disagreeing / resolved; None if no pair is resolved."""
        return len(self.disagreeing) / len(self.resolved) if self.resolved else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Least and greatest share of all pairs that disagree, as the unresolved ones may turn out.

        Holm keeps the chance of any false sign among the resolved at 1 - level or less (Shaffer 1980), so with that
        confidence the share lies between them, however the unresolved ones turn out.
        """
        if not self.pairs:
            return None
        least = len(self.disagreeing)
        return least / self.pairs, (least + self.unresolved) / self.pairs


def gaps(
    quality: Mapping[str, Array], utility: Mapping[str, Crossed], level: float
) -> dict[Pair, tuple[Estimate, Estimate]]:
    """For each pair of arms that have both, its differences of (P,) rewards of training problems and of utility."""
    sides = {
        (a, b): (mean(quality[a] - quality[b], level), utility[a].minus(utility[b]).estimate(level))
        for a, b in _pairs(quality, utility)
    }
    return {pair: (q, u) for pair, (q, u) in sides.items() if q and u}


def paradox_index(differences: Gaps, level: float) -> Index:
    """Count pairs; Q and U of all of them are one family of Holm's, so a false sign in any is as rare as its level."""
    judged = judge([side for pair in differences.values() for side in pair], level)
    both = dict(zip(differences, zip(judged[::2], judged[1::2], strict=True), strict=True))
    resolved = tuple(pair for pair, (q, u) in both.items() if q.resolved and u.resolved)
    return Index(len(both), resolved, tuple(pair for pair in resolved if _opposite(*both[pair])))


def _opposite(first: Judged, second: Judged) -> bool:
    return first.estimate.value * second.estimate.value < 0


def _pairs(quality: Mapping[str, Array], utility: Mapping[str, Crossed]) -> list[Pair]:
    return list(itertools.combinations([arm for arm in quality if arm in utility], 2))


def discordance(cases: Sequence[Case], boot: Bootstrap, populations: tuple[str, str]) -> list[Estimate | None]:
    """Share of pairs of arms that quality and utility order oppositely, resolved or not: (1 - tau) / 2 without ties.

    The percentile interval is of that share for these arms, over new training problems, new held-out problems and new
    replicates: a bootstrap draws the three apart, each replicate shared by all arms that have it (Owen 2007,
    arXiv 0712.1111). A draw of arms that are near ties is a coin's toss, so it leans towards one half; for what is
    established see `Index.bounds`. `populations` name the training and the held-out problems. n counts pairs.

    All cases at once, for what they share is then drawn once. None for a case without a pair.
    """
    sides = [_sides(*case) for case in cases]
    there = [each for each in sides if each]
    drawn_q = iter(_drawn([each.quality for each in there], boot, populations[0]))
    drawn_u = iter(_drawn([each.utility for each in there], boot, populations[1]))
    return [_share(each, next(drawn_q), next(drawn_u), boot) if each else None for each in sides]


@dataclass(frozen=True, eq=False)
class _Sides:
    """Differences of the pairs of one case: (pairs, P) of quality and of utility."""

    quality: Array
    utility: Array
    held: Sequence[Crossed]


def _sides(quality: Mapping[str, Array], utility: Mapping[str, Crossed]) -> _Sides | None:
    """None without a pair, or where a pair has no problem in common."""
    there = _pairs(quality, utility)
    held = [utility[a].minus(utility[b]) for a, b in there]
    found = _Sides(
        np.array([quality[a] - quality[b] for a, b in there]), np.array([gap.by_problem() for gap in held]), held
    )
    common = there and all(np.isfinite(side).any(axis=1).all() for side in (found.quality, found.utility))
    return found if common else None


def _share(sides: _Sides, drawn_q: Array, drawn_u: Array, boot: Bootstrap) -> Estimate:
    """The share of one case, of draws (draws, pairs) of its differences."""
    drawn = _opposed(drawn_q, drawn_u + _between(sides.held, boot))
    value = float(_opposed(np.nanmean(sides.quality, axis=1), np.nanmean(sides.utility, axis=1)))
    tail = (1 - boot.level) / 2
    low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
    counts = [gap.replicates for gap in sides.held if gap.replicates is not None]
    return Estimate(value, low, high, len(sides.held), float(drawn.std(ddof=1)), min(counts, default=None))


def _opposed(first: Array, second: Array) -> Array:
    """Of the last axis, the share with opposite signs."""
    out: Array = (first * second < 0).mean(axis=-1)
    return out


def _drawn(cases: Sequence[Array], boot: Bootstrap, population: str) -> list[Array]:
    """Means over drawn problems of each case's (pairs, P) differences, (draws, pairs); the plain mean of none drawn."""
    if not cases:
        return []
    gaps = np.concatenate(cases)
    there = np.isfinite(gaps).astype(np.float64)
    sums = boot.sums(np.concatenate([np.nan_to_num(gaps), there]).T, population)
    above, below = sums[:, : len(gaps)], sums[:, len(gaps) :]
    means = np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nanmean(gaps, axis=1))
    return np.split(means, np.cumsum([len(case) for case in cases])[:-1], axis=1)


def _between(held: Sequence[Crossed], boot: Bootstrap) -> Array:
    """What drawing replicates adds to each difference, (draws, pairs), each key drawn once for all of them.

    Scaled by sqrt(R / (R - 1)), without which R replicates would show only (R - 1) / R of their variance.
    """
    added = np.zeros((boot.resamples, len(held)))
    weights: dict[object, Array] = {}
    for column, gap in enumerate(held):
        shared = np.isfinite(gap.by_problem())
        for key, values in gap.groups.items():
            count = len(values)
            if count > 1:
                if key not in weights:
                    rng = np.random.default_rng(seeds.derive(boot.seed, "replicates", str(key), count))
                    weights[key] = rng.multinomial(count, [1 / count] * count, size=boot.resamples) / count - 1 / count
                part = weights[key] @ values[:, shared].mean(axis=1)
                added[:, column] += math.sqrt(count / (count - 1)) * part
    return added
