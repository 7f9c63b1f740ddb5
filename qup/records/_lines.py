"""Records as JSON Lines with sorted keys, so that equal records are equal bytes; a bad line is named with its fault."""

import dataclasses
import json
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from qup import whole
from qup.errors import SettingsError
from qup.records import _keys
from qup.records._values import filled

T = TypeVar("T")

OMITTED = types.MappingProxyType({"omitted": True})
"Metadata of a field that is written only where it differs from its default: records that never needed it stay as is."


def write(path: Path, records: Iterable[Any]) -> None:
    """Write records as JSON Lines, atomically: a reader never sees half a file.

    Raises:
        SettingsError: a record is none that `read` would take, such as one whose loss is not a number.
    """
    with (
        whole.file(path) as part,
        part.open("w", encoding="utf-8", newline="\n", errors="backslashreplace") as file,
    ):
        for number, record in enumerate(records, start=1):
            _record(dataclasses.asdict(record), type(record), f"{path}, line {number} to be written")
            file.write(line(record) + "\n")


def line(record: Any) -> str:
    """A record as one line of JSON."""
    return json.dumps(row(record), sort_keys=True, ensure_ascii=False)


def row(record: Any) -> dict[str, Any]:
    """A record's fields as they are written."""
    written = set(written_fields(record))
    return {name: value for name, value in dataclasses.asdict(record).items() if name in written}


def written_fields(record: Any) -> list[str]:
    """The names of those fields of a record that are written."""
    optional = omitted(type(record))
    needless = {name for name, default in optional.items() if getattr(record, name) == default}
    return [f.name for f in dataclasses.fields(record) if f.name not in needless]


def omitted(kind: Any) -> dict[str, Any]:
    """The fields of a type that are left out at their default, and that default."""
    optional = [f for f in dataclasses.fields(kind) if "omitted" in f.metadata]
    return {f.name: f.default if f.default_factory is dataclasses.MISSING else f.default_factory() for f in optional}


def parsed(text: str, kind: type[T]) -> T:
    """The record in one line, as `line` wrote it."""
    return _line(text.encode(), kind, "a line")


def read(path: Path, kind: type[T], due: Iterable[_keys.Key] | None = None) -> list[T]:
    """Read a file written by `write` back into records of `kind`.

    `due` are the keys of the records that it must hold, in order (`qup.records.due`); without it what it was made from
    is not known here, and only the file itself is checked.

    Raises:
        SettingsError: a line is no such record or one too many, or a record is not there; the message names the line.
    """
    if not path.is_file():
        raise SettingsError(f"{path} is not there: the stage that writes it has not run (dvc repro)")
    with path.open("rb") as file:
        records = [_line(line, kind, f"{path}, line {number}") for number, line in enumerate(file, start=1)]
    _keys.check(path, kind, records, due)
    return records


def _line(line: bytes, kind: type[T], where: str) -> T:
    """The record in a line."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where}: not {_a(kind)}: not JSON ({error})") from error
    return _record(row, kind, where)


def _record(row: Any, kind: type[T], where: str) -> T:
    """The record of some fields, each value checked against its field's annotation."""
    try:
        return typing.cast(T, filled(kind, row))
    except ValueError as error:
        raise SettingsError(f"{where}: not {_a(kind)}: {error}") from error


def _a(kind: type[Any]) -> str:
    """A kind's name with its article."""
    return f"{'an' if kind.__name__[0] in 'AEIO' else 'a'} {kind.__name__}"
