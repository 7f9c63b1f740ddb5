"""Streams side by side: each one's means over problems, and the differences on the problems that two of them share."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qup.advise.scoring import Scores
from qup.stats import Array, Bootstrap, Crossed, Estimate, Judged, judge

RESAMPLES, LEVEL = 2000, 0.95


@dataclass(frozen=True)
class Pair:
    """Two streams on the problems that both have a scored trace of."""

    first: str
    second: str
    shared: int
    same: int
    "Of these, how many have the very same trace."
    gaps: Mapping[str, Judged]
    "Metric to its mean of the first minus that of the second; judged together with the same metric of other pairs."

    def of(self, stream: str, metric: str) -> Judged | None:
        """The difference as seen from one of the two: its value above 0 where that one's is higher."""
        return self.gaps.get(metric) if stream == self.first else _turned(self.gaps.get(metric))


@dataclass(frozen=True, eq=False)
class Compared:
    """All streams, the reference first."""

    scores: Sequence[Scores]
    seed: int

    @property
    def names(self) -> list[str]:
        """The streams'."""
        return [each.stream.name for each in self.scores]

    @cached_property
    def problems(self) -> list[str]:
        """All that have a scored trace, sorted."""
        return sorted({trace.candidate.problem for each in self.scores for trace in each.traces})

    @cached_property
    def shared(self) -> int:
        """Problems that every stream has."""
        sets = [{trace.candidate.problem for trace in each.traces} for each in self.scores]
        return len(set.intersection(*sets))

    @cached_property
    def columns(self) -> dict[tuple[str, str], Array]:
        """(Stream, metric) to its values over the problems, the mean of a problem's traces; NaN where there is none."""
        place = {problem: i for i, problem in enumerate(self.problems)}
        columns = {}
        for each in self.scores:
            for metric in sorted({metric for trace in each.traces for metric in trace.values}):
                sums, counts = np.zeros(len(place)), np.zeros(len(place))
                for trace in each.traces:
                    if metric in trace.values:
                        sums[place[trace.candidate.problem]] += trace.values[metric]
                        counts[place[trace.candidate.problem]] += 1
                columns[each.stream.name, metric] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return columns

    @cached_property
    def means(self) -> dict[str, dict[str, Estimate]]:
        """Stream to metric to its mean over problems, with the bootstrap's interval over them."""
        boot = Bootstrap(self.seed, RESAMPLES, LEVEL)
        drawn = boot.means(np.array(list(self.columns.values())).T, "advise")
        means: dict[str, dict[str, Estimate]] = {name: {} for name in self.names}
        for (name, metric), draws in zip(self.columns, drawn, strict=True):
            if draws is not None:
                means[name][metric] = boot.estimate(draws)
        return means

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every two streams; t intervals, Holm's correction over the pairs of each metric."""
        couples = list(itertools.combinations(self.scores, 2))
        gaps = [self._gaps(a.stream.name, b.stream.name) for a, b in couples]
        judged: list[dict[str, Judged]] = [{} for _ in couples]
        for metric in sorted({metric for own in gaps for metric in own}):
            rows = [i for i, own in enumerate(gaps) if metric in own]
            for i, each in zip(rows, judge([gaps[i][metric] for i in rows], LEVEL), strict=True):
                judged[i][metric] = each
        return [
            Pair(a.stream.name, b.stream.name, *_sharing(a, b), own)
            for (a, b), own in zip(couples, judged, strict=True)
        ]

    def pair(self, first: str, second: str) -> Pair:
        """The pair of two streams, whichever is its first."""
        return next(each for each in self.pairs if {each.first, each.second} == {first, second})

    def _gaps(self, first: str, second: str) -> dict[str, Estimate]:
        there = {metric for name, metric in self.columns if name == first}
        both = sorted(metric for metric in there if (second, metric) in self.columns)
        gaps = {m: Crossed.fixed(self.columns[first, m] - self.columns[second, m]).estimate(LEVEL) for m in both}
        return {metric: gap for metric, gap in gaps.items() if gap is not None}


def _sharing(first: Scores, second: Scores) -> tuple[int, int]:
    """Shared problems, and those of which both have the very same trace."""
    a, b = ({t.candidate.problem: t.candidate.text for t in reversed(each.traces)} for each in (first, second))
    shared = a.keys() & b.keys()
    return len(shared), sum(a[problem] == b[problem] for problem in shared)


def _turned(judged: Judged | None) -> Judged | None:
    if judged is None:
        return None
    own = judged.estimate
    turned = Estimate(-own.value, -own.high, -own.low, own.n, own.se, own.replicates, own.df, own.spread)
    low, high = -judged.high, -judged.low
    return Judged(turned, judged.p, judged.holm, judged.family, judged.level, low, high, judged.resolved)
