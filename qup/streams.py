"""From samples to training streams: which draft of which problem, what a refiner makes of it, and what is kept.

All streams of a study cover the same problems, one trace each; what a refiner could not deliver is recorded as failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qup import seeds
from qup.answers import graded
from qup.oracles import Oracle, Reply
from qup.records import Problem, Refined, Trace, Verdict


@dataclass(frozen=True)
class Draft:
    """A problem of the shared set and the native trace that stands for it."""

    problem: Problem
    stratum: str
    "`solved` (the draft is correct) or `failed` (the learner has no correct sample; the draft is a wrong one)."
    index: int
    text: str


class Refiner(Protocol):
    """What makes a stream out of drafts: one file per refiner, a frozen dataclass with one method."""

    def propose(self, drafts: Sequence[Draft], oracle: Oracle, attempt: int) -> list[Reply | None]:
        """A trace for each draft, None where this refiner has none to give; it knows the Oracle's verbs only."""
        ...


def choose_drafts(problems: Sequence[Problem], traces: Sequence[Trace], scope: str, seed: int) -> list[Draft]:
    """One draft a problem: a random correct trace, or for a failed problem a random wrong one.

    `scope` is `solved`, `failed` or `all`. A failed problem all of whose samples are cut or without an answer has no
    draft and is left out.
    """
    by_problem: dict[str, list[Trace]] = {}
    for trace in traces:
        by_problem.setdefault(trace.problem_id, []).append(trace)
    drafts = []
    for problem in problems:
        own = by_problem.get(problem.id, [])
        solved = any(t.verdict is Verdict.CORRECT for t in own)
        wanted = Verdict.CORRECT if solved else Verdict.WRONG
        usable = [t for t in own if t.verdict is wanted]
        stratum = "solved" if solved else "failed"
        if usable and scope in (stratum, "all"):
            chosen = min(usable, key=lambda t: seeds.derive(seed, "draft", t.problem_id, t.index))
            drafts.append(Draft(problem, stratum, chosen.index, chosen.text))
    return drafts


def refine(refiner: Refiner, oracle: Oracle, drafts: Sequence[Draft], retries: int) -> list[Refined]:
    """The stream of `refiner`: every Oracle answer is graded, and one that breaks the final answer is tried again."""
    tries: list[list[Reply | None]] = [[] for _ in drafts]
    verdicts: list[Verdict | None] = [None] * len(drafts)
    open_rows = list(range(len(drafts)))
    for attempt in range(retries + 1):
        replies = refiner.propose([drafts[i] for i in open_rows], oracle, attempt)
        for i, reply, verdict in zip(open_rows, replies, _verdicts(drafts, open_rows, replies), strict=True):
            tries[i].append(reply)
            verdicts[i] = verdict
        open_rows = [i for i in open_rows if verdicts[i] not in (None, Verdict.CORRECT)]
        if not open_rows:
            break
    return [_account(*row) for row in zip(drafts, tries, verdicts, strict=True)]


def _verdicts(drafts: Sequence[Draft], rows: Sequence[int], replies: Sequence[Reply | None]) -> list[Verdict | None]:
    answered = [(i, reply) for i, reply in zip(rows, replies, strict=True) if reply is not None]
    found = graded(
        [drafts[i].problem.answer for i, _ in answered],
        [reply.text for _, reply in answered],
        [reply.truncated for _, reply in answered],
    )
    by_row = {i: g.verdict for (i, _), g in zip(answered, found, strict=True)}
    return [by_row.get(i) for i in rows]


def _account(draft: Draft, tries: Sequence[Reply | None], verdict: Verdict | None) -> Refined:
    replies = [reply for reply in tries if reply is not None]
    calls = [reply for reply in replies if reply.tokens > 0]
    good = verdict is Verdict.CORRECT
    return Refined(
        problem_id=draft.problem.id,
        stratum=draft.stratum,
        text=replies[-1].text if good else None,
        outcome=_outcome(draft, replies[-1] if replies else None, good),
        draft_index=draft.index,
        attempts=len(calls),
        oracle_tokens=sum(reply.tokens for reply in calls),
        verdict=verdict,
    )


def _outcome(draft: Draft, reply: Reply | None, good: bool) -> str:
    if reply is None:
        return "skipped"
    if not good:
        return "failed"
    if reply.tokens == 0:
        return "kept"
    if reply.text.strip() == draft.text.strip():
        return "unchanged"
    return "changed"
