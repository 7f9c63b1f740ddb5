"""Published evaluation sets, a YAML file each in `benchmarks/`: where its copies are, their shapes, what pins them.

A further one is one more file there. Its name is the set's, in `{source: benchmark, set: <name>}`.
"""

import functools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError, unknown
from qup.problems._columns import Columns, cell
from qup.problems._content import listed
from qup.problems._tables import Row
from qup.settings import STRICT, read, read_yaml

FOLDER = Path(__file__).parent / "benchmarks"


@dataclass(frozen=True, config=STRICT)
class Copy:
    """The data set on the hub."""

    repo: str
    split: str
    config: str | None = None
    rows: int | None = None
    revision: str | None = None
    "The commit that was read for this file; null where none was, so that a study must say which it means."
    license: str | None = None
    "As far as it is confirmed."


@dataclass(frozen=True, config=STRICT)
class File:
    """A file of the data set elsewhere."""

    url: str
    rows: int | None = None
    sha256: str | None = None
    "Of what was read for this file; null where nothing was, so that a study must say which it means."

    def fetched(self, path: str) -> str:
        """The command that fetches it to `path`."""
        return f"curl -L -o {shlex.quote(path)} {self.url}"


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """How the recipe that the paper is said to inherit asks it; no note that is at hand has it of the paper itself."""

    k: int
    "Answers a problem, whose mean is Avg@k."
    temperature: float
    max_tokens: int


@dataclass(frozen=True, config=STRICT)
class Benchmark:
    """One evaluation set."""

    title: str
    hub: Copy
    shapes: tuple[Columns, ...]
    "Where question and answer stand in its copies; of a table's columns the first shape that fits them counts."
    notes: str
    "What its numbers hang on: its traps, and what was decided of each."
    files: tuple[File, ...] = ()
    grader: str = "math"
    recipe: Recipe | None = None
    "null where the recipe does not ask it."

    @property
    def digests(self) -> dict[str, File]:
        """The known files by their SHA-256."""
        return {file.sha256: file for file in self.files if file.sha256}

    def rows(self, sha256: str | None) -> int | None:
        """How many rows the known file of a hash has, or without one the copy on the hub; None if nobody knows."""
        if sha256 is None:
            return self.hub.rows
        return self.digests[sha256].rows if sha256 in self.digests else None

    def columns(self, rows: Sequence[Row], name: str) -> Columns:
        """Where things stand in the rows of what is called `name`.

        Raises:
            SettingsError: in none of the places known of this set.
        """
        if not rows:
            raise SettingsError(f"{name} has no rows")
        for shape in self.shapes:
            if _fits(shape, rows[0].cells):
                return shape
        known = "; or ".join(shape.description() for shape in self.shapes)
        raise SettingsError(f"{rows[0].where}: expected {known}; got the columns: {listed(rows[0].cells)}")


def _fits(shape: Columns, row: Mapping[str, Any]) -> bool:
    wanted = filter(None, [shape.question, shape.answer])
    return all(cell(row, column) is not None for column in wanted)


def names() -> list[str]:
    """The sets that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@functools.cache
def benchmark(name: str) -> Benchmark:
    """A set by its name.

    Raises:
        SettingsError: there is none of that name; the message names the near ones.
    """
    if name not in names():
        raise unknown("benchmark", name, names(), "set")
    return read(Benchmark, read_yaml(FOLDER / f"{name}.yaml"))
