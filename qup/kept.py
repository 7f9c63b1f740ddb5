"""What was computed once and is not computed again: rows, found by the hash of all that they follow from.

Whoever keeps something names it by everything that it can depend on and by nothing else, so nothing kept can be stale;
a file holds a hash of its rows, so none is taken that is damaged. It is state of the repository and no output of DVC:
it outlives a stage that is killed and the throw-away copy of `dvc exp run --temp`, and may be deleted at any time. Of
more than `BOUND` bytes what was asked for longest ago goes first.

>>> path = place(folder, "sample", 3)  # doctest: +SKIP
>>> if (rows := read(path)) is None:  # doctest: +SKIP
...     write(path, rows := compute())
"""

import contextlib
import functools
import gzip
import hashlib
import json
import os
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qup import whole

FOLDER = Path(".qup/cells")
"Below the repository's root."
BOUND = 20_000_000_000
"Bytes that the folder may hold."
ABANDONED = 24 * 3600.0
"Seconds after which what a killed process was writing is nobody's."


def place(folder: Path, *parts: Any) -> Path:
    """The file for what follows from `parts`, which are JSON."""
    return folder / f"{digest(json.dumps(parts, sort_keys=True).encode())}.json.gz"


def read(path: Path) -> list[Any] | None:
    """The rows in a file; None if it is not there, or is damaged."""
    try:
        head, _, body = gzip.decompress(path.read_bytes()).partition(b"\n")
        rows: list[Any] = json.loads(body)
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    if head.decode(errors="replace") != digest(body):
        return None
    with contextlib.suppress(OSError):
        # It was asked for now; somebody may just have deleted it.
        os.utime(path)
    return rows


def write(path: Path, rows: Sequence[Any]) -> None:
    """Keep rows; two processes that keep the same at once do not disturb each other.

    Raises:
        SettingsError: there is no space left.
    """
    body = json.dumps(rows).encode()
    # By its process's number: two may have computed the same.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole.room_in(path.parent):
        try:
            part.write_bytes(gzip.compress(digest(body).encode() + b"\n" + body, mtime=0))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    tidy(path.parent)


def tidy(folder: Path, bound: int = BOUND) -> None:
    """Remove what killed processes left behind, and above so many bytes what was asked for longest ago."""
    files = []
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):
            found = entry.stat()
            files.append((found.st_mtime, found.st_size, Path(entry.path)))
    left = sum(size for _, size, _ in files)
    for asked, size, path in sorted(files):
        abandoned = path.suffix == ".part" and time.time() - asked > ABANDONED
        if abandoned or (left > bound and path.suffix != ".part"):
            path.unlink(missing_ok=True)
            left -= size


def digest(content: bytes) -> str:
    """The hash that all of this goes by."""
    return hashlib.sha256(content).hexdigest()


def of_folder(folder: Path) -> str:
    """A hash of all files of a folder, such as a model's, by their paths in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest(json.dumps([[str(path.relative_to(folder)), of_file(path)] for path in files]).encode())


def of_file(path: Path) -> str:
    """A hash of a file's bytes; they are read once a process, if it is not written again."""
    found = path.stat()
    return _read_once(path, found.st_mtime_ns, found.st_size, found.st_ino)


@functools.cache
def _read_once(path: Path, *state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
