"""One forward pass of the learner over the traces of all streams, and every metric that it gives."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qup import compat, graders, settings
from qup.advise.learners import Opened
from qup.advise.streams import Candidate, Stream, final
from qup.compat import Metric, Pass, Role, Seen, SetMetric
from qup.errors import SettingsError
from qup.learner import Learner
from qup.records import Problem, TokenStats, Verdict
from qup.report.foresight.races import NLL
from qup.seeds import derive

CORRECT = "correct"
"1 of a trace whose final answer is the gold one, 0 of another; none where there is no gold, or no answer that is read."


@dataclass(frozen=True)
class Scored:
    """A trace that was scored."""

    candidate: Candidate
    stats: TokenStats
    values: Mapping[str, float]
    "Metric to its value."
    verdict: Verdict | None
    "None where no gold answer is known."


@dataclass(frozen=True)
class Scores:
    """What was scored of a stream."""

    stream: Stream
    traces: list[Scored]
    not_drawn: int
    "Traces beyond the limit."
    too_long: int
    "Traces that with their prompt are longer than the learner, or `--max-length`, allows."


def drawn(streams: Sequence[Stream], limit: int, seed: int) -> list[list[Candidate]]:
    """At most `limit` traces in all (0: all), problem by problem: first those that most streams have.

    Within these the order is drawn by `seed`; it does not depend on the order of files or rows.
    """
    problems = sorted({problem for stream in streams for problem in stream.problems})
    random.Random(derive(seed, "advise")).shuffle(problems)
    problems.sort(key=lambda problem: -sum(problem in stream.problems for stream in streams))
    kept: set[str] = set()
    count = 0
    for problem in problems:
        count += sum(len(stream.problems.get(problem, [])) for stream in streams)
        if limit and count > limit and kept:
            break
        kept.add(problem)
    return [[trace for trace in stream.traces if trace.problem in kept] for stream in streams]


def score(streams: Sequence[Stream], opened: Opened, golds: Mapping[str, str], limit: int, seed: int) -> list[Scores]:
    """Every drawn trace of every stream with all its metrics; the first stream is the one that others are held against.

    Raises:
        SettingsError: no trace is short enough.
    """
    chosen = drawn(streams, limit, seed)
    learner = opened.learner
    room = learner.scorer.room
    encoded = {(i, t.row): learner.encode(t.question, t.text) for i, own in enumerate(chosen) for t in own}
    fitting = {key: pair for key, pair in encoded.items() if len(pair[0]) + len(pair[1]) <= room}
    if not fitting:
        shortest = min(len(prompt) + len(completion) for prompt, completion in encoded.values())
        raise SettingsError(
            f"every trace is longer than the learner takes: the shortest has {shortest} tokens with its prompt, and "
            f"{room} fit (its positions, or --max-length)"
        )
    stats = dict(zip(fitting, learner.score(list(fitting.values())), strict=True))
    kept = [[trace for trace in own if (i, trace.row) in stats] for i, own in enumerate(chosen)]
    verdicts = _graded(kept, golds)
    counterparts = _first_of_each(kept[0], [stats[0, trace.row] for trace in kept[0]])
    scores = []
    for i, (stream, own) in enumerate(zip(streams, kept, strict=True)):
        seen = [_seen(learner, t, stats[i, t.row], counterparts.get(t.problem) if i else None) for t in own]
        values = compat.values_of(list(computed().values()), seen)
        rows = [_scored(*row) for row in zip(own, seen, values, verdicts[i], strict=True)]
        scores.append(Scores(stream, rows, len(stream.traces) - len(chosen[i]), len(chosen[i]) - len(own)))
    return scores


def computed() -> dict[str, Metric | SetMetric]:
    """The metrics that a trace, one pass over it and one over its counterpart give, by name."""
    plugs = {name: settings.load("compat", name) for name in settings.names("compat")}
    return {name: plug() for name, plug in plugs.items() if _fits(plug)}


def left_out() -> list[str]:
    """The metrics that need a pass of their own, which are not computed."""
    plugs = {name: settings.load("compat", name) for name in settings.names("compat")}
    return [name for name, plug in plugs.items() if plug.role != Role.TRUTH and not _fits(plug)]


def _fits(plug: type[Any]) -> bool:
    return plug.role != Role.TRUTH and set(plug.passes) <= {Pass.NATIVE}


def _first_of_each(traces: Sequence[Candidate], stats: Sequence[TokenStats]) -> dict[str, tuple[str, TokenStats]]:
    """Problem to the text and the statistics of its first trace."""
    there: dict[str, tuple[str, TokenStats]] = {}
    for trace, own in zip(traces, stats, strict=True):
        there.setdefault(trace.problem, (trace.text, own))
    return there


def _seen(learner: Learner, trace: Candidate, stats: TokenStats, counterpart: tuple[str, TokenStats] | None) -> Seen:
    """A trace as metrics see it; its counterpart, the reference's trace of the problem, stands for the native one."""
    text, own = counterpart or (None, None)
    return Seen(
        problem=Problem(trace.problem, trace.question, "", "advise"),
        draft=text,
        text=trace.text,
        stats=stats,
        native=text,
        passes={} if own is None else {Pass.NATIVE: own},
        pieces=learner.pieces(stats.token_ids),
        native_pieces=() if own is None else learner.pieces(own.token_ids),
    )


def _scored(trace: Candidate, seen: Seen, values: Mapping[str, float], verdict: Verdict | None) -> Scored:
    told = {NLL: -sum(seen.stats.logprob)} | {key: float(value) for key, value in values.items()}
    if verdict in (Verdict.CORRECT, Verdict.WRONG):
        told[CORRECT] = float(verdict is Verdict.CORRECT)
    return Scored(trace, seen.stats, told, verdict)


def _graded(kept: Sequence[Sequence[Candidate]], golds: Mapping[str, str]) -> list[list[Verdict | None]]:
    """The verdict on each trace's final answer, boxed or after `####`; None without a gold answer."""
    rows = [trace for own in kept for trace in own if trace.problem in golds]
    problems = [Problem(trace.problem, trace.question, golds[trace.problem], "advise") for trace in rows]
    answers = [final(trace.text) for trace in rows]
    texts = ["" if answer is None else f"\\boxed{{{answer}}}" for answer in answers]
    verdicts = graders.verdicts(problems, texts, [False] * len(rows)) if rows else []
    told = {(id(trace)): verdict for trace, verdict in zip(rows, verdicts, strict=True)}
    return [[told.get(id(trace)) for trace in own] for own in kept]
