"""What an arm is: an Oracle, a refiner, and how the learner is trained on what they make.

A name is looked up, never taken apart. Main arms are made by the pipeline's own cells, Oracle by refiner; the native
one asks no Oracle. Further arms are listed in the study, under names of their own:

    arms:
      idle: {oracle: idle, refiner: style_aligned, training_set: again}
      half: {oracle: home, refiner: oracle_refined, training: {budget: {tokens: 5000}}}
      mixed: {oracle: home, mixture: {rejection_sampling: 0.5, oracle_refined: 0.5}}
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError, unknown
from qup.records import LEARNER, TRAIN, Scope
from qup.settings import STRICT, Overrides, PositiveShare
from qup.training.settings import Quantity, TrainingSettings

HOME = "home"
"A study's first Oracle."
NATIVE = "rejection_sampling"
REFINED, SYNTHESIZED, RESTYLED, ALIGNED = "oracle_refined", "oracle_synthesized", "restyled", "style_aligned"
MAIN = (REFINED, SYNTHESIZED, RESTYLED, ALIGNED)
"Refiners that run with every Oracle. dvc.yaml has the same list; a test compares them."
PREFERRED = "best_reward"
"The refiner that chooses by a reward, of which that reward then says nothing."
MIXTURE = "mixture"
"What stands for the refiner of an arm that takes its traces from main arms."
SHORT = {
    NATIVE: "RFT",
    REFINED: "Refined",
    SYNTHESIZED: "Synthesized",
    RESTYLED: "Restyled",
    ALIGNED: "SAR",
    "unfiltered": "Unfiltered",
}
"The paper's names for refiners, where it has any."


DECLARED = ((ALIGNED, REFINED), (NATIVE, REFINED))
"Primary contrasts, declared before any run: SAR - Refined and RFT - Refined, per Oracle and objective."
UTILITY = "utility"
"The quantity of a control that is not a reward."


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way to make training traces and to train on them."""

    name: str
    "`<oracle>/<refiner>` of a main arm, the study's own name for a further one; its folder below the data."
    oracle: str
    "An Oracle of the study; `learner` where none is asked."
    refiner: str
    training: TrainingSettings
    scope: Scope
    "The problems its stream covers."
    training_set: str = TRAIN
    main: bool = True
    per_problem: int = 1
    "Most traces of a problem in its stream."
    shares: Mapping[str, float] = field(default_factory=dict)
    "Of a mixture, or of an arm that trains on a main arm's stream again: main arm to its share of the problems."

    @property
    def is_native(self) -> bool:
        """Whether it is the learner's own correct traces, for which no Oracle is asked."""
        return (self.oracle, self.refiner) == (LEARNER, NATIVE)

    @property
    def label(self) -> str:
        """The arm in tables: the paper's name with an Oracle that is not the first, or the name the study gave it."""
        return main_label(self.oracle, self.refiner) if self.main else self.name


@dataclass(frozen=True, config=STRICT)
class ArmSettings:
    """An arm beside the main ones."""

    oracle: str
    "An Oracle of the study."
    refiner: str | None = None
    "A file of qup/refiners."
    mixture: dict[str, PositiveShare] = field(default_factory=dict)
    "In place of a refiner: `rejection_sampling` and main refiners of the first Oracle to their shares of the problems."
    scope: Scope | None = None
    "The problems its stream covers, where not those of `streams`."
    per_problem: PositiveInt | None = None
    "Most traces of a problem, where not as in `streams`."
    training_set: str = TRAIN
    "A set of `problems.training_sets`; its replicates are others than the main arms'."
    training: Annotated[dict[str, Any], Overrides(TrainingSettings)] = field(default_factory=dict)
    "Settings of `training` that are different for this arm."
    settings: dict[str, Any] = field(default_factory=dict)
    "Settings of its refiner that are different for this arm."

    def __post_init__(self) -> None:
        if (self.refiner is None) == (not self.mixture):
            given = "both" if self.mixture else "neither"
            raise SettingsError(f"an arm has a refiner, or a mixture of main arms: got {given}", "refiner")
        if self.mixture:
            self._check_mixture()

    def arm(self, name: str, training: TrainingSettings, scope: Scope, per_problem: int) -> Arm:
        """The arm of this name; `scope` and `per_problem` are the study's.

        Raises:
            SettingsError: a mixture of problems that the main arms' streams do not have.
        """
        if self.mixture and scope not in ("all", self.scope or scope):
            said = f"the main arms have {scope} problems only, and so have mixtures of them"
            raise SettingsError(said, "arms", name, "scope")
        return Arm(
            name=name,
            oracle=self.oracle,
            refiner=self.refiner or MIXTURE,
            training=training,
            scope=self.scope or scope,
            training_set=self.training_set,
            main=False,
            per_problem=self.per_problem or per_problem,
            shares={shared_arm(source): share for source, share in self.mixture.items()},
        )

    def _check_mixture(self) -> None:
        """Arms whose streams are there when further arms are made: those of the main ones, over the main problems."""
        sources = (NATIVE, *MAIN)
        for name in self.mixture:
            if name not in sources:
                raise unknown("main refiner", name, sources, "mixture")
        total = sum(self.mixture.values())
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise SettingsError(f"shares must add up to 1, got {total:g}: of {list(self.mixture.values())}", "mixture")
        if self.oracle != HOME:
            raise SettingsError(f"a mixture is of main arms of the first Oracle: expected {HOME!r}", "oracle")
        if self.training_set != TRAIN:
            raise SettingsError("a mixture is of main arms, so it trains on the main set: leave it out", "training_set")
        if self.per_problem is not None:
            raise SettingsError("a mixture has its sources' traces of a problem: leave it out", "per_problem")
        if self.settings:
            raise SettingsError("are a refiner's, of which a mixture has none: leave them out", "settings")


@dataclass(frozen=True, config=STRICT)
class ControlSettings:
    """Arms whose outcome is known beforehand, as null or as ordered, or a further factorial."""

    check: Literal["equal", "ordered", "factorial", "identical"]
    "`equal`: no difference; `ordered`: by dose; `factorial`: logic by style; `identical`: the very same text."
    arms: tuple[str, ...]
    "equal, identical: two; ordered: three or more, lowest dose first; factorial: native, restyled, aligned, refined."
    quantity: str = UTILITY
    "What an equal check compares: `utility` or one of the study's rewards."
    margin: NonNegativeFloat = 0.0
    "Of an equal check: the largest difference that is none, in the quantity's unit; of utility 0.01 is a point."

    def __post_init__(self) -> None:
        counts, expected = {
            "equal": (range(2, 3), "two arms"),
            "identical": (range(2, 3), "two arms"),
            "ordered": (range(3, 1000), "three arms or more"),
            "factorial": (range(4, 5), "four arms (native, restyled, aligned, refined)"),
        }[self.check]
        if len(self.arms) not in counts or len(set(self.arms)) != len(self.arms):
            names = ", ".join(self.arms) or "none"
            raise SettingsError(f"{self.check!r} needs {expected}, each once, got {names}", "arms")
        if self.check == "equal" and not self.margin:
            raise SettingsError("an equal check needs the largest difference that counts as none, above 0", "margin")
        if self.check != "equal" and (self.margin or self.quantity != UTILITY):
            raise SettingsError(f"margin and quantity are of an equal check, not of {self.check!r}", "check")


@dataclass(frozen=True, config=STRICT)
class Axis:
    """A dial of a map."""

    label: str
    "What it sets, in words."
    values: Annotated[tuple[float, ...], Field(min_length=1)]
    "Ascending."


Grid = tuple[tuple[str, ...], ...]
"Arms, a row per value of y, one per value of x."


@dataclass(frozen=True, config=STRICT)
class MapSettings:
    """Arms over two dials: where refined traces train the better learner, and where RFT does."""

    x: Axis
    y: Axis
    refined: Grid
    "Refined traces of each cell."
    native: Grid
    "RFT of each cell; a single row serves every value of y."
    aligned: Grid = ()
    "SAR of each cell, for what style costs there; may be left out."
    repair: tuple[tuple[str, str], ...] = ()
    "Per value of x, SAR and RFT on training sets apart: V, by which cells are predicted; may be left out."
    drift: tuple[tuple[str, str], ...] = ()
    "Per value of y, RFT and restyled traces on training sets apart: C, by which cells are predicted."

    def __post_init__(self) -> None:
        across, down = len(self.x.values), len(self.y.values)
        for name, grid in (("refined", self.refined), ("native", self.native), ("aligned", self.aligned)):
            rows = {"refined": (down,), "native": (1, down), "aligned": (0, 1, down)}[name]
            if len(grid) not in rows or any(len(row) != across for row in grid):
                counts = " or ".join(str(count) for count in sorted(set(rows) - {0}))
                raise SettingsError(f"expected {counts} rows of {across} arms, got {[len(row) for row in grid]}", name)
        for name, pairs, count in (("repair", self.repair, across), ("drift", self.drift, down)):
            if len(pairs) not in (0, count):
                raise SettingsError(f"expected {count} pairs of arms or none, got {len(pairs)}", name)
        if bool(self.repair) != bool(self.drift):
            raise SettingsError("a prediction needs both repair and drift", "repair")

    @property
    def arms(self) -> list[str]:
        """All arms that it names."""
        rows = (*self.refined, *self.native, *self.aligned, *self.repair, *self.drift)
        return list(dict.fromkeys(arm for row in rows for arm in row))


def main_name(oracle: str, refiner: str) -> str:
    """The name, and folder, of a main arm."""
    return f"{oracle}/{refiner}"


def matched_name(quantity: Quantity, refiner: str) -> str:
    """The name of the arm that trains on a main arm's stream again, matched with its like by another quantity."""
    return f"by_{quantity}/{refiner}"


def matched(training: TrainingSettings, scope: Scope, per_problem: int) -> dict[str, Arm]:
    """The arms of the declared contrasts as they are trained again, by name, for each further quantity of `match`.

    Their streams are the main arms', and so are their settings but for the budget.
    """
    arms = {}
    for quantity in training.matched[1:]:
        budget = training.matched_by(quantity).budget
        for refiner in dict.fromkeys(refiner for pair in DECLARED for refiner in pair):
            name, source = matched_name(quantity, refiner), shared_arm(refiner)
            arms[name] = Arm(
                name=name,
                oracle=LEARNER if refiner == NATIVE else HOME,
                refiner=refiner,
                training=dataclasses.replace(training.of_arm(source), budget=budget),
                scope=scope,
                main=False,
                per_problem=per_problem,
                shares={source: 1.0},
            )
    return arms


def shared_arm(refiner: str) -> str:
    """The name of the main arm of a refiner, of the first Oracle or of none, which every run of a study makes."""
    return main_name(LEARNER if refiner == NATIVE else HOME, refiner)


def main_label(oracle: str, refiner: str) -> str:
    """A main arm in tables."""
    short = SHORT.get(refiner, refiner)
    return short if oracle in (HOME, LEARNER) else f"{short} ({oracle})"


def main_names(oracles: Iterable[str], refiner: str) -> list[str]:
    """The names of all arms that the pipeline's own cells make, the native one first."""
    return [main_name(LEARNER, NATIVE), *(main_name(*cell) for cell in main_cells(oracles, [refiner]))]


def main_cells(oracles: Iterable[str], compared: Iterable[str] = ()) -> list[tuple[str, str]]:
    """(Oracle, refiner) of each cell that asks an Oracle; `compared` are refiners beside the main ones."""
    refiners = dict.fromkeys([*MAIN, *compared])
    return [(oracle, refiner) for oracle in oracles for refiner in refiners]
