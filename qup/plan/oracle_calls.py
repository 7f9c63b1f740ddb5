"""What an arm's refiner asks of each draft, found out by letting it: Oracle, learner and judges here only listen."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, get_args

from qup.backends.openai import Backend as Endpoint
from qup.oracles import Reply
from qup.plan.lengths import Lengths
from qup.plan.spans import NONE, Span, about, exactly
from qup.plan.tokens import CHARACTERS, TEMPLATE
from qup.plan.work import Kind, Work, batches
from qup.prompts.oracle import tell
from qup.records import Problem, Score, Stratum, TokenStats, Verdict
from qup.refiners import SAMPLES, Candidate, Desk, Draft, Refiner
from qup.study import Study

STRATA: tuple[Stratum, ...] = get_args(Stratum)
RETRIED = 0.2
"Share of an Oracle's answers that are asked for again where a study allows it [assumed]."
EDITED = (0.7, 1.3)
"Tokens of an Oracle's trace to those of the learner's [assumed]."


@dataclass
class Listener:
    """An Oracle that answers nothing and keeps which verb it was asked by."""

    heard: list[str] = field(default_factory=list)
    "The setting of the prompt that each question would have been put by."

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """Heard."""
        return self._hear("solve_prompt", len(problems))

    def repair(
        self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int, fewest: bool = False
    ) -> list[Reply]:
        """Heard."""
        prompt = "keep_style_prompt" if keep_style else "repair_prompt"
        return self._hear("fewest_prompt" if fewest else prompt, len(problems))

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Heard."""
        return self._hear("restyle_prompt", len(problems))

    def locate(self, problems: Sequence[Problem], drafts: Sequence[Sequence[str]], attempt: int) -> list[Reply]:
        """Heard, and answered, so that what follows is heard too."""
        self._hear("locate_prompt", len(problems))
        return [Reply("1", tokens=0)] * len(problems)

    def proceed(self, problems: Sequence[Problem], prefixes: Sequence[str], attempt: int) -> list[Reply]:
        """Heard."""
        return self._hear("proceed_prompt", len(problems))

    def _hear(self, prompt: str, count: int) -> list[Reply]:
        self.heard += [prompt] * count
        return [Reply("", tokens=0)] * count


@dataclass
class Learning:
    """A learner that says nothing and counts what it is asked."""

    written: int = 0
    scored: int = 0

    def ask(self, question: str) -> list[dict[str, str]]:
        """A chat."""
        return [{"role": "user", "content": question}]

    def write(
        self, task: str, chats: Sequence[list[dict[str, str]]], problems: Sequence[Problem], attempt: int
    ) -> list[Reply]:
        """Counted."""
        self.written += len(chats)
        return [Reply("", tokens=0)] * len(chats)

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[TokenStats]:
        """Counted."""
        self.scored += len(texts)
        return [TokenStats([], [])] * len(texts)


@dataclass
class Judging:
    """Judges who have no opinion and count what they are asked."""

    scored: int = 0

    def score(self, problems: Sequence[Problem], texts: Sequence[str], reward: str | None = None) -> list[Score]:
        """Counted."""
        self.scored += len(texts)
        return [Score(problem.id, "plan", None) for problem in problems]


@dataclass(frozen=True)
class Asked:
    """What a refiner asks of a draft: fewest and most over solved and failed ones, with and without a solution."""

    prompts: dict[str, Span]
    "Of the Oracle, by the setting of the prompt."
    written: Span
    "Answers of the untrained learner."
    scored: Span
    "Traces that it scores."
    judged: Span
    "Traces that a reward scores."
    masked: bool
    "Whether its traces come with a mask of what is not trained on."


def asked_of(refiner: Refiner, samples: int = 2) -> Asked:
    """What a refiner asks of a draft; `samples` are the candidates of a solved problem that it may choose from."""
    counts, verbs, masked = [], [], False
    for stratum, solution in product(STRATA, (None, "2")):
        listener, learner, judges = Listener(), Learning(), Judging()
        problem = Problem("plan", "1 + 1?", "2", "plan", solution)
        pool = tuple(Candidate(SAMPLES, f"{i} \\boxed{{2}}", Verdict.CORRECT) for i in range(samples))
        draft = Draft(problem, stratum, 0, "2", pool if stratum == "solved" else ())
        proposed = refiner.propose([draft], Desk(listener, learner, judges), 0)
        masked |= any(reply and reply.mask for reply in proposed)
        verbs.append(Counter(listener.heard))
        counts.append((learner.written, learner.scored, judges.scored))
    prompts = {prompt: _span([each[prompt] for each in verbs]) for prompt in dict.fromkeys(itertools.chain(*verbs))}
    written, scored, judged = (_span(column) for column in zip(*counts, strict=True))
    return Asked(prompts, written, scored, judged, masked)


def _span(counts: Sequence[int]) -> Span:
    return Span(min(counts), sum(counts) / len(counts), max(counts))


def calls(study: Study, oracle: str, asked: Asked, drafts: Span, lengths: Lengths) -> list[Work]:
    """What an arm's Oracle has to write for so many drafts; nothing where it is a program or is not asked."""
    entry: Any = study.oracles.get(oracle)
    model, endpoint = getattr(entry, "model", None), getattr(entry, "api", None)
    if model is None and endpoint is None:
        return []
    items = {prompt: drafts * often * retried(study) for prompt, often in asked.prompts.items()}
    return [_written(study, entry, prompt, count, lengths) for prompt, count in items.items()]


def retried(study: Study) -> Span:
    """Times that a draft is tried."""
    retries = study.streams.retries
    return Span(1, 1 + RETRIED * min(1, retries), 1 + retries)


def _written(study: Study, oracle: Any, prompt: str, items: Span, lengths: Lengths) -> Work:
    endpoint: Endpoint | None = oracle.api
    answer = _answer(oracle, lengths)
    batch = study.backend.batch if endpoint is None else 1
    steps = lengths.longest(oracle.max_tokens, batch) if endpoint is None else NONE
    return Work(
        kind=Kind.GENERATE if endpoint is None else Kind.CALL,
        model=oracle.model if endpoint is None else f"{endpoint.model} at {endpoint.base_url}",
        items=items,
        prompt=items * _question(study, getattr(oracle, prompt), oracle.voice, lengths),
        completion=items * answer,
        passes=batches(items, batch) * steps,
        batch=batch,
        begun=exactly(1),
        padding=steps.mid / answer.mid if endpoint is None else 1.0,
    )


def _answer(oracle: Any, lengths: Lengths) -> Span:
    """Tokens of the Oracle's trace: about those of the learner's, if any were seen."""
    if not lengths.sampled:
        return lengths.answer(oracle.max_tokens)
    native = sum(lengths.sampled) / len(lengths.sampled)
    return about(native, *EDITED).capped(oracle.max_tokens)


def _question(study: Study, prompt: str, voice: str | None, lengths: Lengths) -> Span:
    """Tokens of a question: the instruction, the problem and, where the prompt shows it, the draft."""
    chat = tell(prompt, "", "", voice)
    instruction = sum(len(message["content"]) for message in chat) / CHARACTERS + TEMPLATE
    shows_draft = tell(prompt, "", "a draft", voice) != chat
    draft = lengths.answer(study.sampling.max_tokens) if shows_draft else NONE
    return exactly(instruction) + lengths.question + draft
