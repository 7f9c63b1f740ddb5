"""The two-by-two of repair and style: what repair is worth, what the Oracle's style costs, whether the two add up.

Native traces have neither; restyled ones the Oracle's style alone, aligned ones its logic alone, refined ones both.
That the streams are so is checked where a metric reads logic and style off a trace (`Role.TRUTH`); elsewhere nothing
is claimed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qup import stats
from qup.arms import ALIGNED, NATIVE, REFINED, RESTYLED
from qup.report.evidence import Evidence
from qup.report.exams import GREEDY, SAMPLED
from qup.report.numbers import INLINE, Difference, Missing, Number, percentage, plain
from qup.report.sections.study import Declared
from qup.report.view import Cell, Finding, Section, Table, difference, number, percent, word
from qup.stats import ZERO, Crossed, Estimate

Cells = dict[str, str | None]
"Role to the arm that plays it; None if there is no such arm."
ROLES = {"native": NATIVE, "restyled": RESTYLED, "aligned": ALIGNED, "refined": REFINED}
MAIN = "main"
"The factorial of the first Oracle's arms."
PARSED, LOGIC, DOSE = "parsed", "logic", "dose"
"What the parser says of a trace, after the plug's name."
NO_PARSER = "no parser for these problems"
NEAR = 0.05
"Margin of equivalence: a difference of mean shares that is shown to be below this counts as none."


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
class Rule:
    """How a role's traces must compare with the native ones of the same problems."""

    role: str
    key: str
    how: str


RULES = (
    Rule("restyled", DOSE, "above"),
    Rule("refined", DOSE, "above"),
    Rule("aligned", DOSE, "equal to"),
    Rule("aligned", LOGIC, "at least"),
    Rule("refined", LOGIC, "at least"),
    Rule("restyled", LOGIC, "equal to"),
)
HOLDS: dict[str, Callable[[Estimate, float], bool]] = {
    "above": lambda gap, level: gap.low > ZERO,
    "equal to": lambda gap, level: stats.equivalence(gap, NEAR, level).outcome == "equivalent",
    "at least": lambda gap, level: gap.interval(2 * level - 1)[0] > -NEAR - ZERO,
}
"What the interval must do; of two that are to be equal, or one at least the other, a short one is asked for."


@dataclass(frozen=True)
class Ruling:
    """Whether a rule holds."""

    passed: bool | None
    "None where no problem has both traces parsed."
    difference: Number
    sentence: str


@dataclass(frozen=True)
class Check:
    """Whether the streams of a factorial are what their names claim."""

    passed: bool | None
    "None where it cannot be said."
    reason: str
    "Why it cannot, or which rules fail."
    rules: list[Ruling]


@dataclass(frozen=True)
class Craft:
    """An arm's traces as the parser reads them."""

    parsed: Number
    "Share of traces."
    logic: Number
    "Of parsed traces, the mean share of right steps."
    dose: Number
    "Of parsed traces, the mean share of the Oracle's style."


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
        crafts=_crafts(evidence, evidence.arms)
        | _crafts(every, [arm for arm in every.arms if arm not in evidence.arms]),
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


def cells_of(arms: Iterable[str]) -> Cells:
    """A control's arms in their roles."""
    return dict(zip(ROLES, arms, strict=True))


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
    if len(there) < len(pairs):
        absent = _absent(design.evidence, {role: cells[role] for pair in pairs for role in pair})
        return Missing(absent or f"an arm has no {decoding} {objective} answers")
    whole = there[0] if len(there) == 1 else there[0].minus(there[1])
    return design.evidence.held.number(whole, Missing("no problem that all arms answered"))


def _difference(design: Design, first: str | None, second: str | None, objective: str, decoding: str) -> Crossed | None:
    """None also where an arm has no records, or greedy answers are not asked for."""
    evidence, asked = design.evidence, decoding != GREEDY or design.evidence.study.evaluation.greedy
    there = asked and first in evidence.arms and second in evidence.arms
    return evidence.difference(first, second, objective, decoding) if first and second and there else None


def _absent(evidence: Evidence, cells: Cells) -> str:
    """Which roles nobody plays, in words; empty if all are there."""
    nobody = [role for role, arm in cells.items() if arm is None]
    gone = [arm for arm in cells.values() if arm is not None and arm not in evidence.arms]
    said = [f"no {' or '.join(nobody)} arm"] if nobody else []
    return "; ".join([*said, *([f"no records of {', '.join(gone)}"] if gone else [])])


def check(evidence: Evidence, cells: Cells) -> Check:
    """The manipulation check of one factorial."""
    if evidence.traces.parser is None:
        return Check(None, NO_PARSER, [])
    absent = _absent(evidence, cells)
    if absent:
        return Check(None, absent, [])
    rulings = [_ruling(evidence, cells, rule) for rule in RULES]
    failed = [ruling.sentence for ruling in rulings if ruling.passed is False]
    unknown = [ruling.sentence for ruling in rulings if ruling.passed is None]
    passed = None if unknown and not failed else not failed
    return Check(passed, "; ".join(failed or unknown), rulings)


def _ruling(evidence: Evidence, cells: Cells, rule: Rule) -> Ruling:
    pair = (str(cells[rule.role]), str(cells["native"]))
    name = f"{evidence.traces.parser}.{rule.key}"
    gap = evidence.traces.paired(evidence.traces.metric_columns, name, [pair]).get(pair)
    wanted = f"{rule.key} of {rule.role} {rule.how} native's"
    if gap is None:
        nothing = "no problem has both traces parsed"
        return Ruling(None, Missing(nothing), f"{wanted}: {nothing}")
    passed = HOLDS[rule.how](gap, evidence.level)
    return Ruling(passed, gap, f"{wanted}: {'yes' if passed else 'no'} ({plain(gap, 3, sign=True)}, n = {gap.n})")


def _crafts(evidence: Evidence, arms: Iterable[str]) -> dict[str, Craft]:
    """Of the arms whose traces the parser was given."""
    parser, drawn = evidence.traces.parser, evidence.traces.metrics
    nothing = "no trace could be parsed"
    return {
        arm: Craft(
            parsed=evidence.boot.rate(drawn[arm, f"{parser}.{PARSED}"]),
            logic=evidence.number(drawn.get((arm, f"{parser}.{LOGIC}")), nothing),
            dose=evidence.number(drawn.get((arm, f"{parser}.{DOSE}")), nothing),
        )
        for arm in arms
        if (arm, f"{parser}.{PARSED}") in drawn
    }


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
