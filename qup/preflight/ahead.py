"""A study that is about to run, and what of it will."""

from dataclasses import dataclass
from pathlib import Path

from qup import settings
from qup.plan import Plan
from qup.plan.work import Kind
from qup.study import Study


@dataclass(frozen=True)
class Ahead:
    """What the checks look at."""

    root: Path
    "Of the repository."
    study: Study
    plan: Plan

    def runs(self, *steps: str) -> bool:
        """Whether a stage of one of these names (`sample`, `refine`) will or may run."""
        return any(row.runs and row.stage.step in steps for row in self.plan.rows)

    @property
    def asked(self) -> list[str]:
        """The Oracles that are to be asked something by an endpoint, in the study's order."""
        calling = [row.stage for row in self.plan.rows if row.runs and row.stage.sum(Kind.CALL).high > 0]
        cells = {stage.name.partition("@")[2] for stage in calling}
        # A mixture names the Oracle whose traces it takes, and asks none.
        own = [arm for arm in self.study.further.values() if not arm.shares]
        further = {arm.oracle for arm in own if any(each.step == "further" for each in calling)}
        # Whole names of cells: one Oracle's may begin with another's.
        of = {name: {f"{name}-{refiner}" for refiner in settings.names("refiners")} for name in self.study.oracles}
        return [name for name, possible in of.items() if possible & cells or name in further]

    @property
    def models(self) -> Path:
        """The folder of its models."""
        return self.root / "models" / self.plan.study / "base"
