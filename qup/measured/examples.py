"""Examples: the traces of a few problems, token by token, for people to read; no number of the report is made of them.

The problems are drawn by their ids alone, before any arm is there, so that they are the same ones in every arm and none
is picked for what became of it. A long trace is kept up to a length, for Git keeps the file.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from qup import records
from qup.records import OMITTED, Compat, Count, Magnitude, Outcome, Problem, Refined, Score, Trace, Verdict
from qup.seeds import derive

MOST = 60
"Problems drawn."
LONGEST = 4000
"Characters kept of a trace, up to the end of a token, and of a question."


@dataclass(frozen=True)
class Question:
    """A problem that was drawn."""

    problem: str
    "Its id."
    question: str
    answer: str
    "Gold."


@dataclass(frozen=True)
class Example:
    """What an arm has of a problem: its first trace, or why there is none."""

    problem: str
    "Its id."
    outcome: Outcome
    verdict: Verdict | None
    attempts: Count
    "Oracle calls, all attempts, as its tokens are."
    oracle_tokens: Count
    text: str | None
    "The trace as far as it is kept; None where there is none."
    tokens: Count
    "Of the whole trace, end-of-sequence included."
    nll: Magnitude
    "Of the whole trace, nats."
    surprisal: str
    "Of each token that is kept, packed (`qup.records.unpack_nats`)."
    lengths: str
    "Characters of each token that is kept, packed (`qup.records.unpack_lengths`)."
    rewards: dict[str, float | None]
    "Reward to its value; None where it failed."
    draft: str | None = field(default=None, metadata=OMITTED)
    "The sample that the refiner started from, as far as it is kept; None where the trace is that very text."
    wrong_draft: bool = field(default=False, metadata=OMITTED)
    "Whether that sample's final answer is another than the gold one."
    origin: str | None = field(default=None, metadata=OMITTED)
    "Whose trace it is, if not clear by the arm."

    def __post_init__(self) -> None:
        told = records.unpack_lengths(self.lengths)
        if len(records.unpack_nats(self.surprisal)) != len(told) or (told and sum(told) != len(self.text or "")):
            raise ValueError("surprisal, lengths and text are not of the same tokens")

    @property
    def cut(self) -> bool:
        """Whether the trace goes on beyond what is kept."""
        return bool(self.lengths) and len(records.unpack_lengths(self.lengths)) < self.tokens


def drawn(covered: Iterable[str]) -> list[str]:
    """The ids of the problems to show, of those that the streams cover, in the order in which they were drawn."""
    return sorted(set(covered), key=lambda problem: (derive(0, "examples", problem), problem))[:MOST]


def questions(problems: Sequence[Problem], covered: Iterable[str]) -> list[Question]:
    """The problems that are drawn of those covered."""
    by_id = {problem.id: problem for problem in problems}
    chosen = (by_id[problem] for problem in drawn(covered))
    return [Question(problem.id, _start(problem.question), _start(problem.answer)) for problem in chosen]


def of_arm(
    stream: Sequence[Refined], scores: Sequence[Score], compat: Sequence[Compat], traces: Sequence[Trace]
) -> list[Example]:
    """An arm's examples, in the order in which the problems were drawn; `traces` are the learner's samples."""
    first = {own.problem_id: own for own in reversed(stream)}
    rows = {(row.problem_id, row.slot): row for row in compat}
    samples = {(trace.problem_id, trace.index): trace for trace in traces}
    rewards: dict[tuple[str, int], dict[str, float | None]] = {}
    for score in scores:
        rewards.setdefault((score.problem_id, score.slot), {})[score.reward] = score.value
    shown = [first[problem] for problem in drawn(first)]
    return [
        _example(
            own,
            rows.get((own.problem_id, own.slot), Compat(own.problem_id, 0, 0.0, {})),
            rewards.get((own.problem_id, own.slot), {}),
            None if own.draft_index is None else samples.get((own.problem_id, own.draft_index)),
        )
        for own in shown
    ]


def _example(own: Refined, row: Compat, rewards: dict[str, float | None], draft: Trace | None) -> Example:
    text, surprisal, lengths = _kept(own.text, row)
    other = draft is not None and draft.text != own.text
    return Example(
        problem=own.problem_id,
        outcome=own.outcome,
        verdict=own.verdict,
        attempts=own.attempts,
        oracle_tokens=own.oracle_tokens,
        text=text,
        tokens=row.tokens,
        nll=row.nll,
        surprisal=surprisal,
        lengths=lengths,
        rewards=rewards,
        draft=_start(draft.text) if draft and other else None,
        wrong_draft=draft is not None and draft.verdict is not Verdict.CORRECT,
        origin=own.origin,
    )


def _kept(text: str | None, row: Compat) -> tuple[str | None, str, str]:
    """A trace up to `LONGEST` characters, with the surprisal and the lengths of the tokens that are whole in it."""
    if text is None or not row.lengths:
        return None if text is None else _start(text), "", ""
    lengths = records.unpack_lengths(row.lengths)
    if len(text) <= LONGEST:
        return _start(text), row.surprisal, row.lengths
    whole = sum(end <= LONGEST for end in itertools.accumulate(lengths))
    nats = records.unpack_nats(row.surprisal)[:whole]
    return _start(text)[: sum(lengths[:whole])], records.pack_nats(nats), records.pack_lengths(lengths[:whole])


def _start(text: str) -> str:
    """A text as far as it is kept; half of a pair of surrogates, which no file of text can hold, as a question mark."""
    return text[:LONGEST].encode("utf-8", "replace").decode("utf-8")
