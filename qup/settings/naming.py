"""Which names a study, and what is in it, may have: they become folders, stages of DVC and words on a command line."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated

from pydantic import AfterValidator

from qup.errors import SettingsError, shown

NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
LONGEST = 100
DEEPEST = 4
"Folders above the last of such names."
OURS = (".json", ".jsonl")
"Endings of the files that stand among the folders named so."
ALLOWED = f"at most {LONGEST} of a-z A-Z 0-9 _ - . with no - or . at its ends, and no {' or '.join(OURS)}"


def check(names: Iterable[str], *where: str) -> None:
    """Refuse names that do not stay below their folder, or that not every file system tells apart.

    Raises:
        SettingsError: at the first such name.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not _allowed(name):
            raise SettingsError(f"expected a name of {ALLOWED}, got {shown(name)}", *where)
        _tell_apart(name, seen, *where)


def check_paths(names: Iterable[str], *where: str) -> None:
    """The same of names made of names with / between, as those of arms."""
    seen: dict[str, str] = {}
    for name in names:
        if name.count("/") > DEEPEST or not all(map(_allowed, name.split("/"))):
            raise SettingsError(f"expected names of {ALLOWED}, up to {DEEPEST} / between, got {shown(name)}", *where)
        _tell_apart(name, seen, *where)


def _allowed(name: str) -> bool:
    return NAME.fullmatch(name) is not None and len(name) <= LONGEST and not name.endswith(OURS)


def _tell_apart(name: str, seen: dict[str, str], *where: str) -> None:
    """Refuse a name that differs from one seen before in case only; note it."""
    twin = seen.setdefault(name.casefold(), name)
    if twin != name:
        raise SettingsError(
            f"{twin!r} and {name!r} differ in case only; some file systems take them for one: rename one", *where
        )


def _stays(file: str) -> str:
    """A file's path as given, if it stays in its folder."""
    ways = (PurePosixPath(file), PureWindowsPath(file))
    leaves = any(way.anchor or ".." in way.parts or not way.parts for way in ways)
    if leaves or not file.strip() or not file.isprintable():
        raise SettingsError(f"expected a file below the folder, such as mine/problems.jsonl, got {shown(file)}")
    return file


FileBelow = Annotated[str, AfterValidator(_stays)]
"A setting that names a file below a folder of ours."
