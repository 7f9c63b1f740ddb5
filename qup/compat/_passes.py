"""Forward passes that metrics ask for beside that of the trace after its prompt, each made once for all that asked."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from qup import seeds
from qup.compat import _steps
from qup.learner import Learner
from qup.records import Problem, TokenStats, Trace, Verdict

Pair = tuple[list[int], list[int]]
"Prompt and completion, as token ids."
Name = TypeVar("Name", bound=str)
Score = Callable[[Sequence[Pair]], list[TokenStats]]
"What scores pairs: the learner, or what remembers what it said."


SHOWN = "{question}\n\nHere is an example of how a problem is solved:\n\n{example}\n\nSolve the problem in this way."
"A question with an example, in which SPPL (2502.11779) has its own words."


@dataclass(frozen=True)
class Posed:
    """A trace of a stream, as the learner is given it; or what is left of one that there is none of."""

    problem: Problem
    draft: Trace | None
    "The learner's sample that the refiner started from."
    text: str | None

    @property
    def native(self) -> str | None:
        """The draft's text if it is correct."""
        return self.draft.text if self.draft and self.draft.verdict is Verdict.CORRECT else None


def drawn(problem: Problem, share: float) -> bool:
    """Whether a problem is among the `share` of them that costly passes are made for: the same ones in every arm."""
    return seeds.derive(0, "share", problem.id) < share * 2**63


def natives(learner: Learner, posed: Sequence[Posed], score: Score) -> dict[tuple[str, str], TokenStats]:
    """(Question, native trace) to its statistics, of all problems of a stream: the same call in every arm."""
    asked = dict.fromkeys((each.problem.question, each.native) for each in posed if each.native is not None)
    pairs = [(question, native) for question, native in asked if native is not None]
    return dict(zip(pairs, score([learner.encode(*pair) for pair in pairs]), strict=True)) if pairs else {}


def examples(every: Sequence[Posed]) -> dict[str, str]:
    """Problem to the native trace of the next one that has any, round the end; none where no other problem has.

    `every` has all drafts of a stream, those too that no trace came of: so the example is the same in every arm.
    """
    first: dict[str, str | None] = {}
    for each in every:
        first[each.problem.id] = first.get(each.problem.id) or each.native
    following: tuple[str, str] | None = None
    shown = {}
    # Backwards, twice round: the second time the first problem's is known to the last one.
    for problem, native in reversed([*first.items()] * 2):
        if following and following[0] != problem:
            shown[problem] = following[1]
        following = (problem, native) if native is not None else following
    return shown


def make(  # noqa: PLR0917 - traces, and what they are scored by and beside
    learner: Learner,
    wanted: Mapping[Name, float],
    posed: Sequence[Posed],
    pairs: Sequence[Pair],
    score: Score,
    examples: Mapping[str, str],
) -> list[dict[Name, TokenStats]]:
    """The wanted passes of each trace, `qup.compat.Pass`es but that of the native one; `pairs` are the traces' own.

    `examples` has for a problem the trace that is shown with it. One call of `score` for all of them, since each is of
    a few traces only.
    """
    parts = [
        (row, name, pair)
        for name in sorted(wanted)
        for row, each in enumerate(posed)
        if drawn(each.problem, wanted[name])
        for pair in _pairs(name, learner, each, pairs[row], examples.get(each.problem.id))
    ]
    stats: list[dict[Name, TokenStats]] = [{} for _ in posed]
    for (row, name, _), one in zip(parts, score([pair for _, _, pair in parts]) if parts else [], strict=True):
        stats[row][name] = _joined(stats[row][name], one) if name in stats[row] else one
    return stats


def _joined(first: TokenStats, second: TokenStats) -> TokenStats:
    """Two steps of one trace as one: of their tokens only the log-probabilities are asked for."""
    return TokenStats([*first.token_ids, *second.token_ids], [*first.logprob, *second.logprob])


def _pairs(name: str, learner: Learner, posed: Posed, own: Pair, example: str | None) -> list[Pair]:
    """What is scored of one trace in a pass; nothing where it does not have it."""
    question, text = posed.problem.question, posed.text or ""
    match name:
        case "alone":
            return [learner.encode("", text)]
        case "local":
            return _local(learner, own)
        case "reversed":
            return [learner.encode(text, question)]
        case "question":
            return [learner.encode("", question)]
        case "example":
            return [] if example is None else [learner.encode(SHOWN.format(question=question, example=example), text)]
    raise ValueError(f"no pass over each trace: {name!r}")


def _local(learner: Learner, own: Pair) -> list[Pair]:
    """The steps of a trace, in its own tokens, each after the one before it; the first has the question for it."""
    (prompt, ids), bare = own, learner.encode("", "")[0]
    bounds = [0, *_steps.starts(learner.pieces(ids))[1:], len(ids)]
    steps = [ids[start:end] for start, end in itertools.pairwise(bounds)]
    return list(zip([prompt, *([*bare, *step] for step in steps)], steps, strict=False))
