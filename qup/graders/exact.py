"""Exact text: the very characters of the gold answer, spacing apart. For answers that mean what they look like."""

import unicodedata
from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.answers.words import unmarked
from qup.graders import Judgement
from qup.records import Problem
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Grader:
    r"""Case counts, as `Paris` is not `paris`; the marks of LaTeX around or in the text (`\text{}`, `\_`) do not."""

    needs_entry: ClassVar[bool] = False

    def right(self, problems: Sequence[Problem], given: Sequence[str]) -> list[Judgement]:
        """Whether each answer reads as the gold one."""
        return self.same([problem.answer for problem in problems], given)

    def same(self, own: Sequence[str], given: Sequence[str]) -> list[Judgement]:
        """Whether each two answers read alike."""
        return [_text(one) in {_text(other), _text(unmarked(other))} for one, other in zip(own, given, strict=True)]


def _text(answer: str) -> str:
    # An accent may be a character of its own: it reads the same.
    return " ".join(unicodedata.normalize("NFC", answer).split())
