"""Records as JSON Lines with sorted keys, so that equal records are equal bytes; a bad line is named with its fault."""

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from qup.errors import SettingsError, hint

T = TypeVar("T")

OMITTED = {"omitted": True}
"Metadata of a field that is written only where it differs from its default: records that never needed it stay as is."


def write(path: Path, records: Iterable[Any]) -> None:
    """Write records as JSON Lines, atomically: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    with part.open("w", encoding="utf-8", newline="\n", errors="backslashreplace") as file:
        for record in records:
            file.write(json.dumps(row(record), sort_keys=True, ensure_ascii=False) + "\n")
    part.replace(path)


def row(record: Any) -> dict[str, Any]:
    """A record's fields as they are written."""
    optional = [f for f in dataclasses.fields(record) if "omitted" in f.metadata]
    needless = {f.name for f in optional if getattr(record, f.name) == f.default}
    return {name: value for name, value in dataclasses.asdict(record).items() if name not in needless}


def read(path: Path, kind: type[T]) -> list[T]:
    """Read a file written by `write` back into records of `kind`.

    Raises:
        SettingsError: a line is no such record; the message names file, line and field.
    """
    if not path.is_file():
        raise SettingsError(f"{path} is not there: the stage that writes it has not run (dvc repro)")
    with path.open(encoding="utf-8") as file:
        return [_record(line, kind, f"{path}, line {number}") for number, line in enumerate(file, start=1)]


def _record(line: str, kind: type[T], where: str) -> T:
    """The record in a line, each value checked against its field's annotation."""
    name = kind.__name__
    article = "an" if name[0] in "AEIO" else "a"
    try:
        return typing.cast(T, _filled(kind, json.loads(line)))
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where}: not {article} {name}: not JSON ({error})") from error
    except ValueError as error:
        raise SettingsError(f"{where}: not {article} {name}: {error}") from error


def _filled(kind: Any, row: Any, within: str = "") -> Any:
    """A record of `kind` from its fields; `within` is the field of another record that it stands in.

    Raises:
        ValueError: they are not its fields; the message names the field.
    """
    where = f"field {within!r}: " if within else ""
    if not isinstance(row, dict):
        raise ValueError(f"{where}expected fields, got {json.dumps(row)[:60]!r}")
    fields = _fields(kind)
    for key in row:
        if key not in fields:
            raise ValueError(f"{where}unknown field {key!r}: {hint(key, fields)}")
    missing = [key for key, (_, required) in fields.items() if required and key not in row]
    if missing:
        raise ValueError(f"{where}lacks {', '.join(missing)}")
    path = f"{within}." if within else ""
    return kind(**{key: _value(fields[key][0], value, path + key) for key, value in row.items()})


@functools.cache
def _fields(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """Field to its type and whether a record must have it."""
    hints = typing.get_type_hints(kind)
    none = dataclasses.MISSING
    return {f.name: (hints[f.name], f.default is none and f.default_factory is none) for f in dataclasses.fields(kind)}


def _value(hint_: Any, value: Any, field: str) -> Any:
    """A value as its field's type has it: enums from their text, records within a record, all else as it is."""
    if isinstance(hint_, types.UnionType):
        choices = [part for part in typing.get_args(hint_) if part is not type(None)]
        return None if value is None else _value(choices[0], value, field)
    if dataclasses.is_dataclass(hint_):
        return _filled(hint_, value, field)
    if isinstance(hint_, type) and issubclass(hint_, enum.Enum):
        values = [member.value for member in hint_]
        if value not in values:
            raise ValueError(f"field {field!r}: expected one of {', '.join(values)}, got {value!r:.60}")
        return hint_(value)
    if not _fits(hint_, value):
        expected = hint_.__name__ if isinstance(hint_, type) else hint_
        raise ValueError(f"field {field!r}: expected {expected}, got {value!r:.60}")
    return value


def _fits(hint_: Any, value: Any) -> bool:
    """Whether a value is of a type, what it holds included."""
    origin, inner = typing.get_origin(hint_), typing.get_args(hint_)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(inner[1], item) for item in value.values())
    if origin is list:
        return isinstance(value, list) and all(_fits(inner[0], item) for item in value)
    # To Python, true is a number.
    return isinstance(value, (int, float) if hint_ is float else hint_) and not isinstance(value, bool)
