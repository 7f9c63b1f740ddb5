"""Rows of a problem file: JSON Lines, a JSON list, CSV, TSV or Parquet; text also packed as `.gz`.

No type is guessed: what a text file holds is the text that stands there, so that 0.00001, 007 and 1.10 stay as written.
That is why CSV does not go through pandas or `datasets`, which take a first column for an index, fill up short rows and
know no line numbers. Every reader raises `SettingsError` for a file that is cut or damaged, and names the place.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from qup.errors import SettingsError, shown
from qup.problems._content import listed
from qup.problems._text import decoded

PACKED = ".gz"
EXPECTED = 'expected {"question": "...", "answer": "..."}'
LINE_END = re.compile(r"\r\n|\n|\r")
"JSON can hold none of these in a string; others, as U+2028, it can."


EXPONENT = re.compile(r"[eE][+-]?\d{1,3}$")
PLAIN = 20
"Powers of ten up to which a number is written without one."


@dataclass(frozen=True)
class Row:
    """One row with the place where it stands, as `own.jsonl, line 3`."""

    where: str
    cells: Mapping[str, Any]


def rows(name: str, raw: bytes) -> list[Row]:
    """All rows in the bytes of a file, whose ending says what it is; what has no known one is taken for JSON Lines.

    Raises:
        SettingsError: the file cannot be read, or a row is none; one line that names it.
    """
    ending = Path(name.lower().removesuffix(PACKED)).suffix
    if name.lower().endswith(PACKED):
        raw = _unpacked(raw, name)
    if ending == ".parquet":
        return _parquet(raw, name)
    if ending in SEPARATORS:
        return _separated(decoded(raw, name), name, SEPARATORS[ending])
    return _json(decoded(raw, name), name)


def stem(name: str) -> str:
    """A file's name without folder and endings."""
    path = Path(name)
    return Path(path.stem).stem if path.suffix.lower() == PACKED else path.stem


def _unpacked(raw: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise SettingsError(f"{name} is no whole gzip file ({error}): fetch or pack it again") from error


SEPARATORS = {".csv": ",", ".tsv": "\t"}


def _separated(text: str, name: str, separator: str) -> list[Row]:
    """Rows below a line of column names."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    read = []
    try:
        header = [column.strip() for column in next(reader, [])]
        doubled = {column for column in header if column and header.count(column) > 1}
        if doubled:
            raise SettingsError(f"{name}, line 1: expected each column once, got twice: {listed(sorted(doubled))}")
        for cells in filter(None, reader):
            where = f"{name}, line {reader.line_num}"
            if len(cells) != len(header):
                raise SettingsError(
                    f"{where}: expected {len(header)} cells, as line 1 has, got {len(cells)}: a cell that holds "
                    f"{separator!r} needs quotes; is the line cut?"
                )
            read.append(Row(where, dict(zip(header, map(_cell, cells), strict=True))))
    except csv.Error as error:
        raise SettingsError(f"{name}, line {reader.line_num}: {error}: is a quote missing, or the file cut?") from error
    return read


def _cell(text: str) -> str | float:
    """A cell's text; NaN as the number that it is, for so do libraries write what is missing."""
    return float("nan") if text in ("NaN", "nan") else text


def _json(text: str, name: str) -> list[Row]:
    if text.lstrip().startswith("["):
        listed = _value(text, name)
        return [_row(item, f"{name}, item {number}") for number, item in enumerate(listed, 1)]
    # Files that were joined have a byte-order mark within, at the start of a line.
    lines = [line.lstrip("\ufeff") for line in LINE_END.split(text)]
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{name}, line {number}"
            try:
                found.append(_row(_value(line, where), where))
            except SettingsError as error:
                # Only the last line has none behind it; a whole one ends in a line end, which leaves an empty one.
                if number == len(lines) > 1 and isinstance(error.__cause__, json.JSONDecodeError):
                    raise SettingsError(f"{error} at the file's end: was it copied or fetched in full?") from error
                raise
    return found


def _row(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise SettingsError(f"{where}: {EXPECTED}, got {shown(value)}")
    return Row(where, value)


def _value(text: str, where: str) -> Any:
    """The value that a JSON text holds, each number as text, digit by digit.

    Raises:
        SettingsError: it is no JSON, or none that everyone reads alike.
    """
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where}: {EXPECTED}, got what is not JSON ({error})") from error
    except RecursionError as error:
        raise SettingsError(f"{where}: {EXPECTED}, got what is nested too deeply") from error
    except SettingsError as error:
        raise SettingsError(f"{where}: {EXPECTED}, got {error}") from error


def _constant(name: str) -> Any:
    raise SettingsError(f"{name}, which is no JSON and no answer: leave the row out, or write what is meant")


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        doubled = next(key for key in keys if keys.count(key) > 1)
        raise SettingsError(f"the key {shown(doubled)} twice")
    return row


def _number(written: str) -> str:
    """A number's own digits; an exponent is the JSON writer's doing, whose 1e-05 was 0.00001. A large one stays."""
    if not EXPONENT.search(written):
        return written
    value = Decimal(written)
    return format(value, "f") if abs(value.adjusted()) <= PLAIN else written


_integer: Callable[[str], str] = str
DECODER = json.JSONDecoder(
    parse_float=_number, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_once, strict=True
)


def _parquet(raw: bytes, name: str) -> list[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(io.BytesIO(raw), page_checksum_verification=True).read()
        found = table.to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        told = " ".join(str(error).split())
        raise SettingsError(f"{name} is no whole Parquet file ({told:.200}): fetch or write it again") from error
    if doubled := [column for column, count in Counter(table.column_names).items() if count > 1]:
        raise SettingsError(f"{name} has several columns {doubled[0]!r}: give each a name of its own")
    return [Row(f"{name}, row {number}", cells) for number, cells in enumerate(found, 1)]
