"""Maps: utility of refined traces over RFT's by two dials, and where V and C, measured apart, say that its sign turns.

Refined traces train the better learner where repair is worth more than the Oracle's style costs, U(Refined) - U(RFT) =
V - C. V is a matter of the problems, C of the style: each is measured once along its own dial, on training sets that
no cell of the map has, and V(x) - C(y) predicts every cell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qup.arms import Axis, MapSettings
from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.numbers import Difference, Missing, Number, percentage
from qup.report.sections import adaptation
from qup.report.sections.adaptation import Adaptation
from qup.report.sections.study import Declared
from qup.report.view import Cell, Finding, Section, Table, percent, seeded, signed
from qup.stats import Crossed


@dataclass(frozen=True)
class Square:
    """One cell under one decoding; differences are shares."""

    gap: Difference | Missing
    "U(refined) - U(native)."
    predicted: Number
    "V(x) - C(y), measured apart."
    style: Number
    "U(aligned) - U(refined): what the Oracle's style costs in the cell itself."

    @property
    def foreseen(self) -> bool | None:
        """Whether a resolved difference has the predicted sign; None where either is not there or not resolved."""
        if isinstance(self.gap, Missing) or isinstance(self.predicted, Missing) or not self.gap.resolved:
            return None
        return self.gap.estimate.value * self.predicted.value > 0


@dataclass(frozen=True)
class Map:
    """One map."""

    x: Axis
    y: Axis
    squares: dict[str, list[list[Square]]]
    "By decoding, a row per value of y; the differences of one decoding are one family."
    costs: list[list[Number]]
    "Adaptation cost of the refined stream of each cell, nats."


def numbers(evidence: Evidence) -> dict[str, Map]:
    """Every map of the study; `evidence` has the further arms among the others."""
    adapted = adaptation.numbers(evidence)
    return {name: _map(evidence, each, adapted) for name, each in evidence.study.maps.items()}


def _map(evidence: Evidence, settings: MapSettings, adapted: Mapping[str, Adaptation]) -> Map:
    decodings = [SAMPLED, *[GREEDY] * evidence.study.evaluation.of_main.greedy]
    absent = Missing("no records of the arm")
    return Map(
        x=settings.x,
        y=settings.y,
        squares={decoding: _squares(evidence, settings, decoding) for decoding in decodings},
        costs=[[adapted[arm].cost if arm in adapted else absent for arm in row] for row in settings.refined],
    )


def _squares(evidence: Evidence, settings: MapSettings, decoding: str) -> list[list[Square]]:
    across, down = len(settings.x.values), len(settings.y.values)
    places = [(row, column) for row in range(down) for column in range(across)]

    def arm(grid: Sequence[Sequence[str]], row: int, column: int) -> str | None:
        return grid[row if len(grid) > 1 else 0][column] if grid else None

    gaps = evidence.judge(
        [_gap(evidence, decoding, arm(settings.refined, *at), arm(settings.native, *at)) for at in places]
    )
    squares = [
        Square(
            gap=gap,
            predicted=_predicted(evidence, settings, decoding, *at),
            style=_gap(evidence, decoding, arm(settings.aligned, *at), arm(settings.refined, *at)),
        )
        for at, gap in zip(places, gaps, strict=True)
    ]
    return [squares[row * across : (row + 1) * across] for row in range(down)]


def _gap(evidence: Evidence, decoding: str, first: str | None, second: str | None) -> Number:
    return evidence.held.number(_crossed(evidence, decoding, first, second), Missing("no such arm was evaluated"))


def _crossed(evidence: Evidence, decoding: str, first: str | None, second: str | None) -> Crossed | None:
    """Under the study's first objective."""
    if first not in evidence.arms or second not in evidence.arms or first is None or second is None:
        return None
    return evidence.difference(first, second, evidence.objectives[0], decoding)


def _predicted(evidence: Evidence, settings: MapSettings, decoding: str, row: int, column: int) -> Number:
    if not settings.repair:
        return Missing("nothing was measured apart")
    value, cost = (_crossed(evidence, decoding, *pair) for pair in (settings.repair[column], settings.drift[row]))
    both = None if value is None or cost is None else value.minus(cost)
    return evidence.held.number(both, Missing("an arm apart was not evaluated"))


def show(maps: Mapping[str, Map], declared: Declared) -> Section | None:
    """A table per map and decoding, and where the predicted signs are; None without a map."""
    if not maps:
        return None
    text = (
        "U(Refined) - U(RFT), accuracy points, at each point of two dials, with the interval after Holm over the cells "
        "of a map and decoding; coloured is resolved. Below it V - C as predicted: V, what repair is worth, measured "
        "along the one dial and C, what style costs, along the other, on training sets that no cell has. Style cost: "
        f"U(SAR) - U(Refined) in the cell itself. Of {declared.objectives[0].upper()} learners; power "
        f"{percentage(declared.power)}."
    )
    tables = [
        _table(name, each, decoding, squares)
        for name, each in maps.items()
        for decoding, squares in each.squares.items()
    ]
    costs = [_costs(name, each) for name, each in maps.items()]
    findings: list[Finding] = [(_told(name, each), []) for name, each in maps.items()]
    return Section("Where quality and utility part", [text], findings=findings, tables=[*tables, *costs])


def _told(name: str, each: Map) -> str:
    """How many cells are resolved each way, and how many of them as predicted."""
    parts = []
    for decoding, rows in each.squares.items():
        squares = [square for row in rows for square in row]
        gaps = [square.gap for square in squares if not isinstance(square.gap, Missing)]
        better = sum(gap.resolved and gap.estimate.value > 0 for gap in gaps)
        worse = sum(gap.resolved and gap.estimate.value < 0 for gap in gaps)
        foreseen = [square.foreseen for square in squares if square.foreseen is not None]
        said = f"; {sum(foreseen)} of {len(foreseen)} of these as predicted" if foreseen else ""
        parts.append(f"{decoding}: refined ahead in {better}, RFT ahead in {worse} of {len(squares)} cells{said}")
    return f"Map {name}, {'. '.join(parts)}."


def _table(name: str, each: Map, decoding: str, squares: Sequence[Sequence[Square]]) -> Table:
    columns = [f"{each.y.label} / {each.x.label}", *(f"{value:g}" for value in each.x.values)]
    rows = [
        [Cell(f"{value:g}"), *map(_square, row)]
        for value, row in zip(reversed(each.y.values), reversed(squares), strict=True)
    ]
    return Table(columns, rows, caption=f"Map {name}, {decoding}.")


def _square(square: Square) -> Cell:
    if isinstance(square.gap, Missing):
        return percent(square.gap)
    cell, notes = signed(square.gap), []
    if not isinstance(square.predicted, Missing):
        notes.append(f"predicted {percent(square.predicted, sign=True).text}")
    if not isinstance(square.style, Missing):
        notes.append(f"style cost {percent(square.style, sign=True).text}")
    return Cell(cell.text, "\n".join([cell.small, *notes]), cell.mark)


def _costs(name: str, each: Map) -> Table:
    columns = [f"{each.y.label} / {each.x.label}", *(f"{value:g}" for value in each.x.values)]
    rows = [
        [Cell(f"{value:g}"), *map(seeded, row)]
        for value, row in zip(reversed(each.y.values), reversed(each.costs), strict=True)
    ]
    return Table(columns, rows, caption=f"Map {name}: adaptation cost of the refined stream, nats.")
