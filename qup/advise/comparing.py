"""Streams side by side: each one's means over problems, and the differences on the problems that two of them share."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qup.advise.scoring import Scores
from qup.stats import ZERO, Array, Bootstrap, Crossed, Estimate, holm, levels

RESAMPLES, LEVEL = 2000, 0.95


@dataclass(frozen=True)
class Gap:
    """The mean difference of a metric between two streams, first minus second, over the problems of both."""

    value: float
    low: float
    high: float
    "Ends of the interval that decides, after Holm's correction over the pairs of streams."
    n: int
    p: float
    "Two-sided, uncorrected: Student's t; the sign test's where the difference is the very same on every problem."
    p_holm: float
    resolved: bool

    @property
    def turned(self) -> "Gap":
        """Second minus first."""
        return dataclasses.replace(self, value=-self.value, low=-self.high, high=-self.low)


@dataclass(frozen=True)
class Pair:
    """Two streams on the problems that both have a scored trace of."""

    first: str
    second: str
    shared: int
    same: int
    "Of these, how many have the very same trace."
    gaps: Mapping[str, Gap]
    "Metric to its difference, judged together with the same metric of other pairs."

    def of(self, stream: str, metric: str) -> Gap | None:
        """The difference as seen from one of the two: above 0 where that one's value is higher."""
        gap = self.gaps.get(metric)
        return gap and (gap if stream == self.first else gap.turned)


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
        judged: list[dict[str, Gap]] = [{} for _ in couples]
        for metric in sorted({metric for own in gaps for metric in own}):
            rows = [i for i, own in enumerate(gaps) if metric in own]
            for i, each in zip(rows, _judged([gaps[i][metric] for i in rows]), strict=True):
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


def _judged(estimates: Sequence[Estimate]) -> list[Gap]:
    """Differences of one metric over all pairs, by Holm's correction."""
    p_values = [_p_value(each) for each in estimates]
    rows = zip(estimates, p_values, holm(p_values), levels(p_values, 1 - LEVEL), strict=True)
    return [Gap(each.value, *each.interval(1 - own), each.n, p, held, p <= own) for each, p, held, own in rows]


def _p_value(estimate: Estimate) -> float:
    """Of "no difference"; what is alike on all of n problems, as a line that every trace begins with, is no chance."""
    if estimate.varies or abs(estimate.value) < ZERO:
        return estimate.p_value()
    return min(1.0, 2 * 0.5**estimate.n)
