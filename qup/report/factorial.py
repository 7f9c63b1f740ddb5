"""The two-by-two of repair and style: what repair is worth, what the Oracle's style costs, whether the two add up.

Native traces have neither; restyled ones the Oracle's style alone, aligned ones its logic alone, refined ones both.
"""

from collections.abc import Sequence
from typing import Any

from qup.report.contrasts import ALIGNED, NATIVE, REFINED, RESTYLED, difference, find, judged
from qup.report.data import Inputs
from qup.report.entries import entry, missing
from qup.report.measure import Measures
from qup.stats import Draws

Cells = dict[str, str | None]
"Role to the arm that plays it; None if there is no such arm."
ROLES = {"native": NATIVE, "restyled": RESTYLED, "aligned": ALIGNED, "refined": REFINED}
MAIN = "main"
EFFECTS: dict[str, tuple[tuple[str, str], ...]] = {
    "V": (("aligned", "native"),),
    "C": (("aligned", "refined"),),
    "interaction": (("refined", "restyled"), ("aligned", "native")),
    "style_on_unrepaired": (("restyled", "native"),),
}
"Effect to the utility difference it is, or to two: the first minus the second."


def design(inputs: Inputs, oracle: str) -> str:
    """The name of an Oracle's own factorial: `main` for the first, `main-<oracle>` for the others."""
    return MAIN if oracle == inputs.oracles()[0] else f"{MAIN}-{oracle}"


def main_designs(inputs: Inputs) -> dict[str, Cells]:
    """The factorial of each Oracle's arms."""
    groups = {design(inputs, oracle): inputs.group(oracle) for oracle in inputs.oracles()}
    return {
        name: {role: find(inputs, arms, refiner) for role, refiner in ROLES.items()} for name, arms in groups.items()
    }


def control_designs(inputs: Inputs) -> dict[str, Cells]:
    """The factorials among the controls."""
    found = {name: c.arms for name, c in inputs.study.controls.items() if c.check == "factorial"}
    return {name: dict(zip(ROLES, arms, strict=True)) for name, arms in found.items()}


def effects(inputs: Inputs, m: Measures, cells: Cells, objective: str) -> dict[str, Any]:
    """V = U(aligned) - U(native), C = U(aligned) - U(refined) and the rest of `EFFECTS`, with the arms they are of.

    U(refined) - U(native) = V - C, exactly so where all arms answered the same problems.
    """
    return {"arms": cells} | {name: _effect(inputs, m, (cells, pairs), objective) for name, pairs in EFFECTS.items()}


def _effect(
    inputs: Inputs, m: Measures, what: tuple[Cells, tuple[tuple[str, str], ...]], objective: str
) -> dict[str, Any]:
    cells, pairs = what
    parts = [_difference(m, cells[first], cells[second], objective) for first, second in pairs]
    draws = [part for part in parts if part]
    if len(draws) < len(parts):
        return missing(_why(m, {role: cells[role] for pair in pairs for role in pair}, objective))
    estimate = m.boot.estimate(draws[0] if len(draws) == 1 else draws[0].minus(draws[1]))
    return entry(estimate) | judged(inputs, estimate)


def _difference(m: Measures, first: str | None, second: str | None, objective: str) -> Draws | None:
    return difference(m, first, second, objective) if first and second else None


def _why(m: Measures, cells: Cells, objective: str) -> str:
    absent = absent_cells(cells, list(m.held.learners))
    return absent or f"an arm has no {objective} evaluation"


def absent_cells(cells: Cells, arms: Sequence[str]) -> str:
    """Which roles nobody plays, in words; empty if all are there."""
    nobody = [role for role, arm in cells.items() if arm is None]
    gone = [arm for arm in cells.values() if arm is not None and arm not in arms]
    said = [f"no {' or '.join(nobody)} arm"] if nobody else []
    return "; ".join([*said, *([f"no records of {', '.join(gone)}"] if gone else [])])
