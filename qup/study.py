"""A study: one YAML file, every section in the settings of its room, and what must agree among them."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from qup import arms, settings
from qup.arms import HOME, NATIVE, UTILITY, Arm, ArmSettings, ControlSettings, MapSettings
from qup.backends import BackendSettings
from qup.compat import Metric
from qup.errors import SettingsError, unknown
from qup.evals.settings import Asked, EvaluationSettings
from qup.learner import Learner
from qup.models import ModelSettings
from qup.oracles import Oracle, Setting, Speaker
from qup.paper import paper
from qup.params import read_params
from qup.problems import ProblemSettings
from qup.prompts.learner import ask
from qup.records import HELDOUT, LEARNER, TRAIN
from qup.refiners import Desk, Pool, Refiner, StreamSettings
from qup.refiners._writer import LearnerAtWork
from qup.rewards import Reward
from qup.rewards._choice import check_choice
from qup.rewards._panel import Panel
from qup.sampling import SamplingSettings
from qup.seeds import derive
from qup.settings import STRICT, Plug, Plugs, naming
from qup.stats import ReportSettings
from qup.training.settings import TrainingSettings


@dataclass(frozen=True, config=STRICT)
class Study:
    """One study file. Every section is there, if only as `{}`: DVC tracks each by name and stops at one that is not."""

    title: str
    seed: int
    "From which all randomness of the study is derived: its problems, draws, training and decoding."
    threads: PositiveInt | None
    "CPU threads of a run; runs then go side by side where there are more cores. null: all cores, one after the other."
    prompt: str
    "File under qup/prompts/learner: how the learner is asked."
    models: dict[str, Annotated[ModelSettings, Plug("models", holder=ModelSettings)]]
    "Name to `{source: <plug>, template: ..., ...plug settings}`; one is called `learner`."
    backend: BackendSettings
    problems: ProblemSettings
    sampling: SamplingSettings
    streams: StreamSettings
    oracles: dict[str, Annotated[Oracle, Plug("oracles")]]
    "Name to `{oracle: <plug>, ...plug settings}`; the first is called `home`."
    rewards: Annotated[dict[str, Reward], Plugs("rewards")]
    "Name to `{reward: <plug>, ...plug settings}`; without `reward` the name is the plug's."
    compat: Annotated[dict[str, Metric], Plugs("compat", every=True)]
    "Metric plug to its settings; plugs that are not named run with their defaults."
    training: TrainingSettings
    evaluation: EvaluationSettings
    report: ReportSettings
    arms: dict[str, ArmSettings]
    "Arms beside the main ones by name; `{}` for none."
    controls: dict[str, ControlSettings]
    "Name to what must come out null or ordered; `{}` for a study without."
    maps: dict[str, MapSettings]
    "Name to arms over two dials; `{}` for a study without."

    def __post_init__(self) -> None:
        ask(self.prompt, "")
        self._check_names()
        self._check_models()
        self._check_oracles()
        self._check_tasks()
        self._check_arms()
        for name, refiner in self.streams.refiners.items():
            check_choice(refiner, self.rewards, "streams", "refiners", name)
        if self.report.paper is not None:
            paper().row(self.report.paper, "report", "paper")
        for name, control in self.controls.items():
            self._check_control(name, control)
        for name, each in self.maps.items():
            self._check_made(each.arms, "maps", name)

    def learner(self, models: Path) -> Learner:
        """The untrained learner; `models` is the folder of the study's models."""
        return Learner(models / LEARNER, self.prompt, self.backend)

    @property
    def asked(self) -> list[Asked]:
        """The tasks that learners are evaluated on, groups of lm-eval's tasks one by one."""
        return self.evaluation.asked((HELDOUT, *self.problems.sets))

    def speaker(self, oracle: str, models: Path) -> Speaker:
        """An Oracle at work; `models` is the folder of the study's models.

        Raises:
            SettingsError: the study has no such Oracle.
        """
        if oracle not in self.oracles:
            raise unknown("Oracle", oracle, self.oracles)
        draw = derive(self.seed, "oracle", oracle)
        return self.oracles[oracle].start(Setting(models, self.backend, self.sampling.temperature, draw))

    def desk(self, oracle: str, refiner: str, models: Path) -> Desk:
        """Whom a refiner may ask; `models` is the folder of the study's models, of which none is loaded yet.

        Raises:
            SettingsError: the study has no such Oracle.
        """
        writer = LearnerAtWork(self.learner(models), self.sampling, derive(self.seed, "refiner", refiner))
        return Desk(self.speaker(oracle, models), writer, Panel(self.rewards, models))

    def refiner(self, name: str) -> Refiner:
        """A refiner that can be one of the pipeline's own cells.

        Raises:
            SettingsError: there is none of that name, or it cannot.
        """
        refiner: Refiner = self._refiner(name)
        if name == NATIVE:
            raise SettingsError(f"{name!r} is the native arm, which always runs: choose another", "refiner")
        if refiner.pool is Pool.STREAMS:
            raise SettingsError(
                f"{name!r} chooses from the main arms' streams, so it runs after them: list it in the study, "
                f"arms: {{{name}: {{oracle: {HOME}, refiner: {name}}}}}",
                "refiner",
            )
        check_choice(refiner, self.rewards, "streams", "refiners", name)
        return refiner

    def refiner_of(self, arm: Arm) -> Refiner:
        """What makes an arm's traces, as the study has it set.

        Raises:
            SettingsError: the arm's settings are none of its refiner's.
        """
        refiner, own = self._refiner(arm.refiner), {} if arm.main else self.arms[arm.name].settings
        before = {f.name: getattr(refiner, f.name) for f in dataclasses.fields(refiner)}
        try:
            changed: Refiner = settings.read(type(refiner), {**settings.plain(before), **own})
            return changed
        except SettingsError as error:
            raise error.below("arms", arm.name, "settings") from error

    def _refiner(self, name: str) -> Any:
        return self.streams.refiners.get(name) or settings.load("refiners", name)()

    def main_arm(self, oracle: str, refiner: str) -> Arm:
        """The arm of one of the pipeline's own cells."""
        name, streams = arms.main_name(oracle, refiner), self.streams
        own = self.training.of_arm(name)
        return Arm(name, oracle, refiner, own, streams.scope, per_problem=streams.per_problem)

    @property
    def native(self) -> Arm:
        """The learner's own correct traces (RFT), which every other arm is compared with."""
        return self.main_arm(LEARNER, NATIVE)

    def main_arms(self, oracles: Iterable[str], refiner: str | None = None) -> dict[str, Arm]:
        """All arms of the pipeline's own cells by name, the native one first; `refiner` is the one under comparison.

        Raises:
            SettingsError: no such Oracle or refiner, or a refiner that cannot be one of the cells.
        """
        for oracle in oracles:
            if oracle not in self.oracles:
                raise unknown("Oracle", oracle, self.oracles, "oracles")
        if refiner is not None:
            self.refiner(refiner)
        cells = [self.main_arm(*cell) for cell in arms.main_cells(oracles, [] if refiner is None else [refiner])]
        return {arm.name: arm for arm in [self.native, *cells]}

    @property
    def further(self) -> dict[str, Arm]:
        """The arms beside the main ones, by name: those that the study lists, then those of further matchings."""
        return {name: self._further(name, own) for name, own in self.arms.items()} | self._again()

    def _again(self) -> dict[str, Arm]:
        return arms.matched(self.training, self.streams.scope, self.streams.per_problem)

    def _further(self, name: str, own: ArmSettings) -> Arm:
        training = self.training.changed(own.training, "arms", name, "training")
        return own.arm(name, training, self.streams.scope, self.streams.per_problem)

    def _check_names(self) -> None:
        """Names become files and folders, which must stay below the study's own, beside those that are ours."""
        named: dict[str, Iterable[str]] = {
            "models": self.models,
            "oracles": [*self.oracles, LEARNER],
            "rewards": self.rewards,
            "problems.sets": [*self.problems.sets, HELDOUT],
            "problems.training_sets": [*self.problems.training_sets, TRAIN],
            "controls": self.controls,
            "maps": self.maps,
        }
        for where, names in named.items():
            naming.check(names, where)
        naming.check_paths([*self.arms, *self.places], "arms")

    def _check_models(self) -> None:
        if LEARNER not in self.models:
            raise SettingsError(f"needs a 'learner', has: {', '.join(self.models) or 'none'}", "models")
        before: list[str] = []
        for name, entry in self.models.items():
            base = getattr(entry.source, "base", None)
            if base is not None and base not in before:
                raise unknown("model that is named before", base, before, "models", name, "base")
            before.append(name)
        for where, plugs in (("oracles", self.oracles), ("rewards", self.rewards)):
            for name, plug in plugs.items():
                run = getattr(plug, "model", None)
                # An endpoint's model is the endpoint's, not one of ours.
                if run is not None and run not in self.models:
                    raise unknown("model", run, self.models, where, name)

    def _check_oracles(self) -> None:
        if next(iter(self.oracles), None) != HOME:
            names = ", ".join(self.oracles) or "none"
            raise SettingsError(f"the first Oracle is called 'home', got: {names}", "oracles")
        if LEARNER in self.oracles:
            raise SettingsError("'learner' is what the native arm is filed under; rename the Oracle", "oracles")

    def _check_tasks(self) -> None:
        try:
            names = [each.name for each in self.asked if each.leaf]
        except SettingsError as error:
            raise error.below("evaluation") from error
        if clash := {HELDOUT, *self.problems.sets}.intersection(names):
            said = "is also a task of lm-eval here: rename the task in its YAML, or the set"
            raise SettingsError(f"{', '.join(sorted(clash))} {said}", "problems", "sets")

    def _check_arms(self) -> None:
        places, refiners, sets = self.places, settings.names("refiners"), (TRAIN, *self.problems.training_sets)
        for name in self.training.arms:
            if name not in places:
                raise unknown("main arm", name, places, "training", "arms")
        again = self._again()
        for name in (*self.arms, *again):
            if name in places or name in self.arms.keys() & again:
                raise SettingsError("is the name of a main arm, or of one by `training.match`: rename it", "arms", name)
        for name, own in self.arms.items():
            for what, given, known in (("Oracle", own.oracle, self.oracles), ("refiner", own.refiner, refiners)):
                if given is not None and given not in known:
                    raise unknown(what, given, known, "arms", name)
            if own.training_set not in sets:
                raise unknown("training set", own.training_set, sets, "arms", name, "training_set")
            if not (made := self._further(name, own)).shares:
                check_choice(self.refiner_of(made), self.rewards, "arms", name, "settings")

    @property
    def places(self) -> set[str]:
        """The names of all arms that can be one of the pipeline's own cells."""
        cells = {arms.main_name(oracle, refiner) for oracle in self.oracles for refiner in settings.names("refiners")}
        return cells | {arms.main_name(LEARNER, NATIVE)}

    def _check_control(self, name: str, control: ControlSettings) -> None:
        """Arms that the study always makes, and a quantity that it measures."""
        self._check_made(control.arms, "controls", name, "arms")
        if control.quantity not in (UTILITY, *self.rewards):
            raise unknown("quantity", control.quantity, (UTILITY, *self.rewards), "controls", name)

    def _check_made(self, named: Iterable[str], *where: str) -> None:
        """Arms that the study always makes."""
        always = [*self.main_arms([HOME]), *self.further]
        for arm in named:
            if arm not in always:
                raise unknown("arm", arm, always, *where)


def check(params: Path, studies: Path) -> str:
    """What params.yaml chooses of a folder of studies, in a line.

    Raises:
        SettingsError: as `read_params` and `read`, or there are no such Oracles or refiner.
    """
    chosen = read_params(params)
    arms = read(studies / f"{chosen.study}.yaml").main_arms(chosen.oracles, chosen.refiner)
    return f"study {chosen.study}, refiner {chosen.refiner}, {len(arms)} arms: settings are in order"


def read(path: Path) -> Study:
    """The study in a YAML file, checked in full.

    Raises:
        SettingsError: no such file, no YAML, or settings that do not fit; one line that names the study.
    """
    studies = [file.stem for file in path.parent.glob("*.yaml")]
    if path.stem not in studies:
        raise unknown("study", path.stem, studies)
    naming.check((name for name in studies if name.casefold() == path.stem.casefold()), "study")
    given = settings.read_yaml(path)
    try:
        return settings.read(Study, given)
    except SettingsError as error:
        raise error.below(path.stem) from error
