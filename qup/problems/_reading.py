"""Problems made of the rows of a table: what was left out on the way, and how the rows were read, in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qup.problems._columns import Columns, UnmarkedError
from qup.problems._content import Repeats, Supply, distinct, in_words
from qup.problems._tables import Row
from qup.records import Problem


@dataclass(frozen=True)
class Reading:
    """The problems of all rows that have an answer, in the rows' order, and what is known of the whole of them."""

    problems: list[Problem]
    repeats: Repeats
    left_out: dict[str, int]
    told: str
    "How the rows were read."

    def supply(self, count: int, order: Iterable[int]) -> Supply:
        """Up to `count` distinct problems, taken in an order of the rows; none that is disputed."""
        kept = distinct((self.problems[place] for place in order), count, self.repeats.disputed)
        losses = in_words(self.left_out)
        return Supply(kept, self.left_out, f"{self.told}{losses and f'; left out: {losses}'}")


def reading(rows: Sequence[Row], columns: Columns, source: str, name: str) -> Reading:
    """The problems in the rows of what is called `name`. Every row is checked.

    Raises:
        SettingsError: a row is not as expected, or none has an answer; the message names its place.
    """
    problems, unmarked = [], []
    for row in rows:
        try:
            problems.append(columns.read(row.cells, source, row.where))
        except UnmarkedError as error:
            unmarked.append(error)
    if not problems:
        raise unmarked[0]
    repeats = Repeats.among(problems)
    left_out = {"unmarked": len(unmarked), **repeats.counts}
    return Reading(problems, repeats, left_out, f"{name}: {columns.description()}")
