"""Matching: the declared contrasts by each quantity that a study matches arms by, and where these do not agree.

A stream of longer traces, or of more, gets fewer epochs for the same tokens, and more tokens for the same epochs: which
of them is held equal can decide which stream trains the better learner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qup.arms import DECLARED, HOME, SHORT, matched_name, shared_arm
from qup.measured import Measured
from qup.report.evidence import Evidence
from qup.report.numbers import Difference, Missing, Number
from qup.report.sections.contrasts import Contrast, Tested
from qup.report.view import Cell, Section, Table, difference, word
from qup.training.settings import Quantity

AGREE, OPPOSITE = "agree", "opposite verdicts"
UNRESOLVED, SIGNS = "not resolved by any", "signs differ, not resolved by any"
UNKNOWN = "not measured"


@dataclass(frozen=True)
class Views:
    """One contrast by every quantity."""

    objective: str
    refiners: tuple[str, str]
    by: dict[Quantity, Difference | Missing]
    "Quantity to U of the first arm minus U of the second; the first quantity is the one that verdicts go by."

    @property
    def name(self) -> str:
        """For readers."""
        return " - ".join(SHORT[refiner] for refiner in self.refiners)

    @property
    def verdict(self) -> str:
        """Whether sign and resolution are the same by every quantity; else how they differ."""
        there = {quantity: each for quantity, each in self.by.items() if isinstance(each, Difference)}
        if len(there) < len(self.by):
            return UNKNOWN
        resolved = [quantity for quantity, each in there.items() if each.resolved]
        if len({there[quantity].estimate.value > 0 for quantity in resolved}) > 1:
            return OPPOSITE
        if resolved and len(resolved) < len(there):
            return f"resolved by {' and '.join(resolved)} only"
        if resolved:
            return AGREE
        values = [each.estimate.value for each in there.values()]
        return SIGNS if min(values) < 0 < max(values) else UNRESOLVED


@dataclass(frozen=True)
class Spent:
    """What the runs of an arm came to, each the least and the most of them."""

    tokens: tuple[int, int]
    steps: tuple[int, int]
    epochs: tuple[float, float]


@dataclass(frozen=True)
class Matching:
    """All views of a study that has more than one."""

    views: list[Views]
    spent: dict[Quantity, dict[str, Spent]]
    "Quantity to refiner to what its runs came to."


def numbers(every: Evidence, contrasts: Sequence[Contrast]) -> Matching | None:
    """The contrasts of the first Oracle; `every` has the arms of all views. None where arms are matched by one thing.

    Those of each further quantity are a family of their own.
    """
    first, *others = every.study.training.matched
    if not others:
        return None
    claims = [(objective, pair) for objective in every.objectives for pair in DECLARED]
    by: dict[Quantity, list[Difference | Missing]] = {first: [_declared(contrasts, *claim) for claim in claims]}
    for quantity in others:
        by[quantity] = list(every.judge([_difference(every, quantity, *claim) for claim in claims]))
    views = [Views(*claim, {quantity: each[row] for quantity, each in by.items()}) for row, claim in enumerate(claims)]
    return Matching(views, {quantity: _spent(every, quantity) for quantity in by})


def _declared(contrasts: Sequence[Contrast], objective: str, pair: tuple[str, str]) -> Difference | Missing:
    """As the report's main contrasts have it."""
    wanted = HOME, objective, pair
    for each in contrasts:
        if each.declared and (each.oracle, each.objective, each.refiners) == wanted:
            return each.tested.difference if isinstance(each.tested, Tested) else each.tested
    return Missing("no such contrast")


def _difference(every: Evidence, quantity: Quantity, objective: str, pair: tuple[str, str]) -> Number:
    first, second = (_arm(every, quantity, refiner) for refiner in pair)
    if first not in every.arms or second not in every.arms:
        return Missing("an arm is not there")
    crossed = every.difference(first, second, objective)
    return every.held.number(crossed, Missing(f"an arm has no {objective} evaluation"))


def _arm(every: Evidence, quantity: Quantity, refiner: str) -> str:
    """The name of the arm of a refiner that is matched by a quantity: a main arm by the first."""
    first = quantity == every.study.training.matched[0]
    return shared_arm(refiner) if first else matched_name(quantity, refiner)


def _spent(every: Evidence, quantity: Quantity) -> dict[str, Spent]:
    names = {refiner: _arm(every, quantity, refiner) for pair in DECLARED for refiner in pair}
    return {refiner: _runs(every.arms[name]) for refiner, name in names.items() if name in every.arms}


def _runs(arm: Measured) -> Spent:
    tokens, steps = [run.tokens for run in arm.runs], [run.steps for run in arm.runs]
    epochs = [curve.epoch[-1] for curve in arm.curves if curve.epoch]
    return Spent((min(tokens), max(tokens)), (min(steps), max(steps)), (min(epochs), max(epochs)))


def cautions(matching: Matching | None) -> list[str]:
    """What is said of it among the cautions of a verdict."""
    return [
        f"{each.name} ({each.objective.upper()}) hangs on what arms are matched by: {each.verdict}."
        for each in (matching.views if matching else ())
        if each.verdict not in (AGREE, UNKNOWN, UNRESOLVED, SIGNS)
    ]


def show(matching: Matching | None) -> Section | None:
    """A row a contrast, and what each arm's runs came to."""
    if matching is None:
        return None
    quantities = list(matching.spent)
    text = (
        f"The declared contrasts of the first Oracle, arms matched by {' and by '.join(quantities)}; verdicts go by "
        f"{quantities[0]}. The other runs train on the same streams, each with all that is set for its arm but the "
        "budget, and are a family of Holm's of their own. Accuracy points; bold is resolved."
    )
    return Section("What arms are matched by", [text], tables=[_contrasts(matching), _budgets(matching)])


def _contrasts(matching: Matching) -> Table:
    rows = [
        [Cell(each.name), word(each.objective.upper()), *map(difference, each.by.values()), word(each.verdict)]
        for each in matching.views
    ]
    return Table(["contrast", "objective", *(f"by {quantity}" for quantity in matching.spent), "views"], rows)


def _budgets(matching: Matching) -> Table:
    rows = [
        [word(quantity), Cell(SHORT[refiner]), *(Cell(_span(*each)) for each in (own.tokens, own.steps, own.epochs))]
        for quantity, arms in matching.spent.items()
        for refiner, own in arms.items()
    ]
    columns = ["matched by", "arm", "tokens a run", "steps a run", "epochs a run"]
    return Table(columns, rows, caption="What the runs came to, from the least to the most.")


def _span(low: float, high: float) -> str:
    return _shown(low) if low == high else f"{_shown(low)} to {_shown(high)}"


def _shown(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:.2f}"
