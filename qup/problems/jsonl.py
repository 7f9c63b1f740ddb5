r"""Problems from a file of your own: JSON Lines or a JSON list, also as `.gz`; CSV, TSV or Parquet.

Example: `{source: jsonl, weight: 1, file: gsm8k_train.jsonl, answer_after: "####"}`. Columns that are not set are
recognised where the file has a known shape: `{"question": ..., "answer": ..., "solution": ...}`, `problem` with the
answer boxed in `solution`, `prompt` and `completion`, chats in `messages` or `conversations`, `instruction` with
`input` and `output`. Answers are taken as they are written: 0.00001, 007 and 2024-03-01 stay so.
"""

import dataclasses
from functools import lru_cache
from pathlib import Path

from pydantic.dataclasses import dataclass

from qup import graders
from qup.errors import unknown
from qup.problems import _tables
from qup.problems._columns import UnmarkedError, Words
from qup.problems._content import Repeats, Supply, distinct, in_words, shuffled
from qup.problems._shapes import Shape
from qup.problems._text import read_bytes
from qup.records import Problem
from qup.settings import STRICT
from qup.settings.naming import FileBelow


@dataclass(frozen=True, config=STRICT)
class Source:
    """Rows of `file`, in a seeded order; a problem's source is `jsonl/<file's name>`."""

    file: FileBelow
    "In the folder for users' problems, data/problems."
    question: Words | None = None
    "Column, by its name or as a path, `a.b`; recognised if not said."
    answer: Words | None = None
    "Column, likewise."
    solution: Words | None = None
    "Column of a reference solution; `solution` if not said and there is one."
    answer_after: Words | None = None
    "The final answer follows the last of these marks in `answer`, e.g. `####`; what precedes it is the solution."
    answer_boxed: bool = False
    "The final answer is the last box in `answer`, which is the solution."
    grader: str = "math"
    "Who says whether an answer is right: `math`, `exact` (the very text) or `choice` (a letter)."

    def __post_init__(self) -> None:
        graders.require(self.grader)

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems. Every line is checked, used or not.

        Rows that repeat a question are left out, all of them if their answers differ, and rows whose answer is not
        marked off as set; each is counted.

        Raises:
            SettingsError: there is no such file, or a row is not as expected; the message names its line.
        """
        path = files / self.file
        if not _is_file(path):
            raise unknown(f"problem file in {files}", self.file, (p.name for p in files.glob("[!.]*") if p.is_file()))
        shape = Shape(self.question, self.answer, self.solution, self.answer_after, self.answer_boxed, self.grader)
        table = _read(self.file, read_bytes(path), shape)
        order = shuffled(len(table.rows), seed, "jsonl", self.file)
        kept = distinct((table.rows[i] for i in order), count, table.repeats.disputed)
        losses = in_words(table.left_out)
        reading = f"{self.file}: {table.reading}{losses and f'; left out: {losses}'}"
        return Supply(kept, table.left_out, reading)


@dataclasses.dataclass(frozen=True)
class _Table:
    """The problems of a file, row by row, and what is known of the whole of it."""

    rows: list[Problem]
    repeats: Repeats
    left_out: dict[str, int]
    reading: str


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is too long, or a folder that may not be looked into.
        return False


@lru_cache(maxsize=4)
def _read(file: str, raw: bytes, shape: Shape) -> _Table:
    """The problems of a file called `file`, made once for all sets that draw on it."""
    rows = _tables.rows(file, raw)
    columns = shape.columns(rows, file)
    source = f"jsonl/{_tables.stem(file)}"
    problems, unmarked = [], []
    for row in rows:
        try:
            problems.append(columns.read(row.cells, source, row.where))
        except UnmarkedError as error:
            unmarked.append(error)
    if not problems:
        raise unmarked[0]
    repeats = Repeats.among(problems)
    return _Table(problems, repeats, {"unmarked": len(unmarked), **repeats.counts}, columns.description())
