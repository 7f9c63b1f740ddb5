"""A study at its place in a repository: what it is, what DVC will run of it, and what was measured of it before."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from qup import repository, settings, study
from qup.arms import HOME, Arm
from qup.errors import SettingsError
from qup.params import Params, read_params
from qup.plan import calibration, lengths, runs, speeds
from qup.plan.changes import Status, status
from qup.plan.estimator import Estimator
from qup.plan.machine import here, named
from qup.plan.rows import Plan
from qup.plan.runs import History
from qup.plan.shapes import shapes
from qup.study import Study


@dataclass(frozen=True)
class Asked:
    """Which machine a plan is for, and whether DVC is asked."""

    device: str | None = None
    "An accelerator of devices.yaml or `cpu`; None: what there is."
    count: int = 1
    status: bool = True


@dataclass(frozen=True)
class Planner:
    """A study at its place, with what the repository knows of it."""

    root: Path
    name: str
    asked: Asked

    def plan(self) -> Plan:
        """All of it."""
        read = self.read()
        own = self.estimator(read)
        judged = status(self.root, self.chosen(read)) if self.asked.status else Status()
        by_stage = {_without_study(change.stage, self.name): change for change in judged.changes}
        history = self.history(own, self.as_it_ran(read, judged))
        rows = tuple(own.row(stage, by_stage.get(stage.name), history) for stage in own.stages(self.arms(read)))
        return Plan(self.name, own.machine, own.lengths.source, own.speed.source, rows, judged.changes, own.notes(rows))

    def read(self) -> Study:
        """The study."""
        return study.read(self.root / "studies" / f"{self.name}.yaml")

    def calibrate(self) -> Path:
        """Measure this machine for the study."""
        read = self.read()
        seen = lengths.of_study(read, self.root / "data" / self.name, self.models)
        question, answer = round(seen.question.mid), round(seen.answer(read.sampling.max_tokens).mid)
        return calibration.calibrate(read, self.models, question, answer)

    @property
    def models(self) -> Path:
        """Where the study's models are, once they are made."""
        return self.root / "models" / self.name / "base"

    def chosen(self, read: Study) -> Params:
        """What params.yaml chooses, as far as this study has it."""
        params = read_params(self.root / "params.yaml")
        known = tuple(oracle for oracle in params.oracles if oracle in read.oracles)
        return Params(self.name, params.refiner, known or (HOME,))

    def arms(self, read: Study) -> list[Arm]:
        """The main arms, the native one first."""
        chosen = self.chosen(read)
        return list(read.main_arms(chosen.oracles, chosen.refiner).values())

    def estimator(self, read: Study) -> Estimator:
        """What estimates a stage of the study."""
        data = self.root / "data" / self.name
        seen = lengths.of_study(read, data, self.models)
        sizes = shapes(read, self.models)
        largest = max((shape.parameters for shape in sizes.values() if shape), default=0.0)
        machine = named(self.asked.device, self.asked.count) if self.asked.device else here(largest, read.backend.name)
        context = seen.question.mid + seen.answer(read.sampling.max_tokens).mid / 2
        speed = calibration.speed(read, machine, sizes)
        speed = speed or speeds.assumed(machine, sizes, read.backend.dtype, context, read.threads)
        return Estimator(read, data / "problems" / "evaluation", seen, sizes, machine, speed)

    def as_it_ran(self, read: Study, judged: Status) -> Study:
        """The study with the settings of its last run, which is what measured times are of."""
        given = settings.read_yaml(self.root / "studies" / f"{self.name}.yaml")
        try:
            return settings.read(Study, {**given, **judged.settings}) if judged.settings else read
        except SettingsError:
            # They were those of an earlier version.
            return read

    def history(self, own: Estimator, then: Study) -> History:
        """What was measured here of this study and, by kind of stage, of others like it."""
        if own.machine.device is not None:
            return History({}, {}, {})
        times = runs.measured(repository.root(self.root)) | runs.measured(self.root)
        taken = times.pop(self.name, {}) | runs.latest(self.root, self.name)
        others: dict[str, list[float]] = {}
        for name, theirs in times.items():
            for step, factors in self._of_another(own, name, theirs).items():
                others.setdefault(step, []).extend(factors)
        return History(taken, dataclasses.replace(own, study=then).expected(self.arms(then)), others)

    def _of_another(self, own: Estimator, name: str, taken: dict[str, float]) -> dict[str, list[float]]:
        """Measured by expected of another study, by kind of stage; nothing of one that is not like this one."""
        other = Planner(self.root, name, self.asked)
        try:
            read = other.read()
            theirs = other.estimator(read)
            if theirs.speed.source != own.speed.source or not own.like(theirs):
                return {}
            return History(taken, theirs.expected(other.arms(read)), {}).by_step()
        except SettingsError:
            return {}


def _without_study(stage: str, name: str) -> str:
    """`train@home-oracle_refined` of `train@glassbox-home-oracle_refined`, `sample` of `sample@glassbox`."""
    step, _, cell = stage.partition("@")
    rest = cell.removeprefix(name).removeprefix("-")
    return f"{step}@{rest}" if rest else step
