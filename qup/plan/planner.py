"""A study at its place in a repository: what it is, what DVC will run of it, and what was measured of it before."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qup import chain, repository, settings, study, uses
from qup.arms import HOME, Arm
from qup.errors import SettingsError
from qup.params import Params, read_params
from qup.plan import calibration, lengths, runs, speeds
from qup.plan.changes import Change, State, Status, status
from qup.plan.estimator import Estimator
from qup.plan.machine import here, named
from qup.plan.rows import Plan
from qup.plan.runs import History
from qup.plan.shapes import shapes
from qup.study import Study

BEFORE = ("prepare", "obtain", "sample", "native", "refine")
"The stages whose outputs further arms start from."


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
        same = uses.unchanged(read, (self.root / "data" / self.name / "uses").resolve())
        judged = status(self.root, self.chosen(read), same) if self.asked.status else Status()
        by_stage = {_without_study(change.stage, self.name): change for change in judged.changes}
        history = self.history(own, self.as_it_ran(read, judged))
        left = self.left(read, by_stage)
        rows = tuple(own.row(stage, by_stage.get(stage.name), history) for stage in own.stages(self.arms(read), left))
        notes = (*own.notes(rows), *_kept(left))
        return Plan(self.name, own.machine, own.lengths.source, own.speed.source, rows, judged.changes, notes)

    def left(self, read: Study, changes: Mapping[str, Change]) -> dict[str, list[str]]:
        """Further arm to what is still to be done of it here, where something is kept and that can be told."""
        further = changes.get("further")
        before = [change for name, change in changes.items() if name.partition("@")[0] in BEFORE]
        if further is None or further.state is State.CACHED or self.asked.device or not read.further:
            return {}
        if any(change.state is not State.CACHED for change in before):
            return {}
        data, models = self.root / "data" / self.name, self.root / "models" / self.name / "base"
        try:
            shared = chain.opened(read, data / "problems", data / "traces.jsonl", models, data / "arms")
            arms = {name: (chain.left(arm, shared), chain.work(arm)) for name, arm in read.further.items()}
        except (SettingsError, OSError):
            # It is in DVC's cache, or the stage will say what is wrong with it.
            return {}
        return {name: left for name, (left, work) in arms.items() if left != work}

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


def _kept(left: Mapping[str, Sequence[str]]) -> list[str]:
    """What is told of further arms that are kept, in whole or in part."""
    said = [f"{name} but for {' and '.join(stages)}" for name, stages in left.items() if stages]
    whole = sum(not stages for stages in left.values())
    told = [*([f"{whole} whole"] if whole else []), *said]
    return [f"further arms that are kept from before: {', '.join(told)}"] if told else []


def _without_study(stage: str, name: str) -> str:
    """`train@home-oracle_refined` of `train@glassbox-home-oracle_refined`, `sample` of `sample@glassbox`."""
    step, _, cell = stage.partition("@")
    rest = cell.removeprefix(name).removeprefix("-")
    return f"{step}@{rest}" if rest else step
