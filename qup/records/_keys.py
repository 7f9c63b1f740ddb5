"""The keys of a file's records: none twice, and where what the file was made from is known, just those that are due."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qup.errors import SettingsError

Key = tuple[Any, ...]
"The values of a record's `KEY` fields."
REMEDY = "damaged, or of another run: `qup check --data` tells which, and what to do"


def check(path: Path, kind: type[Any], records: Sequence[Any], due: Iterable[Key] | None) -> None:
    """Refuse doubles, and all but the records of the keys that are due, in that order.

    Order counts: two ids that were swapped leave the same keys, but in other places.

    Raises:
        SettingsError: the message names the line, or the record that is not there.
    """
    lines = _lines(path, kind, records)
    _check_even(path, kind, records)
    wanted = None if due is None else list(due)
    if wanted is None or list(lines) == wanted:
        return
    known = set(wanted)
    for key, line in lines.items():
        if key not in known:
            raise SettingsError(f"{path}, line {line}: {_named(kind, key)} is none of those that are due: {REMEDY}")
    missing = [key for key in wanted if key not in lines]
    if missing:
        count = f"{len(missing)} of {len(wanted)} records, the first" if len(missing) > 1 else "a record"
        raise SettingsError(f"{path} lacks {count}: {_named(kind, missing[0])}: {REMEDY}")
    key, place = next(
        (key, place) for place, (key, other) in enumerate(zip(lines, wanted, strict=True)) if key != other
    )
    raise SettingsError(
        f"{path}, line {lines[key]}: {_named(kind, key)} stands where {_named(kind, wanted[place])} is due: {REMEDY}"
    )


def _lines(path: Path, kind: type[Any], records: Sequence[Any]) -> dict[Key, int]:
    """Key to the line that it is in."""
    fields = getattr(kind, "KEY", ())
    lines: dict[Key, int] = {}
    for line, record in enumerate(records, start=1) if fields else ():
        key = tuple(getattr(record, field) for field in fields)
        if key in lines:
            raise SettingsError(f"{path}, line {line}: {_named(kind, key)} is in line {lines[key]} already: {REMEDY}")
        lines[key] = line
    return lines


def _check_even(path: Path, kind: type[Any], records: Sequence[Any]) -> None:
    """Refuse a file that is cut within groups that are as large as one another, where its kind declares some."""
    fields = getattr(kind, "EVEN", ())
    sizes = Counter(tuple(getattr(record, field) for field in fields) for record in records) if fields else Counter()
    most: dict[Any, int] = {}
    for (group, _), size in sizes.items():
        most[group] = max(size, most.get(group, 0))
    for key, size in sizes.items():
        if size < most[key[0]]:
            where = ", ".join(f"{field} {value!r}" for field, value in zip(fields, key, strict=True))
            raise SettingsError(f"{path} has {size} records of {where} and {most[key[0]]} of another: {REMEDY}")


def _named(kind: type[Any], key: Key) -> str:
    """A record by its key, in words; without what is not written either, as the slot of a problem's only trace."""
    plain = {f.name: f.default for f in dataclasses.fields(kind) if "omitted" in f.metadata}
    fields = ((field, value) for field, value in zip(kind.KEY, key, strict=True) if value != plain.get(field))
    values = (f"{field} {value!r:.60}" for field, value in fields)
    return f"{kind.__name__} of {', '.join(values)}"
