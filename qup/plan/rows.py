"""A plan as it is shown: a row a stage, and what its figures are from."""

from dataclasses import dataclass

from qup.plan.changes import Change, State
from qup.plan.machine import Machine
from qup.plan.runs import Estimate
from qup.plan.spans import Span, about, total
from qup.plan.work import Stage

BETWEEN = about(2.0, 0.5, 2.0)
"Seconds that DVC takes between two stages [measured: 1 to 4]."


@dataclass(frozen=True)
class Row:
    """A stage with all that is known of it before it runs."""

    stage: Stage
    change: Change | None
    "What DVC will do; None where it was not asked."
    estimate: Estimate
    memory: Span | None
    "Bytes of its largest process; None: a model's size is not known."
    disk: Span
    "Bytes."
    cost: Span | None
    "US dollars for an endpoint; None where the study gives no price."

    @property
    def runs(self) -> bool:
        """Whether it will or may run."""
        return self.change is None or self.change.state is not State.CACHED


@dataclass(frozen=True)
class Plan:
    """A study's stages, what the figures are from, and what to know."""

    study: str
    machine: Machine
    lengths: str
    "Where lengths are from."
    speed: str
    "Where speeds are from."
    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    "All of DVC's stages, those that count nothing among them."
    notes: tuple[str, ...]

    @property
    def seconds(self) -> Span:
        """Of all stages that will or may run, one after the other as DVC does."""
        return total(row.estimate.seconds + BETWEEN for row in self.rows if row.runs)
