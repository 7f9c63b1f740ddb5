"""Drift and compatibility metrics, one per file: class `Metric`, a frozen dataclass with one method.

A metric reads per-token statistics of forward passes of the untrained learner. It runs none itself: it names the passes
it needs besides the common one, and each is made once for all metrics that asked. One whose passes cost much has a
setting `share`, the problems that they are made for; it has no value of the others. docs/metrics.md has the formulas.
"""

import dataclasses
import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from qup.compat import _passes
from qup.compat._passes import Pair, Posed, Score
from qup.learner import Learner
from qup.records import Compat, Problem, Refined, TokenStats, Trace


class Role(enum.StrEnum):
    """What a metric's numbers are for; the report asks this, never the spelling of a name."""

    DRIFT = "drift"
    "How foreign a trace is to the learner."
    NULL = "null"
    "Knows nothing of the learner: what a drift metric must beat."
    TRUTH = "truth"
    "Reads logic and style off a trace exactly: keys `parsed` (0 or 1), `logic` and `dose`, each after its name."


class Pass(enum.StrEnum):
    """A forward pass that a metric may ask for."""

    NATIVE = "native"
    "The native trace of the same problem after its prompt."
    ALONE = "alone"
    "The trace after an empty question."
    LOCAL = "local"
    "Each step (line) of the trace after the step before it, under an empty question; the first after the question."
    REVERSED = "reversed"
    "The question, as if it were the answer to the trace."
    QUESTION = "question"
    "The question, as if it were the answer to an empty one."
    EXAMPLE = "example"
    "The trace after its question, with which the learner's own correct trace of another problem is shown."


@dataclass(frozen=True)
class Seen:
    """What a metric sees of one trace."""

    problem: Problem
    draft: str | None
    "The learner's own trace that the refiner started from, right or wrong."
    text: str
    "The trace."
    stats: TokenStats
    "Of the trace after its prompt."
    native: str | None
    "The learner's own correct trace of the problem, which RFT trains on; None where it has none."
    passes: Mapping[Pass, TokenStats]
    "Of the passes that the metric asked for; one that this problem does not have is not there."
    pieces: Sequence[str] = ()
    "The text of each of the trace's tokens; empty for end-of-sequence."
    native_pieces: Sequence[str] = ()
    "The same of the native trace, where the metric asked for its pass."
    gradient: Sequence[float] | None = None
    "Of the trace's mean NLL, projected to the `dimension` that the metric asked for."


class Metric(Protocol):
    """What the compat stage needs of a metric."""

    role: ClassVar[Role]
    passes: ClassVar[tuple[Pass, ...]]
    "The passes it needs besides that of the trace itself."

    def values(self, seen: Seen) -> dict[str, float]:
        """Named values for one trace; the keys start with the plug's name."""
        ...


class SetMetric(Protocol):
    """A metric that can tell of a trace only with the others of its stream beside it."""

    role: ClassVar[Role]
    passes: ClassVar[tuple[Pass, ...]]

    def over(self, stream: Sequence[Seen]) -> list[dict[str, float]]:
        """Named values for each trace, in order; what a stream has as a whole is their mean."""
        ...


def shares(metrics: Iterable[Metric | SetMetric]) -> dict[Pass, float]:
    """Each pass that any metric asks for, to the share of problems that it is made for: the largest asked."""
    asked: dict[Pass, float] = {}
    for metric in metrics:
        for name in metric.passes:
            asked[name] = max(asked.get(name, 0.0), getattr(metric, "share", 1.0))
    return {name: share for name, share in asked.items() if share > 0}


def measure(  # noqa: PLR0917 - a stream and what it was made from
    learner: Learner,
    metrics: Sequence[Metric | SetMetric],
    problems: Sequence[Problem],
    traces: Sequence[Trace],
    stream: Sequence[Refined],
    score: Score | None = None,
) -> list[Compat]:
    """All metrics of each trace of a stream, by the untrained learner; `traces` are its samples, the drafts' source.

    `score` is what scores in the learner's place, such as one that remembers what it has scored before.
    """
    score, wanted = score or learner.score, shares(metrics)
    by_id = {problem.id: problem for problem in problems}
    samples: dict[tuple[str, int | None], Trace] = {(trace.problem_id, trace.index): trace for trace in traces}
    every = [Posed(by_id[r.problem_id], samples.get((r.problem_id, r.draft_index)), r.text) for r in stream]
    posed = [each for each in every if each.text is not None]
    pairs = [learner.encode(each.problem.question, each.text or "") for each in posed]
    natives = _passes.natives(learner, every, score) if Pass.NATIVE in wanted else {}
    others: dict[Pass, float] = {name: share for name, share in wanted.items() if name is not Pass.NATIVE}
    passes = _passes.make(learner, others, posed, pairs, score, _passes.examples(every))
    rows = zip(posed, _stats(posed, pairs, natives, score), passes, strict=True)
    seen = [_seen(learner, each, stats, made, natives) for each, stats, made in rows]
    for dimension in {getattr(metric, "dimension", 0) for metric in metrics} - {0}:
        # One metric has such a setting.
        gradients = learner.gradients(pairs, dimension)
        seen = [dataclasses.replace(each, gradient=own) for each, own in zip(seen, gradients, strict=True)]
    slots = [refined.slot for refined in stream if refined.text is not None]
    return [dataclasses.replace(row, slot=slot) for row, slot in zip(_measured(metrics, seen), slots, strict=True)]


def _stats(
    posed: Sequence[Posed], pairs: Sequence[Pair], natives: Mapping[tuple[str, str], TokenStats], score: Score
) -> list[TokenStats]:
    """Of each trace after its prompt; a trace that is the native one has been scored, and is the same in every arm."""
    known = [natives.get((each.problem.question, each.text or "")) for each in posed]
    rest = [pair for pair, own in zip(pairs, known, strict=True) if own is None]
    said = iter(score(rest) if rest else ())
    return [next(said) if own is None else own for own in known]


def _seen(
    learner: Learner,
    posed: Posed,
    stats: TokenStats,
    passes: Mapping[Pass, TokenStats],
    natives: Mapping[tuple[str, str], TokenStats],
) -> Seen:
    """A trace with all that was found out about it."""
    native = natives.get((posed.problem.question, posed.native or ""))
    return Seen(
        problem=posed.problem,
        draft=posed.draft.text if posed.draft else None,
        text=posed.text or "",
        stats=stats,
        native=posed.native,
        passes={**passes, **({Pass.NATIVE: native} if native and posed.native is not None else {})},
        pieces=learner.pieces(stats.token_ids),
        native_pieces=learner.pieces(native.token_ids) if native else (),
    )


def _measured(metrics: Sequence[Metric | SetMetric], stream: Sequence[Seen]) -> list[Compat]:
    """The record of each trace; one whose prompt fills all of the learner's positions has no values."""
    found = iter(values_of(metrics, [seen for seen in stream if seen.stats.token_ids]))
    return [
        Compat(seen.problem.id, len(seen.stats.token_ids), -sum(seen.stats.logprob), next(found))
        if seen.stats.token_ids
        else Compat(seen.problem.id, 0, 0.0, {})
        for seen in stream
    ]


def values_of(metrics: Iterable[Metric | SetMetric], stream: Sequence[Seen]) -> list[dict[str, float]]:
    """The values of each trace of a stream by every metric, of whichever kind; what is not finite is no value."""
    values: list[dict[str, float]] = [{} for _ in stream]
    bare = [dataclasses.replace(seen, passes={}) for seen in stream]
    for metric in metrics:
        shown = [_limited(metric, seen) for seen in stream] if metric.passes else bare
        for own, given in zip(values, _values(metric, shown), strict=True):
            own |= {key: value for key, value in given.items() if math.isfinite(value)}
    return values


def _values(metric: Any, stream: Sequence[Seen]) -> list[dict[str, float]]:
    over = getattr(metric, "over", None)
    return [metric.values(seen) for seen in stream] if over is None else list(over(stream))


def _limited(metric: Metric | SetMetric, seen: Seen) -> Seen:
    """What a metric sees: of what others asked for nothing, or it would work only while they are there."""
    mine = metric.passes if _passes.drawn(seen.problem, getattr(metric, "share", 1.0)) else ()
    return dataclasses.replace(seen, passes={name: stats for name, stats in seen.passes.items() if name in mine})
