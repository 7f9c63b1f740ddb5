"""Oracles: who solves, repairs and restyles. One file per kind: class `Oracle`, settings whose `start` gives the verbs.

A verb takes a batch and answers in order. `attempt` is 0 for the first call and counts the retries, so that a retry
draws anew. An Oracle that reads prompts says which (`qup.prompts.Worded`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from qup.records import Mask, Problem

if TYPE_CHECKING:
    # A stream that asks no Oracle must not depend on how models are run.
    from qup.backends import BackendSettings


@dataclass(frozen=True)
class Reply:
    """What a refiner gives for a draft, most often what an Oracle says: the text, what it cost, whether it was cut."""

    text: str
    tokens: int
    "Of the Oracle; 0 where an endpoint does not count them, too."
    truncated: bool = False
    failure: str | None = None
    "Why an Oracle that was asked has no answer to this one question."
    asked: bool = False
    "Whether an Oracle said it: `CountedSpeaker` sees to that, for a refiner's own reply may look the same."
    learner_tokens: int = 0
    "Tokens that the untrained learner generated for it."
    origin: str | None = None
    "Whose trace it is, where a refiner has several authors; see `Refined.origin`."
    edited: bool = False
    "Whether the refiner changed the draft by itself, which is no call."
    mask: Mask | None = None
    "What of it is not to be trained on."


@dataclass(frozen=True)
class Setting:
    """What a study puts at an Oracle's disposal."""

    models: Path
    "Folder of the study's models."
    backend: "BackendSettings"
    temperature: float
    "The learner's."
    seed: int


class Speaker(Protocol):
    """An Oracle at work: the verbs a refiner may use."""

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """A derivation from scratch for each problem."""
        ...

    def repair(
        self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int, fewest: bool = False
    ) -> list[Reply]:
        """Each draft with its logic made right; `keep_style` asks to leave wording, notation and layout alone.

        `fewest`: the drafts are known to be wrong, and the fewest changes are asked for that make them right.
        """
        ...

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Each draft said in the Oracle's own way, its logic and final answer as they are, right or wrong."""
        ...

    def locate(self, problems: Sequence[Problem], drafts: Sequence[Sequence[str]], attempt: int) -> list[Reply]:
        """For each draft, cut into steps, the number of its first wrong step, counted from 1, and nothing else."""
        ...

    def proceed(self, problems: Sequence[Problem], prefixes: Sequence[str], attempt: int) -> list[Reply]:
        """What follows each beginning of a solution, to the answer; the beginning itself is not said again."""
        ...


@dataclass(frozen=True)
class CountedSpeaker:
    """A speaker whose replies say that they were asked for, so that calls are counted whatever they cost."""

    speaker: Speaker

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """The speaker's."""
        return _asked(self.speaker.solve(problems, attempt))

    def repair(
        self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int, fewest: bool = False
    ) -> list[Reply]:
        """The speaker's."""
        # Only where it is asked for: an Oracle that knows no such wish serves all other refiners.
        wish = {"fewest": True} if fewest else {}
        return _asked(self.speaker.repair(problems, drafts, keep_style, attempt, **wish))

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """The speaker's."""
        return _asked(self.speaker.restyle(problems, drafts, attempt))

    def locate(self, problems: Sequence[Problem], drafts: Sequence[Sequence[str]], attempt: int) -> list[Reply]:
        """The speaker's."""
        return _asked(self.speaker.locate(problems, drafts, attempt))

    def proceed(self, problems: Sequence[Problem], prefixes: Sequence[str], attempt: int) -> list[Reply]:
        """The speaker's."""
        return _asked(self.speaker.proceed(problems, prefixes, attempt))


def _asked(replies: Sequence[Reply]) -> list[Reply]:
    return [replace(reply, asked=True) for reply in replies]


class Oracle(Protocol):
    """An Oracle as a study sets it."""

    def start(self, setting: Setting) -> Speaker:
        """The Oracle at work; what it needs is loaded at its first word."""
        ...


class Nobody:
    """The Oracle of the native arm: there is none, so nothing may be asked."""

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """Raises `RuntimeError`."""
        raise RuntimeError("the native arm has no Oracle to ask")

    def repair(
        self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int, fewest: bool = False
    ) -> list[Reply]:
        """Raises `RuntimeError`."""
        return self.solve(problems, attempt)

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Raises `RuntimeError`."""
        return self.solve(problems, attempt)

    def locate(self, problems: Sequence[Problem], drafts: Sequence[Sequence[str]], attempt: int) -> list[Reply]:
        """Raises `RuntimeError`."""
        return self.solve(problems, attempt)

    def proceed(self, problems: Sequence[Problem], prefixes: Sequence[str], attempt: int) -> list[Reply]:
        """Raises `RuntimeError`."""
        return self.solve(problems, attempt)
