"""Settings as YAML files have them, read as DVC reads them; what no settings can hold is refused here, in one line."""

import math
import re
from pathlib import Path
from typing import Any

from qup.errors import SettingsError
from qup.settings.text import read_text

DEEPEST = 50
"Levels of nesting; settings have ten."
OPENED = re.compile(rf"(?:[\[{{]\s*){{{DEEPEST + 1}}}")
MOST = 1_000_000
"Values, each counted as often as aliases repeat it: nine lists of nine aliases of each other are 387 million."
LARGEST = 1 << 63


def read_yaml(path: Path) -> Any:
    """What a YAML file holds: YAML 1.2, in which `1e-4` is a number and `no` is a word.

    Raises:
        SettingsError: it is not there, is no YAML, has a key twice, is no UTF-8, or holds what no settings can.
    """
    from ruamel.yaml import YAML

    if not path.is_file():
        raise SettingsError(f"{path} cannot be read (No such file or directory): run in the repository's root")
    text = read_text(path)
    if OPENED.search(text):
        # The reader would look for the end of each, which takes it seconds.
        raise SettingsError(f"{path} is not YAML that settings are written in: it is nested too deeply")
    try:
        given = YAML(typ="safe", pure=True).load(text)
    except RecursionError as error:
        raise SettingsError(f"{path} is not YAML that settings are written in: it is nested too deeply") from error
    except Exception as error:
        # Beside its own errors the reader lets through what Python's constructors raise: of a date in month 13, of
        # a number of 5,000 digits, of a tag on what it does not fit.
        raise SettingsError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        _sized(given, (), {})
    except SettingsError as error:
        raise error.below(path.stem) from error
    return given


def _sized(value: Any, path: tuple[str, ...], sizes: dict[int, int]) -> int:
    """How many values there are in one, aliases written out; `sizes` are those of the mappings and lists seen.

    Raises:
        SettingsError: it is nested too deeply, as one that holds itself is, or there is a value no settings can hold.
    """
    if isinstance(value, dict | list):
        if id(value) not in sizes:
            sizes[id(value)] = 1 + sum(_sized(item, (*path, key), sizes) for key, item in _items(value, path))
        size = sizes[id(value)]
        if size > MOST:
            raise SettingsError(f"expected settings, got more than {MOST} values: do aliases repeat each other?", *path)
        return size
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"expected a finite number, got {value}", *path)
    if isinstance(value, int) and abs(value) >= LARGEST:
        raise SettingsError(f"expected a number below 2^63, got one of {value.bit_length()} bits", *path)
    return 1


def _items(value: dict[Any, Any] | list[Any], path: tuple[str, ...]) -> list[tuple[str, Any]]:
    """What stands in a mapping or a list, with the key that errors name it by."""
    if len(path) >= DEEPEST:
        raise SettingsError(f"nested more than {DEEPEST} deep, or it holds itself", *path[:3])
    if isinstance(value, list):
        return [(f"[{place}]", item) for place, item in enumerate(value)]
    for key in value:
        if key is not None and not isinstance(key, str | int | float):
            raise SettingsError(f"expected a name before the colon, got {key!r:.60}", *path)
    return [(str(key), item) for key, item in value.items()]
