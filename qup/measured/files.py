"""Measured arms as files: written so that equal records are equal bytes, read with every mistake in one line."""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson

from qup import whole
from qup.errors import SettingsError
from qup.measured import Base, Curve, Judged, Measured
from qup.measured.answers import Answers, Column, Counts
from qup.measured.restyled import Shifted
from qup.records import Step, omitted, row, typed, written_fields

T = TypeVar("T", Measured, Base)


def write(path: Path, measured: Sequence[Measured | Base]) -> None:
    """Measured arms as one file, a line per field so that two versions can be compared."""
    blocks = []
    for item in measured:
        fields = ((name, getattr(item, name)) for name in written_fields(item))
        lines = (f"{json.dumps(key)}: {json.dumps(_plain(value), ensure_ascii=False)}" for key, value in fields)
        blocks.append("{" + ",\n".join(lines) + "}")
    whole.write(path, "[" + ",\n".join(blocks) + "]\n")


def _plain(value: Any) -> Any:
    """A field as JSON has it: a number that is not finite, which JSON has not, as null."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(row(value))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read(path: Path) -> list[Measured]:
    """The measured arms in a file.

    Raises:
        SettingsError: there is no such file, or it holds something else.
    """
    return _each(path, Measured, _measured)


def read_arm(path: Path) -> Measured:
    """The one measured arm in a main arm's file.

    Raises:
        SettingsError: there is no such file, or it holds something else.
    """
    return _one(path, read(path))


def read_base(path: Path) -> Base:
    """The untrained learner's file.

    Raises:
        SettingsError: there is no such file, or it holds something else.
    """
    return _one(path, _each(path, Base, _base))


def _one(path: Path, items: Sequence[T]) -> T:
    if len(items) != 1:
        raise _another_version(path)
    return items[0]


def _each(path: Path, kind: type[T], make: Callable[[dict[str, Any]], T]) -> list[T]:
    """What is made of each row of a file, whose fields are those of `kind`."""
    rows, fields = _rows(path), {f.name for f in dataclasses.fields(kind)}
    due = fields - set(omitted(kind))
    if not isinstance(rows, list) or not all(isinstance(row, dict) and due <= set(row) <= fields for row in rows):
        raise _another_version(path)
    try:
        return [make(row) for row in rows]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        # What a field holds has other fields, lacks some, or has another shape.
        raise _another_version(path) from error


def _rows(path: Path) -> Any:
    if not path.is_file():
        raise SettingsError(f"{path} is not there: run `dvc repro`")
    try:
        return loaded(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is damaged ({error}): git checkout it, or run `dvc repro`") from error


def loaded(content: bytes) -> Any:
    """What a file of JSON holds. Large ones are read four times as fast by orjson, to the same numbers."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        # It takes less than Python does: NaN, numbers too large. What neither takes is told in Python's words.
        return json.loads(content.decode("utf-8"))


def _another_version(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} is damaged or was measured by another version of qup: git checkout it, or run `dvc repro`"
    )


def _measured(row: dict[str, Any]) -> Measured:
    columns = {key: {name: _array(own) for name, own in row[key].items()} for key in ("rewards", "metrics")}
    made: dict[str, Any] = {**columns, "tokens": _array(row["tokens"]), "nll": _array(row["nll"])}
    made |= {"curves": [_curve(curve) for curve in row["curves"]], "answers": _read_answers(row)}
    return Measured(**_typed(Measured, row, made))


def _base(row: dict[str, Any]) -> Base:
    judged = [Judged(**_typed(Judged, each, {"values": _array(each["values"])})) for each in row["judged"]]
    steps = [_step(step) for step in row["pretraining"]]
    made: dict[str, Any] = {"answers": _read_answers(row), "pretraining": steps, "judged": judged}
    made |= {"restyled": [_shifted(each) for each in row["restyled"]]} if "restyled" in row else {}
    return Base(**_typed(Base, row, made))


def _shifted(each: dict[str, Any]) -> Shifted:
    columns = {key: _array(each[key]) for key in ("before", "after")}
    return Shifted(**_typed(Shifted, each, columns))


def _typed(kind: type[Any], row: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record, those that are not made yet as their annotations have them."""
    return {key: made[key] if key in made else typed(kind, key, value) for key, value in row.items()}


def _curve(curve: dict[str, Any]) -> Curve:
    return Curve(**_typed(Curve, curve, {"loss": [_number(loss) for loss in curve["loss"]]}))


def _step(step: dict[str, Any]) -> Step:
    return Step(**_typed(Step, step, {key: _number(step[key]) for key in ("loss", "grad_norm")}))


def _number(value: float | None) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r}")
    return value


def _read_answers(row: dict[str, Any]) -> list[Answers]:
    counts = ("answers", "correct", "truncated", "unparsed")
    made = []
    for answers in row["answers"]:
        tables: dict[str, Any] = {key: _counts(answers[key]) for key in counts}
        tables["majority"] = np.array([_array(shares) for shares in answers["majority"]])
        made.append(Answers(**_typed(Answers, answers, tables)))
    return made


def _counts(rows: list[list[int]]) -> Counts:
    table = np.array(rows, dtype=np.int64)
    if table.tolist() != rows:
        raise ValueError("a count is no whole number")
    return table


def _array(values: Sequence[float | None]) -> Column:
    """Numbers as a column; NumPy takes None for NaN, but text for a number too."""
    if not {*map(type, values)} <= {int, float, type(None)}:
        raise TypeError(f"expected numbers, got {values!r:.60}")
    return np.array(values, dtype=np.float64)
