"""Problems from a data set on the Hugging Face hub, pinned to a commit.

Example: `{source: hub_dataset, weight: 1, repo: openai/gsm8k, config: main, revision: <40 hex digits>, split: train,
question: question, answer: answer, answer_after: "####"}`.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from qup import graders
from qup.errors import SettingsError
from qup.problems import _hub
from qup.problems._columns import Columns, Words
from qup.problems._content import Repeats, Supply, distinct, require_first, shuffled
from qup.records import Problem
from qup.settings import STRICT
from qup.settings.pins import require_commit


@dataclass(frozen=True, config=STRICT)
class Source:
    """Rows of one split, in a seeded order; a problem's source is `hub_dataset/<repo>`."""

    endless: ClassVar[bool] = False

    repo: str
    revision: str | None = None
    "A commit, 40 hex digits: a branch or tag may move. It must be said."
    split: str = "train"
    config: str | None = None
    "The data set's configuration, where it has several."
    question: Words = "question"
    "Column, by its name or as a path, `a.b`."
    answer: Words = "answer"
    "Column, likewise."
    solution: Words | None = None
    "Column."
    answer_after: Words | None = None
    "The final answer follows the last of these marks in `answer`, e.g. `####`; what precedes it is the solution."
    answer_boxed: bool = False
    "The final answer is the last box in `answer`, which is the solution."
    grader: str = "math"
    "Who says whether an answer is right: `math`, `exact` (the very text) or `choice` (a letter)."
    first: PositiveInt | None = None
    "Only so many rows from the top of the split; all if not said."

    def __post_init__(self) -> None:
        graders.require(self.grader)
        require_commit(self.revision, self.repo)

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems; rows without an answer as set are passed over and counted.

        Raises:
            SettingsError: the data set cannot be loaded, lacks a column, or no row has an answer as set.
        """
        rows = self._rows()
        length = len(rows) if self.first is None else require_first(self.first, len(rows), self.repo)
        order, read = iter(shuffled(length, seed, "hub_dataset", self.repo)), _Read()
        # A reserve of a fifth, for repeats; a big data set is not read to its end.
        wanted = count * 1.2
        while True:
            dry = self._fill(read, rows, order, wanted)
            repeats = Repeats.among(read.problems)
            kept = distinct(read.problems, count, repeats.disputed)
            if len(kept) == count or dry:
                break
            wanted *= 2
        if not kept and read.failed:
            raise read.failed[0]
        return Supply(kept, {"unreadable": len(read.failed), **repeats.counts})

    def _fill(self, read: "_Read", rows: Any, order: Iterator[int], wanted: float) -> bool:
        """Read on until there are as many problems as wanted; whether that was all there is."""
        columns = Columns(self.question, self.answer, self.solution, self.answer_after, self.answer_boxed, self.grader)
        while len(read.problems) < wanted:
            place = next(order, None)
            if place is None:
                return True
            try:
                where = f"{self.repo}, row {place}"
                read.problems.append(columns.read(rows[place], f"hub_dataset/{self.repo}", where))
            except SettingsError as error:
                read.failed.append(error)
        return False

    def _rows(self) -> Any:
        rows = _hub.load(self.repo, self.config, self.split, str(self.revision))
        named = {self.question, self.answer, self.solution or self.answer}
        missing = {name for name in named if not {name, name.partition(".")[0]} & set(rows.column_names)}
        if missing:
            raise SettingsError(f"{self.repo} has no column {sorted(missing)}: it has {', '.join(rows.column_names)}")
        return rows


@dataclasses.dataclass
class _Read:
    """What was read so far of a data set."""

    problems: list[Problem] = dataclasses.field(default_factory=list)
    failed: list[SettingsError] = dataclasses.field(default_factory=list)
    "One of each row that gave no problem."
