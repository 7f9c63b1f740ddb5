r"""Problems from a file of your own: JSON Lines or a JSON list, also as `.gz`; CSV, TSV or Parquet.

Example: `{source: jsonl, weight: 1, file: gsm8k_train.jsonl, answer_after: "####"}`. Columns that are not set are
recognised where the file has a known shape: `{"question": ..., "answer": ..., "solution": ...}`, `problem` with the
answer boxed in `solution`, `prompt` and `completion`, chats in `messages` or `conversations`, `instruction` with
`input` and `output`. Answers are taken as they are written: 0.00001, 007 and 2024-03-01 stay so.
"""

from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from qup import graders
from qup.problems import _tables
from qup.problems._columns import Words
from qup.problems._content import require_first, shuffled
from qup.problems._reading import Reading, reading
from qup.problems._shapes import Shape
from qup.records import Problem
from qup.settings import STRICT
from qup.settings.naming import FileBelow
from qup.settings.pins import check_digest, read_file


@dataclass(frozen=True, config=STRICT)
class Source:
    """Rows of `file`, in a seeded order; a problem's source is `jsonl/<file's name>`."""

    endless: ClassVar[bool] = False

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
    sha256: str | None = None
    "Of the file, 64 hex digits, as `sha256sum` prints them: another file of that name is then refused."
    first: PositiveInt | None = None
    "Only so many rows from the top of the file; all if not said."

    def __post_init__(self) -> None:
        graders.require(self.grader)
        check_digest(self.sha256, self.file)

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems. Every line is checked, used or not.

        Rows that repeat a question are left out, all of them if their answers differ, and rows whose answer is not
        marked off as set; each is counted.

        Raises:
            SettingsError: there is no such file, or a row is not as expected; the message names its line.
        """
        shape = Shape(self.question, self.answer, self.solution, self.answer_after, self.answer_boxed, self.grader)
        read = _read(self.file, read_file(files, self.file, self.sha256), shape, self.first)
        return read.supply(count, shuffled(len(read.problems), seed, "jsonl", self.file))


@lru_cache(maxsize=4)
def _read(file: str, raw: bytes, shape: Shape, first: int | None) -> Reading:
    """The problems of a file called `file`, made once for all sets that draw on it."""
    rows = _tables.rows(file, raw)
    if first is not None:
        rows = rows[: require_first(first, len(rows), file)]
    return reading(rows, shape.columns(rows, file), f"jsonl/{_tables.stem(file)}", file)
