"""Multiple choice: the letter of the gold answer, however it is set: `B`, `(b)`, `B. 12`, `Option B`."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.answers.words import letter
from qup.graders import Judgement
from qup.records import Problem
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Grader:
    """An answer in which no letter can be read is unparsed, not wrong."""

    needs_entry: ClassVar[bool] = False

    def right(self, problems: Sequence[Problem], given: Sequence[str]) -> list[Judgement]:
        """Whether each answer names the gold letter."""
        return self.same([problem.answer for problem in problems], given)

    def same(self, own: Sequence[str], given: Sequence[str]) -> list[Judgement]:
        """Whether each two answers name one letter."""
        read = [(letter(one, asked=True), letter(other, asked=True)) for one, other in zip(own, given, strict=True)]
        return [one == other if one and other else None for one, other in read]
