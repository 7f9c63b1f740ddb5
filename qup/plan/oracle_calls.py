"""What an arm's refiner asks its Oracle of one draft, found out by letting it: the Oracle here only listens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qup import settings
from qup.backends.openai import Backend as Endpoint
from qup.oracles import Reply
from qup.plan.lengths import CHARACTERS, TEMPLATE, Lengths
from qup.plan.spans import NONE, Span, about, exactly
from qup.plan.work import Kind, Work, batches
from qup.prompts.oracle import tell
from qup.records import Problem, Verdict
from qup.refiners import SAMPLES, Candidate, Desk, Draft
from qup.study import Study

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

    def repair(self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int) -> list[Reply]:
        """Heard."""
        return self._hear("keep_style_prompt" if keep_style else "repair_prompt", len(problems))

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Heard."""
        return self._hear("restyle_prompt", len(problems))

    def _hear(self, prompt: str, count: int) -> list[Reply]:
        self.heard += [prompt] * count
        return [Reply("", tokens=0)] * count


def asked_of(refiner: str) -> list[str]:
    """The prompts by which a refiner asks about a solved draft; nothing of one that asks no Oracle."""
    listener, problem = Listener(), Problem("plan", "1 + 1?", "2", "plan")
    pool = (Candidate(SAMPLES, "2", Verdict.CORRECT),)
    settings.load("refiners", refiner)().propose([Draft(problem, "solved", 0, "2", pool)], Desk(listener), 0)
    return listener.heard


def calls(study: Study, oracle: str, refiner: str, drafts: Span, lengths: Lengths) -> list[Work]:
    """What an arm's Oracle has to write for so many drafts; nothing where it is a program or is not asked."""
    entry: Any = study.oracles.get(oracle)
    model, endpoint = getattr(entry, "model", None), getattr(entry, "api", None)
    if model is None and endpoint is None:
        return []
    retries = study.streams.retries
    again = Span(1, 1 + RETRIED * min(1, retries), 1 + retries)
    return [_written(study, entry, prompt, drafts * again, lengths) for prompt in asked_of(refiner)]


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
