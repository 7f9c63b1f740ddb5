"""Values of records as their fields' annotations have them: type and range of each, what it holds included."""

import dataclasses
import enum
import functools
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge

from qup.errors import hint

Count = Annotated[int, Ge(0)]
Ordinal = Annotated[int, Ge(1)]
Magnitude = Annotated[float, Ge(0)]
"Every number is finite; this one is not negative either."
Reader = Callable[[Any, str], Any]
"From a value as JSON has it, and its field, to the record's; a ValueError names the field."
TEXTS: Mapping[Any, frozenset[type]] = {str: frozenset((str,)), str | None: frozenset((str, type(None)))}
"Kinds of text to the types of what JSON has of them, any of which will do."
LARGEST = 2**63
"Whole numbers of this size and above fit no array."


def filled(kind: Any, row: Any, within: str = "") -> Any:
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
    return kind(**{key: fields[key][0](value, path + key) for key, value in row.items()})


def typed(kind: Any, field: str, value: Any) -> Any:
    """The value of one field of a record of `kind`.

    Raises:
        ValueError: it is none of that field's type and range.
    """
    return _fields(kind)[field][0](value, field)


@functools.cache
def _fields(kind: Any) -> Mapping[str, tuple[Reader, bool]]:
    """Field to what reads its value, and whether a record must have it."""
    hints = typing.get_type_hints(kind, include_extras=True)
    none = dataclasses.MISSING
    return {
        f.name: (_reader(hints[f.name]), f.default is none and f.default_factory is none)
        for f in dataclasses.fields(kind)
    }


def _reader(kind: Any) -> Reader:
    """What reads values of a type."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (choice,) = [_reader(part) for part in inner if part is not type(None)]
        return lambda value, field: None if value is None else choice(value, field)
    if kind is Any:
        return lambda value, field: value
    if origin is Annotated:
        (least,) = [mark.ge for mark in inner[1:] if isinstance(mark, Ge)]
        return functools.partial(_at_least, least, _reader(inner[0]))
    if origin in (list, dict):
        read = _reader(inner[-1])
        texts = TEXTS.get(inner[-1], frozenset())
        return functools.partial(_list, read, texts) if origin is list else functools.partial(_dict, read)
    if origin is Literal or (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return functools.partial(_one_of, {str(name): name for name in inner or kind})
    return functools.partial(filled if dataclasses.is_dataclass(kind) else _plain, kind)


def _one_of(names: Mapping[str, Any], value: Any, field: str) -> Any:
    """One of a few names, or the member of an enum that has it."""
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"field {field!r}: expected one of {', '.join(names)}, got {value!r:.60}")
    return names[value]


def _at_least(least: Any, read: Reader, value: Any, field: str) -> Any:
    found = read(value, field)
    if not found >= least:
        raise ValueError(f"field {field!r}: expected {least} or more, got {value!r:.60}")
    return found


def _list(read: Reader, texts: frozenset[type], value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"field {field!r}: expected a list, got {value!r:.60}")
    if texts.issuperset(map(type, value)):
        # Ids by the hundred thousand.
        return value
    try:
        return [read(item, field) for item in value]
    except ValueError:
        # Once more, with the place: words for each of a hundred thousand items would cost more than reading them.
        return [read(item, f"{field}[{place}]") for place, item in enumerate(value)]


def _dict(read: Reader, value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"field {field!r}: expected names and values, got {value!r:.60}")
    return {key: read(item, f"{field}.{key}") for key, item in value.items()}


def _plain(kind: Any, value: Any, field: str) -> Any:
    """Text, true or false, or a number: a whole one will do for a real one, and each must fit an array."""
    # To Python, true is a number.
    if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool) != (kind is bool):
        raise ValueError(f"field {field!r}: expected {kind.__name__}, got {value!r:.60}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"field {field!r}: expected a finite number, got {value!r}")
    if isinstance(value, int) and not -LARGEST <= value < LARGEST:
        raise ValueError(f"field {field!r}: expected a number of 64 bits, got one of {value.bit_length()}")
    return value
