"""Files and folders that are there whole or not at all, whoever is killed and whatever runs full.

Each is written beside its place and takes it when it is whole. What a killed run has left there, the next one removes.

>>> with folder(Path("trained")) as part:  # doctest: +SKIP
...     save(model, part)
"""

import contextlib
import errno
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from qup.errors import SettingsError

PART = re.compile(r"^\..*\.part$")
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SAYS_FULL = re.compile(r"no space left|os error 28|disk is full|quota exceeded|file too large", re.IGNORECASE)
"What libraries make of such an error: safetensors, SQLite, Arrow."


def write(place: Path, content: str | bytes) -> None:
    """Write one file, text as UTF-8.

    Raises:
        SettingsError: there is no space left.
    """
    with file(place) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def file(place: Path) -> Iterator[Path]:
    """A file to write, which takes its place at the end of the block; after an error the place is as it was."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.part")
    with room_in(place.parent):
        try:
            yield part
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def folder(place: Path) -> Iterator[Path]:
    """A folder to fill, which takes its place at the end of the block; after an error the place is as it was."""
    # A link stays one.
    place = Path(os.path.realpath(place))
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(f".{glob.escape(place.name)}.[0-9]*.part"):
        shutil.rmtree(left, ignore_errors=True)
    # By its process's number: what a run that is not quite dead still writes is not taken for this one's.
    part, before = (place.with_name(f".{place.name}.{os.getpid()}{state}.part") for state in ("", "-before"))
    with room_in(place.parent, Path(tempfile.gettempdir())):
        try:
            part.mkdir()
            yield part
            if place.exists():
                place.replace(before)
            part.replace(place)
        finally:
            for left in (part, before):
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def room_in(*folders: Path) -> Iterator[None]:
    """Make one line of an error for want of space in one of some folders; it names the fullest.

    Raises:
        SettingsError: there is no space left.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, SettingsError) or not _is_full(error):
            raise
        fullest = min(folders, key=lambda folder: shutil.disk_usage(folder).free)
        # Not one beside its place: it is gone by the time that somebody reads this.
        named = next(each for each in (fullest, *fullest.parents) if not any(map(PART.search, each.parts)))
        raise SettingsError(f"no space left on {named}: free some, then run the same command again") from error


def _is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that a disk is full."""
    while error is not None:
        if (isinstance(error, OSError) and error.errno in FULL) or SAYS_FULL.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
