"""How the data of a task of lm-eval are pinned to files, a file a split.

>>> example(["test"])
'data: {test: {file: ..., sha256: ...}}'
"""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from qup import settings
from qup.errors import SettingsError, shown
from qup.settings.pins import FOLDER, PinnedFile


def example(splits: Iterable[str]) -> str:
    """How files of these splits are pinned."""
    return f"data: {{{', '.join(f'{split}: {{file: ..., sha256: ...}}' for split in splits)}}}"


def pinned(split: str, given: Any) -> PinnedFile:
    """The file that a split is in.

    Raises:
        SettingsError: below the split, nothing that pins a file was given.
    """
    if not isinstance(given, Mapping):
        file = shlex.quote(f"{FOLDER}/{given}") if isinstance(given, str) else f"{FOLDER}/..."
        raise SettingsError(
            f"expected {{file: ..., sha256: ...}}, got {shown(given)}: `sha256sum {file}` prints the hash", split
        )
    try:
        return settings.read(PinnedFile, given)
    except SettingsError as error:
        raise error.below(split) from error
