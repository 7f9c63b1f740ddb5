"""Mathematics, the grader of problems that name no other: equal by value, as math-verify and our vetoes have it."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.answers import bounded
from qup.graders import Judgement
from qup.records import Problem
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Grader:
    """`1/2` is `0.5`, `18 dollars` is 18: see docs/grading.md."""

    needs_entry: ClassVar[bool] = False

    def right(self, problems: Sequence[Problem], given: Sequence[str]) -> list[Judgement]:
        """Whether each answer equals the gold one."""
        return self.same([problem.answer for problem in problems], given)

    def same(self, own: Sequence[str], given: Sequence[str]) -> list[Judgement]:
        """Whether each two answers are equal."""
        return bounded.judge(list(zip(own, given, strict=True)))
