"""Drift and compatibility metrics, one per file: class `Metric`, a frozen dataclass with one method.

A metric reads per-token statistics of forward passes of the untrained learner. It runs none itself: it names the passes
it needs besides the common one, and each is made once for all metrics that asked.
"""

import dataclasses
import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from qup.learner import Learner
from qup.records import Compat, Problem, Refined, TokenStats, Trace, Verdict, traces_of


class Role(enum.StrEnum):
    """What a metric's numbers are for; the report asks this, never the spelling of a name."""

    DRIFT = "drift"
    "How foreign a trace is to the learner."
    NULL = "null"
    "Knows nothing of the learner: what a drift metric must beat."
    TRUTH = "truth"
    "Reads logic and style off a trace exactly: keys `parsed` (0 or 1), `logic` and `dose`, each after its name."


class Pass(enum.StrEnum):
    """A forward pass that a metric may ask for, beside that of the trace after its prompt."""

    NATIVE = "native"
    "The native trace of the same problem after its prompt."
    ALONE = "alone"
    "The trace after an empty question."


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


class Metric(Protocol):
    """What the compat stage needs of a metric."""

    role: ClassVar[Role]
    passes: ClassVar[tuple[Pass, ...]]
    "The passes it needs besides that of the trace itself."

    def values(self, seen: Seen) -> dict[str, float]:
        """Named values for one trace; the keys start with the plug's name."""
        ...


def measure(
    learner: Learner,
    metrics: Sequence[Metric],
    problems: Sequence[Problem],
    traces: Sequence[Trace],
    stream: Sequence[Refined],
) -> list[Compat]:
    """All metrics of each trace of a stream, by the untrained learner; `traces` are its samples, the drafts' source."""
    kept = [refined for refined in stream if refined.text is not None]
    asked, texts = traces_of(stream, problems)
    stats = learner.score([learner.encode(p.question, text) for p, text in zip(asked, texts, strict=True)])
    samples: dict[tuple[str, int | None], Trace] = {(trace.problem_id, trace.index): trace for trace in traces}
    drafts = [samples.get((refined.problem_id, refined.draft_index)) for refined in kept]
    natives = [draft.text if draft and draft.verdict is Verdict.CORRECT else None for draft in drafts]
    passes = _passes(learner, {need for metric in metrics for need in metric.passes}, asked, texts, natives)
    rows = [
        _measured(metrics, Seen(problem, draft and draft.text, text, own, native, others))
        for problem, draft, text, own, native, others in zip(asked, drafts, texts, stats, natives, passes, strict=True)
    ]
    return [dataclasses.replace(row, slot=refined.slot) for row, refined in zip(rows, kept, strict=True)]


def _measured(metrics: Sequence[Metric], seen: Seen) -> Compat:
    if not seen.stats.token_ids:
        # The prompt fills all of the learner's positions.
        return Compat(seen.problem.id, 0, 0.0, {})
    values: dict[str, float] = {}
    for metric in metrics:
        # Of what other metrics asked for it sees nothing, or it would work only while they are there.
        own = {name: stats for name, stats in seen.passes.items() if name in metric.passes}
        given = metric.values(dataclasses.replace(seen, passes=own))
        # What is not finite is no value.
        values |= {key: value for key, value in given.items() if math.isfinite(value)}
    return Compat(seen.problem.id, len(seen.stats.token_ids), -sum(seen.stats.logprob), values)


def _passes(
    learner: Learner,
    wanted: set[Pass],
    problems: Sequence[Problem],
    texts: Sequence[str],
    natives: Sequence[str | None],
) -> list[dict[Pass, TokenStats]]:
    """The wanted passes of each trace; one pass of the learner over all traces that have it."""
    poses: Mapping[Pass, Sequence[tuple[str, str | None]]] = {
        Pass.NATIVE: [(problem.question, native) for problem, native in zip(problems, natives, strict=True)],
        Pass.ALONE: [("", text) for text in texts],
    }
    stats_by_pass: list[dict[Pass, TokenStats]] = [{} for _ in problems]
    for name in sorted(wanted):
        there = [(row, question, text) for row, (question, text) in enumerate(poses[name]) if text is not None]
        stats = learner.score([learner.encode(question, text) for _, question, text in there])
        for (row, _, _), stat in zip(there, stats, strict=True):
            stats_by_pass[row][name] = stat
    return stats_by_pass
