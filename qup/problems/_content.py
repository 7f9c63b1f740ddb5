"""What every source needs: a problem's identity, and its answer cut out of a worked solution."""

import hashlib
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from qup.answers import extract
from qup.errors import SettingsError
from qup.records import Problem
from qup.seeds import derive


def words(text: str) -> list[str]:
    """Words and single marks of a text, without case, width and spacing: what counts as its content."""
    return re.findall(r"\w+|[^\w\s]", unicodedata.normalize("NFKC", text).casefold())


def normalized(text: str) -> str:
    """A text's content; two texts with the same are the same text."""
    return " ".join(words(text))


def problem(  # noqa: PLR0917 - what is asked, what is right, where from, how solved, what kind, who grades
    question: str,
    answer: str,
    source: str,
    solution: str | None = None,
    tags: Iterable[str] = (),
    grader: str = "math",
    entry: str | None = None,
) -> Problem:
    """A problem with its id, the first 16 hex digits of the SHA-256 of its content, to which tags do not belong."""
    content = normalized(question) + "\n" + normalized(answer)
    key = hashlib.sha256(content.encode()).hexdigest()[:16]
    solution = solution.strip() if solution else None
    return Problem(key, question.strip(), answer.strip(), source, solution, tags=list(tags), grader=grader, entry=entry)


def distinct(problems: Iterable[Problem], count: int) -> list[Problem]:
    """The first `count` problems with different questions."""

    def unseen() -> Iterator[Problem]:
        seen = set()
        for candidate in problems:
            key = normalized(candidate.question)
            if key not in seen:
                seen.add(key)
                yield candidate

    return list(islice(unseen(), count))


def shuffled(length: int, seed: int, *keys: str) -> list[int]:
    """The numbers below `length` in a random order that depends on `seed` and `keys` only."""
    order = list(range(length))
    random.Random(derive(seed, *keys)).shuffle(order)
    return order


def quotas(weights: Sequence[float], count: int) -> list[int]:
    """`count` in whole shares as near to `weights` as can be (largest remainders).

    Raises:
        SettingsError: a weight is not a number above 0.

    >>> quotas([2, 1], 10)
    [7, 3]
    """
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0:
            raise SettingsError(f"weight: expected a number above 0, got {weight!r}")
    exact = [count * weight / sum(weights) for weight in weights]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: count - sum(shares)]:
        shares[i] += 1
    return shares


@dataclass(frozen=True)
class Columns:
    r"""Where question, answer and solution stand in a row, and how the answer is marked off inside the answer column.

    With `answer_after` (gsm8k's `####`) or `answer_boxed` (the last `\\boxed{}`), the column is a worked solution: the
    whole of it, or what stands before the mark, becomes the reference solution unless there is a column for that.
    """

    question: str = "question"
    answer: str = "answer"
    solution: str | None = None
    answer_after: str | None = None
    answer_boxed: bool = False
    grader: str = "math"

    def read(self, row: Mapping[str, Any], source: str, where: str) -> Problem:
        """The problem in a row.

        Raises:
            SettingsError: a column is missing, is empty or is not text, or the answer is not marked off as set.
        """
        question, cell = (self._text(row, column, where) for column in (self.question, self.answer))
        answer, solution = self._cut(cell, where)
        if self.solution and row.get(self.solution) is not None:
            solution = self._text(row, self.solution, where)
        return problem(question, answer, source, solution, grader=self.grader)

    def _text(self, row: Mapping[str, Any], column: str, where: str) -> str:
        value = row.get(column)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            has = ", ".join(map(str, row)) or "nothing"
            raise SettingsError(f"{where}: expected text in {column!r}, got {value!r}; the row has: {has}")
        return value

    def _cut(self, cell: str, where: str) -> tuple[str, str | None]:
        if self.answer_boxed:
            boxed = extract(cell)
            if boxed is None:
                raise SettingsError(f"{where}: answer_boxed is set, but {self.answer!r} has no \\boxed{{...}}")
            return boxed, cell
        if self.answer_after is None:
            return cell, None
        solution, mark, answer = cell.rpartition(self.answer_after)
        if not mark or not answer.strip():
            raise SettingsError(f"{where}: expected {self.answer_after!r} and an answer in {self.answer!r}")
        return answer, solution
