"""Seconds, memory, disk and dollars of each stage of one study on one machine."""

import importlib.util
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from qup.arms import Arm
from qup.plan import money
from qup.plan.changes import Change
from qup.plan.counts import Counting
from qup.plan.lengths import Lengths
from qup.plan.machine import Machine
from qup.plan.needs import Needs
from qup.plan.rows import Row
from qup.plan.runs import History
from qup.plan.shapes import Shape
from qup.plan.spans import Span
from qup.plan.speeds import Speed
from qup.plan.work import Stage
from qup.records import LEARNER
from qup.study import Study

LIKE = 10
"Times by which learners may differ in size for one's times to tell of the other's."
HINT = "say it in the study, models.<name>.size: {parameters: <billions>}"


@dataclass(frozen=True)
class Estimator:
    """A study with its lengths, sizes and a machine's speed."""

    study: Study
    problems: Path
    "Folder of the evaluation sets."
    lengths: Lengths
    shapes: dict[str, Shape | None]
    machine: Machine
    speed: Speed

    def stages(self, arms: Sequence[Arm], left: Mapping[str, Collection[str]] = MappingProxyType({})) -> list[Stage]:
        """All stages, counted; `left` is what of further arms is still to be done, where not all is."""
        name = self.study.backend.name
        engine = name if name != "auto" else "vllm" if self.machine.device or _installed("vllm") else "hf"
        return Counting(self.study, self.lengths, self.problems, engine, left).stages(arms)

    def expected(self, arms: Sequence[Arm]) -> dict[str, Span]:
        """Stage to seconds by rule."""
        return {stage.name: self.speed.seconds(stage, self.study.threads) for stage in self.stages(arms)}

    def like(self, other: "Estimator") -> bool:
        """Whether another study's learner is of about this one's size, so that what it took tells something."""
        one, two = self.shapes.get(LEARNER), other.shapes.get(LEARNER)
        return one is not None and two is not None and max(one.flops, two.flops) <= LIKE * min(one.flops, two.flops)

    def row(self, stage: Stage, change: Change | None, history: History) -> Row:
        """A stage's row."""
        needs = Needs(self.study, self.lengths, self.shapes)
        seconds = self.speed.seconds(stage, self.study.threads)
        return Row(
            stage=stage,
            change=change,
            estimate=history.corrected(stage, seconds, self.speed.source.partition(":")[0], calibrated=self.speed.own),
            memory=needs.memory(stage),
            disk=needs.disk(stage),
            cost=money.of(self.study, stage),
        )

    def notes(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """What the figures do not say by themselves."""
        return (*self._sizes(), *self._fits(rows), *money.notes(self.study, [row.stage for row in rows]))

    def _sizes(self) -> list[str]:
        """How large each model is taken to be."""
        said = []
        for name, shape in self.shapes.items():
            if shape is None:
                said.append(f"models.{name}: its size is not known, so its time and memory are not counted: {HINT}")
            elif shape.source.startswith("'"):
                said.append(
                    f"models.{name}: taken to have {shape.parameters / 1e9:g} billion parameters, by {shape.source}"
                )
        return said

    def _fits(self, rows: Sequence[Row]) -> list[str]:
        device = self.machine.device
        if device is None:
            return []
        least: dict[str, float] = {}
        for row in rows:
            if row.memory:
                step = row.stage.step.removesuffix("-native")
                least[step] = max(least.get(step, 0.0), row.memory.low / 1e9)
        limit = f"more than the {device.memory:g} GB of one {device.name}"
        over = {step: needed for step, needed in least.items() if needed > device.memory}
        return [f"{step} needs at least {needed:,.0f} GB of GPU memory, {limit}" for step, needed in over.items()]


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
