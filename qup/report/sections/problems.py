"""Problems and samples: the learner's own samples by verdict, and the problems' checks."""

from dataclasses import dataclass
from typing import Any

from qup.measured import Base
from qup.report.view import Cell, Section, Table


@dataclass(frozen=True)
class Samples:
    """The learner's samples of the training problems."""

    traces: int
    solved: dict[str, list[int]]
    "Training set to its problems with a correct sample, and all of its problems."
    verdicts: dict[str, int]


@dataclass(frozen=True)
class Problems:
    """What the streams start from."""

    samples: Samples
    checks: dict[str, Any]
    "Counts of the prepare stage, as it wrote them."


def numbers(base: Base) -> Problems:
    """Counts of samples and problems."""
    return Problems(Samples(sum(base.samples.values()), base.solved, base.samples), base.checks)


def show(problems: Problems) -> Section:
    """Two tables of counts."""
    samples = problems.samples
    sets = (f"{solved} of {problems} in {name}" for name, (solved, problems) in samples.solved.items())
    text = f"With {samples.traces:,} samples the learner solved, of the problems of all replicates: {'; '.join(sets)}."
    verdicts = Table(
        ["verdict", "samples"],
        [[Cell(verdict), Cell(f"{count:,}")] for verdict, count in samples.verdicts.items()],
        caption="Sampled traces by verdict.",
    )
    checks = Table(
        ["check", "value"],
        [[Cell(check), Cell(str(value))] for check, value in flat(problems.checks)],
        caption="Checks of the problems: gold answers graded, overlap of training and held-out sets.",
    )
    tables = [table for table in (verdicts, checks) if table.rows]
    return Section("Problems and samples", [text], tables=tables, folded=True)


def flat(counts: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Nested counts as (dotted name, value)."""
    if not isinstance(counts, dict):
        return [(prefix, counts)]
    below = {f"{prefix}.{key}" if prefix else str(key): value for key, value in counts.items()}
    return [pair for name, value in below.items() for pair in flat(value, name)]
