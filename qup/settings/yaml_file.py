"""YAML files of users: whatever stands in one is settings, or one line that says what it cannot be."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qup.errors import SettingsError, shown

LARGEST = 2**53
"Whole numbers above are not the same number in every program that reads them."
MOST = 100_000
"Values in a file, aliases written out: nine lines of aliases of aliases are a billion."
BRACKETS = 10_000
"Brackets in a file; the reader takes seconds to give up at ten times as many, one in the other."
DEEPEST = 50
"Settings within settings."
LONGEST = 10_000_000
"Bytes of a file."


def read_yaml(path: Path) -> Any:
    """What a YAML file holds, read as DVC reads it: YAML 1.2, in which `1e-4` is a number and `no` is a word.

    Raises:
        SettingsError: it is not there, is no YAML in UTF-8, has a key twice, or holds what settings cannot.
    """
    from ruamel.yaml import YAML

    text = _text(path)
    if text.count("[") + text.count("{") > BRACKETS:
        raise SettingsError(f"{path} is not YAML that can be read: too many brackets")
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except RecursionError as error:
        raise SettingsError(f"{path} is not YAML that can be read: too many settings within settings") from error
    except Exception as error:
        # Beside its own errors the reader raises what its conversions do: a 13th month, a number of 5,000 digits.
        raise SettingsError(f"{path} is not YAML: {str(error)[:500]}") from error
    try:
        _check(value)
    except SettingsError as error:
        raise error.below(path.name) from error
    return value


def _text(path: Path) -> str:
    """A file's text."""
    try:
        if path.exists() and not path.is_file():
            raise SettingsError(f"{path} is a folder or a device, expected a file")
        if path.stat().st_size > LONGEST:
            raise SettingsError(f"{path} has more than {LONGEST:,} bytes, expected a file of settings")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(f"{path} cannot be read (there is no such file): run in the repository's root") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}): see who may read it (ls -l)") from error
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise SettingsError(f"{path} is not UTF-8 (byte {byte:#x} at {error.start}): save it as UTF-8") from error


def _check(whole: Any) -> None:
    """Refuse what YAML can say and settings cannot be: where it is and what was expected.

    Raises:
        SettingsError: at the first such value.
    """
    # A list of what is still to be seen and no recursion: an alias may stand in itself.
    todo: list[tuple[Any, tuple[str, ...]]] = [(whole, ())]
    seen = 0
    while todo:
        value, path = todo.pop()
        seen += 1
        if seen > MOST:
            raise SettingsError(f"holds more than {MOST:,} values, aliases (*name) written out: repeat fewer")
        if len(path) > DEEPEST:
            raise SettingsError(f"expected at most {DEEPEST} settings within settings", *path[:3])
        _check_one(value, *path)
        todo += [(inner, (*path, key)) for key, inner in _inside(value, *path)]


def _inside(value: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """What stands in a value, by its key."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise SettingsError(f"expected text for a key, got {shown(key)}: put it in quotes", *path)
            _check_one(key, *path)
            yield key, inner
    elif isinstance(value, list | tuple | set):
        yield from ((f"[{i}]", inner) for i, inner in enumerate(value))


def _check_one(value: Any, *path: str) -> None:
    """Refuse a number or a text that other programs could not hold."""
    if isinstance(value, int) and abs(value) > LARGEST:
        digits = int(value.bit_length() * 0.30103) + 1
        raise SettingsError(f"expected a number of at most {LARGEST}, got one of about {digits} digits", *path)
    if isinstance(value, str) and any((c < " " and c not in "\n\t") or "\ud800" <= c <= "\udfff" for c in value):
        raise SettingsError(f"expected text without control characters, got {shown(value)}", *path)
