r"""What the columns of a file mean, where its settings do not say: recognised once, for the whole file.

`{question, answer}`, MATH's `{problem, solution}` with the answer boxed, `{prompt, completion}`, chats in `messages` or
`conversations`, Alpaca's `{instruction, input, output}`, and their like. A worked answer is known by its `\boxed{}` or
gsm8k's `####`. Where a row can be read in ways that differ, nobody but its owner can say which is meant.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qup.answers import BOX
from qup.errors import SettingsError
from qup.problems._columns import ASSISTANT, USER, Columns, cell, present
from qup.problems._content import listed, normalized
from qup.problems._tables import Row

CHATS = ("messages", "conversations")
QUESTIONS = ("question", "problem", "prompt", "query", "instruction", *CHATS)
ANSWERS = ("answer", "final_answer", "completion", "response", "output", *CHATS)
SOLUTION = "solution"
"Where there is an answer beside it, a reference solution; else the answer is in it."
CONTEXT = {"instruction": "input"}
MARK = "####"
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
                return _chosen(ways, row, name)
        return self._unrecognised(rows[0])

    def _ways(self, row: Mapping[str, Any], sample: Sequence[Row]) -> Iterator[Columns]:
        """The ways in which a row with text in it can be read."""
        questions = [self.question] if self.question else [c for c in QUESTIONS if present(row, c, USER)]
        answers = [self.answer] if self.answer else [c for c in ANSWERS if present(row, c, ASSISTANT)]
        solution = self.solution or SOLUTION
        if not answers and present(row, SOLUTION, ASSISTANT):
            answers = [SOLUTION]
        for question in questions:
            for answer in answers:
                after, boxed = self._mark(sample, answer)
                beside = solution if answer != solution else None
                yield Columns(question, answer, beside, after, boxed, CONTEXT.get(question))

    def _mark(self, sample: Sequence[Row], answer: str) -> tuple[str | None, bool]:
        """How the answer is marked off in a column: as set; as in most rows, if the column itself is recognised."""
        if self.answer or self.answer_after is not None or self.answer_boxed:
            return self.answer_after, self.answer_boxed
        written = [str(cell(row.cells, answer)) for row in sample]
        boxed = sum(BOX.search(text) is not None for text in written) * 2 > len(written)
        marked = sum(MARK in text for text in written) * 2 > len(written)
        return (MARK if marked and not boxed else None), boxed

    def _unrecognised(self, row: Row) -> Columns:
        """The plainest columns, so that reading a row names what it lacks; an error if the row has others."""
        if {"question", "answer"} <= set(row.cells):
            return Columns(solution=SOLUTION, answer_after=self.answer_after, answer_boxed=self.answer_boxed)
        raise SettingsError(
            f'{row.where}: expected {{"question": "...", "answer": "..."}} or another known shape, got the columns: '
            f"{listed(row.cells)}; say which hold them, as in question: <column>, answer: <column>"
        )


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
        told = "; or ".join(way.told() for way in read.values())
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
