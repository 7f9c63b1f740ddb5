"""Whom a refiner may ask: the Oracle, the untrained learner, the study's rewards; none is loaded before it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from qup.oracles import Nobody, Reply, Speaker
from qup.records import Problem, Score, TokenStats

Chat = list[dict[str, str]]
"Messages: `role` and `content`."


class Writer(Protocol):
    """The untrained learner at work: what it writes, and what it makes of a trace."""

    def ask(self, question: str) -> Chat:
        """The chat by which the study puts a question to it, and by which it is trained."""
        ...

    def write(self, task: str, chats: Sequence[Chat], problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """Its answer to each chat, drawn as the study's samples are.

        Randomness comes from the study's seed, the refiner, `task`, the problem's id and `attempt`.
        """
        ...

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[TokenStats]:
        """Per-token statistics (nats) of each trace after its problem, as compatibility is measured."""
        ...


class Judges(Protocol):
    """The study's rewards at work."""

    def score(self, problems: Sequence[Problem], texts: Sequence[str], reward: str | None = None) -> list[Score]:
        """One reward of each trace, in order: the one of that name, or the study's own choice.

        Raises:
            SettingsError: the study has no such reward, or none at all.
        """
        ...


class Absent:
    """The learner and the judges where there are none, as for the native arm: nothing may be asked."""

    def ask(self, question: str) -> Chat:
        """Raises `RuntimeError`."""
        raise RuntimeError("no learner and no rewards are at hand here")

    def write(self, task: str, chats: Sequence[Chat], problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """Raises `RuntimeError`."""
        raise RuntimeError("no learner and no rewards are at hand here")

    def score(self, problems: Sequence[Problem], texts: Sequence[str], reward: str | None = None) -> list[Any]:
        """Raises `RuntimeError`."""
        raise RuntimeError("no learner and no rewards are at hand here")


@dataclass(frozen=True)
class ByProblem:
    """Judges that know a problem by its own name where a draft has another: a trace is scored as it always is."""

    judges: Judges
    problems: Mapping[str, Problem]
    "By the name that a draft of it goes by."

    def score(self, problems: Sequence[Problem], texts: Sequence[str], reward: str | None = None) -> list[Score]:
        """As `Judges` has it."""
        return self.judges.score([self.problems[problem.id] for problem in problems], texts, reward)


@dataclass(frozen=True)
class Desk:
    """Whom a refiner may ask."""

    oracle: Speaker = field(default_factory=Nobody)
    learner: Writer = field(default_factory=Absent)
    judges: Judges = field(default_factory=Absent)
