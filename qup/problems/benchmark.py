"""A published evaluation set, read as its authors wrote it: from a pinned file, or from the hub at a commit.

Example: `{source: benchmark, weight: 1, set: gsm8k, revision: <40 hex digits>}`. From a file in data/problems it is
`{source: benchmark, set: math500, file: math500.jsonl}`: the sets whose files are known need no `sha256`. Which sets
there are, where their files come from and what their numbers hang on stands in docs/benchmarks.md; in `problems.sets`
leave `count` out, and the set is whole.
"""

import dataclasses
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.problems import _hub, _tables
from qup.problems._content import shuffled
from qup.problems._published import Benchmark, benchmark
from qup.problems._reading import Reading, reading
from qup.problems._tables import Row
from qup.records import Problem
from qup.settings import STRICT
from qup.settings.naming import FileBelow
from qup.settings.pins import PinnedFile, check_digest, is_file, read_file, require_commit


@dataclass(frozen=True, config=STRICT)
class Source:
    """Rows of one set, in a seeded order; a problem's source is `benchmark/<set>`."""

    endless: ClassVar[bool] = False

    set: str
    "A file of qup/problems/benchmarks; `qup list benchmarks` has them."
    file: FileBelow | None = None
    "In the folder for users' problems, data/problems; null: the hub."
    sha256: str | None = None
    "Of the file, 64 hex digits, as `sha256sum` prints it; null: that of a known file of the set."
    revision: str | None = None
    "Commit of the hub's copy, 40 hex digits; null: the known one of the set."

    def __post_init__(self) -> None:
        known = benchmark(self.set)
        if self.file is None:
            if self.sha256 is not None:
                raise SettingsError("is of a file, which is not named: add file: <its name in data/problems>", "sha256")
            require_commit(self.revision or known.hub.revision, known.hub.repo)
        elif self.revision is not None:
            raise SettingsError(f"is of the hub's copy, but a file is named, {self.file}: leave one out", "revision")
        elif known.digests:
            check_digest(self.sha256, self.file)
        else:
            PinnedFile(self.file, self.sha256)

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems. Every row is checked, used or not.

        Raises:
            SettingsError: the set is not there, is not what it is pinned to, or a row is not as its shapes have it.
        """
        read = self._hub() if self.file is None else self._file(self.file, files)
        return read.supply(count, shuffled(len(read.problems), seed, "benchmark", self.set))

    def missing(self, files: Path) -> str | None:
        """How the set's file is to be had where it is not in the folder; None where it is, or is of the hub."""
        if self.file is None or is_file(files / self.file):
            return None
        remedy = _remedy(benchmark(self.set), files / self.file, self.sha256)
        return f"{self.file}{remedy and f': {remedy}'}"

    def _file(self, file: str, files: Path) -> Reading:
        try:
            raw = read_file(files, file, self.sha256)
        except SettingsError as error:
            if is_file(files / file):
                raise
            remedy = _remedy(benchmark(self.set), files / file, self.sha256)
            raise SettingsError(f"{error.problem}{remedy and f'; {self.set} is to be had: {remedy}'}") from error
        return _read(self.set, benchmark(self.set), file, raw, self.sha256)

    def _hub(self) -> Reading:
        known = benchmark(self.set)
        copy, revision = known.hub, require_commit(self.revision or known.hub.revision, known.hub.repo)
        rows = [
            Row(f"{copy.repo}, row {place}", row)
            for place, row in enumerate(_hub.load(copy.repo, copy.config, copy.split, revision))
        ]
        return _reading(self.set, known, rows, f"{copy.repo} at {revision[:8]}", known.rows(None))


def _remedy(known: Benchmark, path: Path, sha256: str | None) -> str:
    """The commands that fetch the known files of a set, or of them the one of a hash; empty if no file is known."""
    fitting = [each for each in known.files if sha256 in (None, each.sha256)]
    hashes = {each: f" (SHA-256 {each.sha256})" if each.sha256 else "" for each in fitting or known.files}
    return " or ".join(f"`{each.fetched(str(path))}`{told}" for each, told in hashes.items())


@lru_cache(maxsize=16)
def _read(name: str, known: Benchmark, file: str, raw: bytes, sha256: str | None) -> Reading:
    """The problems of a set's file, made once; without a `sha256` it must be a known one.

    Raises:
        SettingsError: it is none; the message says where there is one, and how to pin this.
    """
    digest = hashlib.sha256(raw).hexdigest()
    if sha256 is None and digest not in known.digests:
        where = " or ".join(f"{each.url} (SHA-256 {digest})" for digest, each in known.digests.items())
        raise SettingsError(
            f"{file} is no known file of {name}: it has SHA-256 {digest}; fetch {where}, or, if this one is meant, "
            f"pin it: sha256: {digest}"
        )
    return _reading(name, known, _tables.rows(file, raw), file, known.rows(digest))


def _reading(name: str, known: Benchmark, rows: list[Row], where: str, expected: int | None) -> Reading:
    """The problems in the rows, and a word on how many were expected."""
    columns = dataclasses.replace(known.columns(rows, where), grader=known.grader)
    read = reading(rows, columns, f"benchmark/{name}", where)
    of = "" if expected is None else f" of {expected}"
    return dataclasses.replace(read, told=f"{name}, {read.told}; {len(rows)}{of} rows")
