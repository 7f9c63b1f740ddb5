"""Figures and the file that holds them: each says of what, when, where and from which commit it is."""

import dataclasses
import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from qup import provenance

PROCESSOR = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Figure:
    """One side of one benchmark of one study."""

    value: float
    "The best run."
    unit: str
    runs: list[float]
    study: str
    commit: str
    "Of our code; `+changes` if files that Git knows were changed."
    date: str
    "UTC."
    machine: dict[str, str | int]
    "Processor, cores, Python and torch."


def figure(runs: list[float], unit: str, study: str) -> Figure:
    """The figure that runs of just now on this machine come to; seconds are best when few, rates when high."""
    found = provenance.environment(Path())
    commit = found.get("mlflow.source.git.commit", "unknown") + "+changes" * (found.get("git.dirty") == "true")
    machine: dict[str, str | int] = {"cpu": _processor(), "cores": os.cpu_count() or 1}
    machine |= {"python": found["python"], "torch": found["torch"]}
    rounded = [float(f"{run:.4g}") for run in runs]
    best = min(rounded) if unit == "s" else max(rounded)
    return Figure(best, unit, rounded, study, commit, datetime.now(UTC).isoformat(timespec="seconds"), machine)


def add(path: Path, figures: dict[str, Figure]) -> None:
    """Put figures into a file by name, in place of older ones of the same name; the others stay."""
    held = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    held |= {name: dataclasses.asdict(figure) for name, figure in figures.items()}
    path.write_text(json.dumps(held, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _processor() -> str:
    """The processor's name, which `platform` does not tell on Linux."""
    lines = PROCESSOR.read_text(encoding="utf-8").splitlines() if PROCESSOR.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
