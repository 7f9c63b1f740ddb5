"""From samples to training streams: which drafts of which problem, what a refiner makes of them, and what is kept.

A refiner is one file: class `Refiner`, a frozen dataclass whose fields are its settings, with one method. It is handed
a `Desk`: the Oracle, the untrained learner and the study's rewards, none of which is loaded before it is asked. All
streams of a study cover the same problems and drafts, one of each problem or up to `per_problem`; what a refiner could
not deliver is recorded as failed. A refiner that reads prompts says which (`qup.prompts.Worded`).
"""

import dataclasses
import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, ClassVar, Protocol

from pydantic import NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass

from qup import graders, seeds
from qup.answers import extract
from qup.errors import SettingsError
from qup.oracles import CountedSpeaker, Reply
from qup.records import Outcome, Problem, Refined, Scope, Stratum, Trace, Verdict, calculation, distinct, drafted
from qup.refiners._desk import ByProblem, Desk, Judges, Writer
from qup.settings import STRICT, Plugs, name_of

__all__ = ["Candidate", "Desk", "Draft", "Judges", "Pool", "Refiner", "StreamSettings", "Writer"]
__all__ += ["choose_drafts", "make_stream", "refine", "with_pool"]

SAMPLES = "samples"
"What a candidate of the learner's own samples comes from; others come from the arm they are of."


class Pool(enum.StrEnum):
    """What a refiner wants to choose from, besides the draft."""

    NONE = "none"
    SAMPLES = "samples"
    "All of the learner's samples of the problem, but for those that were cut: they have no end to learn."
    STREAMS = "streams"
    "Those, and the problem's trace in the native arm's stream and in those of the first Oracle's main arms."
    ANY = "any"
    "What there is: the samples, and where it runs after the main arms, as one of the study's `arms`, their traces too."


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A trace that a refiner may choose."""

    source: str
    "`samples`, or the arm whose stream holds it."
    text: str
    verdict: Verdict | None
    "Against gold."


@dataclasses.dataclass(frozen=True)
class Draft:
    """A problem of the shared set and the native trace that stands for it."""

    problem: Problem
    stratum: Stratum
    "`solved` (the draft is correct) or `failed` (the learner has no correct sample; the draft is a wrong one)."
    index: int
    text: str
    pool: tuple[Candidate, ...] = ()
    "What the refiner asked for by its `pool`."
    slot: int = 0
    "Which of the problem's drafts it is."


class Refiner(Protocol):
    """What makes a stream out of drafts; its fields are its settings."""

    repairs: ClassVar[bool]
    "True: a trace must end in the gold answer. False: in the draft's own, right or wrong."
    pool: ClassVar[Pool]
    "What it chooses from. One that wants other arms' streams is listed under the study's `arms`."

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """A trace for each draft, None where this refiner has none to give."""
        ...


@dataclass(frozen=True, config=STRICT)
class StreamSettings:
    """Which problems the streams cover, and how they are made."""

    scope: Scope = "solved"
    "An arm of the study's `arms` may have one of its own."
    retries: NonNegativeInt = 1
    "Further calls after one that broke the final answer."
    per_problem: PositiveInt = 1
    "Most traces of a problem, each from a draft that calculates otherwise. An arm may have its own."
    refiners: Annotated[dict[str, Refiner], Plugs("refiners")] = dataclasses.field(default_factory=dict)
    "Refiner to its settings: `{masked: {threshold: 3}}`; an arm of the study's `arms` may have others."

    def __post_init__(self) -> None:
        for name, refiner in self.refiners.items():
            if name_of(refiner) != name:
                raise SettingsError(
                    "expected a file of qup/refiners; an arm's own are its `settings`", "refiners", name
                )


def make_stream(  # noqa: PLR0917 - who refines, by whose word, what
    refiner: Refiner,
    desk: Desk,
    problems: Sequence[Problem],
    traces: Sequence[Trace],
    settings: StreamSettings,
    seed: int,
    streams: Mapping[str, Sequence[Refined]] = MappingProxyType({}),
) -> list[Refined]:
    """An arm's training stream over the problems of its training set.

    `streams` are the main arms', for a refiner that chooses from them.
    """
    drafts = choose_drafts(problems, traces, settings.scope, seed, settings.per_problem)
    pooled = with_pool(drafts, refiner.pool, traces, streams)
    stream = refine_slots(refiner, desk, pooled, settings.retries)
    counts = Counter(f"{refined.stratum} {refined.outcome}" for refined in stream)
    several = f", {len(stream)} drafts" if settings.per_problem > 1 else ""
    told = ", ".join(f"{key} {count}" for key, count in sorted(counts.items()))
    print(f"{len({refined.problem_id for refined in stream})} problems{several}: {told}")
    return stream


def choose_drafts(
    problems: Sequence[Problem], traces: Sequence[Trace], scope: Scope, seed: int, per_problem: int = 1
) -> list[Draft]:
    """The drafts of each problem: random correct traces, or for a failed problem random wrong ones.

    A problem's are distinct, and so there may be fewer than `per_problem`; the first is the one that it has alone. A
    failed problem all of whose samples are cut or without an answer has no draft and is left out.
    """
    drafts = []
    for problem, stratum, usable in drafted(problems, traces, scope):
        order = sorted(usable, key=lambda trace: seeds.derive(seed, "draft", trace.problem_id, trace.index))
        places = [0] if per_problem == 1 else distinct(trace.text for trace in order)[:per_problem]
        chosen = [order[place] for place in places]
        drafts += [Draft(problem, stratum, own.index, own.text, slot=slot) for slot, own in enumerate(chosen)]
    return drafts


def with_pool(
    drafts: Sequence[Draft], pool: Pool, traces: Sequence[Trace], streams: Mapping[str, Sequence[Refined]]
) -> list[Draft]:
    """The drafts with what a refiner asked for beside them; `streams` by arm: native and home's main ones."""
    if pool is Pool.NONE:
        return list(drafts)
    candidates: dict[str, list[Candidate]] = {}
    for trace in traces:
        if trace.ended:
            candidates.setdefault(trace.problem_id, []).append(Candidate(SAMPLES, trace.text, trace.verdict))
    for arm, stream in streams.items() if pool is not Pool.SAMPLES else ():
        for refined in stream:
            if refined.text is not None:
                candidates.setdefault(refined.problem_id, []).append(Candidate(arm, refined.text, refined.verdict))
    return [dataclasses.replace(draft, pool=tuple(candidates[draft.problem.id])) for draft in drafts]


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What a refiner gave for a draft, how it was graded against gold, and whether it may be trained on."""

    reply: Reply | None
    verdict: Verdict | None
    passed: bool


def refine_slots(refiner: Refiner, desk: Desk, drafts: Sequence[Draft], retries: int) -> list[Refined]:
    """The stream of `refiner` over drafts of which a problem may have several; no text stands there twice of a problem.

    The first drafts of all problems, then the second ones, and so on: a refiner that chooses no longer has what
    calculates as an earlier choice does, and so gives the best, the second best, and so on.
    """
    made: dict[str, list[Refined]] = {}
    for slot in sorted({draft.slot for draft in drafts}):
        asked = [_without(draft, made.get(draft.problem.id, ())) for draft in drafts if draft.slot == slot]
        for refined in refine(refiner, desk, asked, retries):
            before = made.setdefault(refined.problem_id, [])
            before.append(_told_apart(refined, before))
    return [made[draft.problem.id][draft.slot] for draft in drafts]


def _without(draft: Draft, before: Sequence[Refined]) -> Draft:
    """The draft without those candidates that calculate as a trace of the problem before it."""
    used = {calculation(refined.text) for refined in before if refined.text is not None}
    if not used or not draft.pool:
        return draft
    return dataclasses.replace(draft, pool=tuple(each for each in draft.pool if calculation(each.text) not in used))


def _told_apart(refined: Refined, before: Sequence[Refined]) -> Refined:
    """The record without its trace, if the problem has the very text already: a model would learn it twice."""
    if refined.text is None or refined.text not in {each.text for each in before}:
        return refined
    return dataclasses.replace(refined, text=None, outcome="repeated", origin=None, mask=None)


def refine(refiner: Refiner, desk: Desk, drafts: Sequence[Draft], retries: int) -> list[Refined]:
    """The stream of `refiner`: one trace a draft, and one whose final answer is not what it must be is tried again.

    A refiner that repairs must come to the gold answer; one that does not must leave the draft's own as it is.
    """
    tries: list[list[Proposal]] = [[] for _ in drafts]
    own = {_of_its_own(draft).problem.id: draft.problem for draft in drafts}
    counting = dataclasses.replace(desk, oracle=CountedSpeaker(desk.oracle), judges=ByProblem(desk.judges, own))
    open_rows = list(range(len(drafts)))
    for attempt in range(retries + 1):
        asked = [_of_its_own(drafts[row]) for row in open_rows]
        judged = _judge(asked, refiner.propose(asked, counting, attempt), refiner.repairs)
        for row, proposal in zip(open_rows, judged, strict=True):
            tries[row].append(proposal)
        open_rows = [row for row in open_rows if tries[row][-1].reply and not tries[row][-1].passed]
        if not open_rows:
            break
    return [_account(*pair) for pair in zip(drafts, tries, strict=True)]


def _of_its_own(draft: Draft) -> Draft:
    """The draft with a name of its own in place of its problem's, on which draws of an Oracle and the learner hang."""
    if not draft.slot:
        return draft
    return dataclasses.replace(draft, problem=dataclasses.replace(draft.problem, id=f"{draft.problem.id}/{draft.slot}"))


def _judge(drafts: Sequence[Draft], replies: Sequence[Reply | None], repairs: bool) -> list[Proposal]:
    answered = [(draft, reply) for draft, reply in zip(drafts, replies, strict=True) if reply is not None]
    said, problems = [reply for _, reply in answered], [draft.problem for draft, _ in answered]
    texts, cut = [reply.text for reply in said], [reply.truncated for reply in said]
    gold = graders.verdicts(problems, texts, cut)
    passed = [verdict is Verdict.CORRECT for verdict in gold]
    if not repairs:
        kept = graders.repeated(problems, [extract(draft.text) or "" for draft, _ in answered], texts, cut)
        # A solved draft's own answer is the gold one, in whatever words.
        rows = zip(answered, passed, kept, strict=True)
        passed = [right if draft.stratum == "solved" else same for (draft, _), right, same in rows]
    usable = [right and reply.failure is None for right, reply in zip(passed, said, strict=True)]
    judged = map(Proposal, said, gold, usable)
    return [Proposal(None, None, False) if reply is None else next(judged) for reply in replies]


def _account(draft: Draft, tries: Sequence[Proposal]) -> Refined:
    last = tries[-1]
    replies = [proposal.reply for proposal in tries if proposal.reply is not None]
    calls = [reply for reply in replies if _is_call(reply)]
    kept = last.reply if last.reply and last.passed else Reply("", tokens=0)
    return Refined(
        problem_id=draft.problem.id,
        replicate=draft.problem.replicate or 0,
        stratum=draft.stratum,
        text=kept.text if last.passed else None,
        outcome=_outcome(draft, last.reply, last.passed),
        draft_index=draft.index,
        attempts=len(calls),
        oracle_tokens=sum(reply.tokens for reply in calls),
        verdict=last.verdict,
        learner_tokens=sum(reply.learner_tokens for reply in replies),
        origin=kept.origin,
        mask=kept.mask,
        slot=draft.slot,
    )


def _is_call(reply: Reply) -> bool:
    """Whether an Oracle was asked, by its word or by what it cost; a native or chosen trace is no call."""
    return reply.asked or reply.tokens > 0


def _outcome(draft: Draft, reply: Reply | None, passed: bool) -> Outcome:
    if reply is None:
        return "skipped"
    if not passed:
        return "failed"
    if not (_is_call(reply) or reply.learner_tokens or reply.edited):
        return "kept"
    if reply.text.strip() == draft.text.strip():
        return "unchanged"
    return "changed"
