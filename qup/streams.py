"""From samples to training streams: which draft of which problem, what a refiner makes of it, and what is kept.

All streams of a study cover the same problems, one trace each; what a refiner could not deliver is recorded as failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from qup import seeds
from qup.answers import extract, verdicts
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

    repairs: ClassVar[bool]
    "True: a trace must end in the gold answer. False: in the draft's own, right or wrong."

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


@dataclass(frozen=True)
class Proposal:
    """What a refiner gave for a draft, how it was graded against gold, and whether it may be trained on."""

    reply: Reply | None
    verdict: Verdict | None
    passed: bool


def refine(refiner: Refiner, oracle: Oracle, drafts: Sequence[Draft], retries: int) -> list[Refined]:
    """The stream of `refiner`: one trace a draft, and one whose final answer is not what it must be is tried again.

    A refiner that repairs must come to the gold answer; one that does not must leave the draft's own as it is.
    """
    tries: list[list[Proposal]] = [[] for _ in drafts]
    open_rows = list(range(len(drafts)))
    for attempt in range(retries + 1):
        asked = [drafts[i] for i in open_rows]
        judged = _judge(asked, refiner.propose(asked, oracle, attempt), refiner.repairs)
        for i, proposal in zip(open_rows, judged, strict=True):
            tries[i].append(proposal)
        open_rows = [i for i in open_rows if tries[i][-1].reply and not tries[i][-1].passed]
        if not open_rows:
            break
    return [_account(*row) for row in zip(drafts, tries, strict=True)]


def _judge(drafts: Sequence[Draft], replies: Sequence[Reply | None], repairs: bool) -> list[Proposal]:
    answered = [(draft, reply) for draft, reply in zip(drafts, replies, strict=True) if reply is not None]
    texts, cut = [reply.text for _, reply in answered], [reply.truncated for _, reply in answered]
    gold = verdicts([draft.problem.answer for draft, _ in answered], texts, cut)
    # Asking the grader twice would double its cost where both questions are the same.
    own = gold if repairs else verdicts([_own_answer(draft) for draft, _ in answered], texts, cut)
    judged = iter([Proposal(r, g, o is Verdict.CORRECT) for (_, r), g, o in zip(answered, gold, own, strict=True)])
    return [Proposal(None, None, False) if reply is None else next(judged) for reply in replies]


def _own_answer(draft: Draft) -> str:
    """The draft's final answer; for a solved problem that is the gold one."""
    return draft.problem.answer if draft.stratum == "solved" else extract(draft.text) or ""


def _account(draft: Draft, tries: Sequence[Proposal]) -> Refined:
    last = tries[-1]
    calls = [t.reply for t in tries if t.reply is not None and t.reply.tokens > 0]
    return Refined(
        problem_id=draft.problem.id,
        stratum=draft.stratum,
        text=last.reply.text if last.reply and last.passed else None,
        outcome=_outcome(draft, last.reply, last.passed),
        draft_index=draft.index,
        attempts=len(calls),
        oracle_tokens=sum(reply.tokens for reply in calls),
        verdict=last.verdict,
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
