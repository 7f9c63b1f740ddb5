"""Measured arms as files: written so that equal records are equal bytes, read with every mistake in one line."""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from qup.errors import SettingsError
from qup.measured import Base, Curve, Judged, Measured, Stream
from qup.measured.answers import Answers, Column
from qup.records import Probed, Step, TrainRun, row

T = TypeVar("T", Measured, Base)
OPTIONAL = {"notes"}
"Fields that are left out where they are empty."


def write(path: Path, measured: Sequence[Measured | Base]) -> None:
    """Measured arms as one file, a line per field so that two versions can be compared."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = []
    for item in measured:
        fields = ((f.name, getattr(item, f.name)) for f in dataclasses.fields(item) if _there(item, f.name))
        lines = (f"{json.dumps(key)}: {json.dumps(_plain(value), ensure_ascii=False)}" for key, value in fields)
        blocks.append("{" + ",\n".join(lines) + "}")
    # Whole or not at all: Git keeps this file.
    part = path.with_suffix(".part")
    part.write_text("[" + ",\n".join(blocks) + "]\n", encoding="utf-8")
    part.replace(path)


def _there(item: Measured | Base, name: str) -> bool:
    return name not in OPTIONAL or bool(getattr(item, name))


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


def read_base(path: Path) -> Base:
    """The untrained learner's file.

    Raises:
        SettingsError: there is no such file, or it holds something else.
    """
    bases = _each(path, Base, _base)
    if len(bases) != 1:
        raise _another_version(path)
    return bases[0]


def _each(path: Path, kind: type[T], make: Callable[[dict[str, Any]], T]) -> list[T]:
    """What is made of each row of a file, whose fields are those of `kind`."""
    rows, fields = _rows(path), {f.name for f in dataclasses.fields(kind)}
    if not isinstance(rows, list) or any(not isinstance(row, dict) or (fields ^ set(row)) - OPTIONAL for row in rows):
        raise _another_version(path)
    try:
        return [make(row) for row in rows]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What a field holds has other fields, lacks some, or has another shape.
        raise _another_version(path) from error


def _rows(path: Path) -> Any:
    if not path.is_file():
        raise SettingsError(f"{path} is not there: run `dvc repro`")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingsError(f"{path} is damaged ({error}): git checkout it, or run `dvc repro`") from error


def _another_version(path: Path) -> SettingsError:
    return SettingsError(f"{path} was measured by another version of qup: run `dvc repro`")


def _measured(row: dict[str, Any]) -> Measured:
    columns = {key: {name: _array(values) for name, values in row[key].items()} for key in ("rewards", "metrics")}
    parts = {"stream": Stream(**row["stream"]), "runs": [_run(run) for run in row["runs"]]}
    parts |= {"curves": [_curve(curve) for curve in row["curves"]], "answers": _read_answers(row)}
    return Measured(**{**row, **parts, **columns, "tokens": _array(row["tokens"]), "nll": _array(row["nll"])})


def _base(row: dict[str, Any]) -> Base:
    parts = {"answers": _read_answers(row), "pretraining": [_step(step) for step in row["pretraining"]]}
    judged = [Judged(**{**each, "values": _array(each["values"])}) for each in row["judged"]]
    return Base(**{**row, **parts, "judged": judged})


def _run(run: dict[str, Any]) -> TrainRun:
    probed = {key: run[key] and Probed(**run[key]) for key in ("stream", "native")}
    return TrainRun(**{**run, **probed})


def _curve(curve: dict[str, Any]) -> Curve:
    return Curve(**{**curve, "loss": [_number(loss) for loss in curve["loss"]]})


def _step(step: dict[str, Any]) -> Step:
    return Step(**{**step, "loss": _number(step["loss"]), "grad_norm": _number(step["grad_norm"])})


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _read_answers(row: dict[str, Any]) -> list[Answers]:
    counts = ("answers", "correct", "truncated", "unparsed")
    return [
        Answers(
            **{
                **answers,
                **{key: np.array(answers[key], dtype=np.int64) for key in counts},
                "majority": np.array([_array(shares) for shares in answers["majority"]]),
            }
        )
        for answers in row["answers"]
    ]


def _array(values: Sequence[float | None]) -> Column:
    return np.array([_number(value) for value in values], dtype=np.float64)
