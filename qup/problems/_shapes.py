r"""What the columns of a file mean, where its settings do not say: recognised once, for the whole file.

`{question, answer}`, MATH's `{problem, solution}` with the answer boxed, `{prompt, completion}`, chats in `messages` or
`conversations`, Alpaca's `{instruction, input, output}`, and their like. A worked answer is known by its `\boxed{}` or
gsm8k's `####`. Where a row can be read in ways that differ, nobody but its owner can say which is meant.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qup.answers import extract
from qup.errors import SettingsError
from qup.problems._columns import ASSISTANT, USER, Columns, cell, seen
from qup.problems._content import listed, normalized
from qup.problems._tables import Row

CHATS = ("messages", "conversations")
QUESTIONS = ("question", "problem", "prompt", "query", "instruction", *CHATS)
ANSWERS = ("answer", "final_answer", "completion", "response", "output", *CHATS)
SOLUTION = "solution"
"Where there is an answer beside it, a reference solution; else the answer is in it."
CONTEXT = {"instruction": "input"}
FINAL = {"answer", "final_answer"}
"Columns of answers whose names say that they are no worked replies."
MARK = "####"
WORD = re.compile(r"(?<![\\\w])[^\W\d_]{2,}")
"A word, which a LaTeX command is not."
PROSE = 12
"Words in the longest final answers."
SAMPLE = 100
"Rows in which a mark is looked for; a few of a file of worked answers may lack it."


@dataclass(frozen=True)
class Shape:
    """What a study says of a file's columns; what it leaves out is recognised."""

    question: str | None = None
    answer: str | None = None
    solution: str | None = None
    answer_after: str | None = None
    answer_boxed: bool = False
    grader: str = "math"

    def columns(self, rows: Sequence[Row], name: str) -> Columns:
        """Where things stand in the rows of the file called `name`.

        Raises:
            SettingsError: nothing is recognised, or more than one thing; the message says which settings decide.
        """
        if not rows:
            raise SettingsError(f"{name} has no rows")
        if self.solution and all(cell(row.cells, self.solution) is None for row in rows):
            raise SettingsError(
                f"no row of {name} has a column {self.solution!r}: it has {listed(rows[0].cells)}", "solution"
            )
        for row in rows:
            ways = list(self._ways(row.cells, rows[:SAMPLE]))
            if ways:
                chosen = _chosen(ways, row, name)
                self._check_final(chosen, rows[:SAMPLE], name)
                return chosen
        return self._unrecognised(rows[0])

    def _ways(self, row: Mapping[str, Any], sample: Sequence[Row]) -> Iterator[Columns]:
        """The ways in which a row with text in it can be read."""
        questions = [self.question] if self.question else [c for c in QUESTIONS if seen(row, c, USER)]
        beside = self.solution or SOLUTION
        for question in questions:
            for answer in [self.answer] if self.answer else self._answers(row, sample):
                solution = beside if answer != beside else None
                mark = self._mark(sample, answer)
                yield Columns(question, answer, solution, *mark, self.grader, CONTEXT.get(question))

    def _answers(self, row: Mapping[str, Any], sample: Sequence[Row]) -> list[str]:
        """The columns that may hold the answer; a solution is one if it is worked or if there is no other."""
        answers = [column for column in ANSWERS if seen(row, column, ASSISTANT)]
        if seen(row, SOLUTION, ASSISTANT) and not FINAL & set(answers):
            worked = self._mark(sample, SOLUTION) != (None, False)
            return [*answers, SOLUTION] if worked or not answers else answers
        return answers

    def _mark(self, sample: Sequence[Row], answer: str) -> tuple[str | None, bool]:
        """How the answer is marked off in a column: as set; as in most rows, if the column itself is recognised."""
        if self.answer or self.answer_after is not None or self.answer_boxed:
            return self.answer_after, self.answer_boxed
        texts = [seen(row.cells, answer, ASSISTANT) or "" for row in sample]
        boxed = most(extract(text) is not None for text in texts)
        return (MARK if most(MARK in text for text in texts) and not boxed else None), boxed

    def _check_final(self, columns: Columns, sample: Sequence[Row], name: str) -> None:
        """Refuse replies that are prose, of which nothing says where the final answer is."""
        final = self.answer or columns.answer in FINAL or columns.answer_boxed or columns.answer_after
        if final or self.grader != "math":
            return
        texts = [seen(row.cells, columns.answer, ASSISTANT) or "" for row in sample]
        if most(len(WORD.findall(text)) > PROSE for text in texts):
            raise SettingsError(
                f"{name}: expected final answers in {columns.answer!r}, got prose, as in {sample[0].where}: say how "
                "they are marked off, answer_boxed: true or answer_after: <mark>, or name another column, answer: "
                "<column>"
            )

    def _unrecognised(self, row: Row) -> Columns:
        """The plainest columns, so that reading a row names what it lacks; an error if the row has others."""
        if {"question", "answer"} <= set(row.cells):
            return Columns(solution=SOLUTION)
        raise SettingsError(
            f'{row.where}: expected {{"question": "...", "answer": "..."}} or another known shape, got the columns: '
            f"{listed(row.cells)}; say which hold them, as in question: <column>, answer: <column>"
        )


def most(votes: Iterable[bool]) -> bool:
    """Whether more than half are for it."""
    cast = list(votes)
    return sum(cast) * 2 > len(cast)


def _chosen(ways: Sequence[Columns], row: Row, name: str) -> Columns:
    """The one way to read a row; the first of several that come to the same.

    Raises:
        SettingsError: they differ in question or answer, or the row cannot be read in any.
    """
    read: dict[tuple[str, str], Columns] = {}
    failed: SettingsError | None = None
    for way in ways:
        try:
            problem = way.read(row.cells, "", row.where)
        except SettingsError as error:
            failed = failed or error
        else:
            read.setdefault((normalized(problem.question), normalized(problem.answer)), way)
    if len(read) > 1:
        told = "; or ".join(way.description() for way in read.values())
        first = next(iter(read.values()))
        raise SettingsError(
            f"{name} can be read in {len(read)} ways ({told}): set the columns, e.g. "
            f"question: {first.question}, answer: {first.answer}"
        )
    if not read and len(ways) > 1:
        assert failed
        raise failed
    # A single way that fails on this row fails where all rows are read, which tells apart what the row lacks.
    return next(iter(read.values()), ways[0])
