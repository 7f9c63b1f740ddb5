"""The two-by-two of repair and style: what repair is worth, what the Oracle's style costs, whether the two add up.

Native traces have neither; restyled ones the Oracle's style alone, aligned ones its logic alone, refined ones both;
`manipulation` checks that they do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.family import UNREAD
from qup.report.manipulation import DOSE, LOGIC, ROLES, Cells, Check, Craft, absent, cells_of, check, crafts
from qup.report.numbers import INLINE, Difference, Missing, Number, percentage
from qup.report.sections.study import Declared
from qup.report.view import Cell, Finding, Section, Table, difference, number, percent, word
from qup.stats import Crossed

MAIN = "main"
"The factorial of the first Oracle's arms."


@dataclass(frozen=True)
class Effect:
    """A difference of utility between two roles, or what is left of it less another."""

    title: str
    of: tuple[str, str]
    less: tuple[str, str] | None = None


EFFECTS = {
    "V": Effect("repair value V", ("aligned", "native")),
    "C": Effect("drift cost C", ("aligned", "refined")),
    "interaction": Effect("interaction", ("refined", "restyled"), less=("aligned", "native")),
    "style_on_unrepaired": Effect("style on unrepaired", ("restyled", "native")),
}
"U(refined) - U(native) = V - C, exactly so where all arms answered the same problems."


@dataclass(frozen=True)
class Effects:
    """One factorial under one objective."""

    arms: Cells
    effects: dict[str, Difference | Missing] = field(metadata=INLINE)
    "By name, as of `EFFECTS`; differences of shares, of sampled answers."
    greedy: dict[str, Difference | Missing]
    "The same of greedy answers; a family of their own."


@dataclass(frozen=True)
class Logic:
    """All factorials, those of the controls included."""

    main: dict[str, str]
    "Oracle to the name of its factorial."
    factorials: dict[str, dict[str, Effects]]
    "By name and objective."
    checks: dict[str, Check]
    crafts: dict[str, Craft]
    "By arm."


@dataclass(frozen=True, eq=False)
class Design:
    """A factorial, and what it is measured on."""

    cells: Cells
    objectives: Sequence[str]
    evidence: Evidence


def numbers(evidence: Evidence, every: Evidence) -> Logic:
    """`every` has the further arms among the others; they move no number of the main factorials."""
    names = {oracle: MAIN if oracle == evidence.oracles[0] else f"{MAIN}-{oracle}" for oracle in evidence.oracles}
    designs = {name: _main(evidence, oracle) for oracle, name in names.items()} | _controls(every)
    return Logic(
        main=names,
        factorials={name: _factorial(design) for name, design in designs.items()},
        checks={name: check(design.evidence, design.cells) for name, design in designs.items()},
        crafts=crafts(evidence, evidence.arms) | crafts(every, [arm for arm in every.arms if arm not in evidence.arms]),
    )


def _main(evidence: Evidence, oracle: str) -> Design:
    cells = {role: evidence.find(oracle, refiner) for role, refiner in ROLES.items()}
    return Design(cells, evidence.objectives, evidence)


def _controls(every: Evidence) -> dict[str, Design]:
    controls = every.study.controls.items()
    return {
        name: Design(cells_of(control.arms), every.shared_objectives(control.arms), every)
        for name, control in controls
        if control.check == "factorial"
    }


def _factorial(design: Design) -> dict[str, Effects]:
    """By objective; all effects of a factorial are one family, for each decoding."""
    keys = [(objective, name) for objective in design.objectives for name in EFFECTS]
    judged = {
        decoding: dict(zip(keys, design.evidence.judge([_effect(design, *key, decoding) for key in keys]), strict=True))
        for decoding in (SAMPLED, GREEDY)
    }
    by_decoding = {
        (objective, decoding): {name: judged[decoding][objective, name] for name in EFFECTS}
        for objective in design.objectives
        for decoding in judged
    }
    return {
        objective: Effects(design.cells, by_decoding[objective, SAMPLED], by_decoding[objective, GREEDY])
        for objective in design.objectives
    }


def _effect(design: Design, objective: str, name: str, decoding: str) -> Number:
    effect, cells = EFFECTS[name], design.cells
    pairs = [pair for pair in (effect.of, effect.less) if pair]
    parts = [_difference(design, cells[first], cells[second], objective, decoding) for first, second in pairs]
    there = [part for part in parts if part]
    if decoding == GREEDY and not design.evidence.study.evaluation.of_main.greedy:
        return UNREAD
    if len(there) < len(pairs):
        gone = absent(design.evidence, {role: cells[role] for pair in pairs for role in pair})
        return Missing(gone or f"an arm has no {decoding} {objective} answers")
    whole = there[0] if len(there) == 1 else there[0].minus(there[1])
    return design.evidence.held.number(whole, Missing("no problem that all arms answered"))


def _difference(design: Design, first: str | None, second: str | None, objective: str, decoding: str) -> Crossed | None:
    """None also where an arm has no records."""
    there = first in design.evidence.arms and second in design.evidence.arms
    return design.evidence.difference(first, second, objective, decoding) if first and second and there else None


def show(logic: Logic, labels: Mapping[str, str], declared: Declared) -> Section:
    """All factorials, and whether their streams are what they claim."""
    text = (
        "Logic repaired or not, by style native or the Oracle's. V = U(aligned) - U(native), "
        "C = U(aligned) - U(refined), so U(refined) - U(native) = V - C. Interaction = [U(refined) - U(restyled)] - "
        "[U(aligned) - U(native)]: how the worth of repair changes under the Oracle's style. Style on unrepaired = "
        "U(restyled) - U(native)."
    )
    tables = [_effect_table(logic, declared), _craft_table(logic, labels)]
    findings = [_told(name, each) for name, each in logic.checks.items()]
    return Section("Logic and style", [text], findings=findings, tables=[table for table in tables if table.rows])


def _effect_table(logic: Logic, declared: Declared) -> Table:
    rows = [
        [Cell(name), word(objective.upper()), word(decoding), *map(difference, effects.values())]
        for name, by_objective in logic.factorials.items()
        for objective, parts in by_objective.items()
        for decoding, effects in ((SAMPLED, parts.effects), (GREEDY, parts.greedy))
        if not all(isinstance(effect, Missing) for effect in effects.values())
    ]
    columns = ["factorial", "objective", "decoding", *(each.title for each in EFFECTS.values())]
    power = percentage(declared.power)
    caption = f"Effects. Accuracy points with the interval after Holm; bold is resolved; MDE at {power} power."
    return Table(columns, rows, caption=caption)


def _told(name: str, each: Check) -> Finding:
    if each.passed is None:
        return f"Manipulation check of {name}: not made, {each.reason}.", []
    outcome = "passed" if each.passed else "FAILED"
    return f"Manipulation check of {name}: {outcome}.", [ruling.sentence for ruling in each.rules]


def _craft_table(logic: Logic, labels: Mapping[str, str]) -> Table:
    rows = [
        [Cell(labels[arm]), percent(craft.parsed), number(craft.logic, 3), number(craft.dose, 3)]
        for arm, craft in logic.crafts.items()
    ]
    caption = "Traces as the parser reads them: logic is the share of right steps, dose that in the Oracle's style."
    return Table(["arm", "parsed, %", LOGIC, DOSE], rows, caption=caption)
