"""Whether streams are what their names claim: logic and style of traces as a parser reads them, against native ones.

Checked where a metric reads logic and style off a trace (`Role.TRUTH`); elsewhere nothing is claimed. What must be
equal must be shown to be, by equivalence: that no difference was found says little of a few traces.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qup import stats
from qup.arms import ALIGNED, NATIVE, REFINED, RESTYLED
from qup.report.evidence import Evidence
from qup.report.numbers import Missing, Number, plain
from qup.stats import ZERO, Estimate

Cells = dict[str, str | None]
"Role to the arm that plays it; None if there is no such arm."
ROLES = {"native": NATIVE, "restyled": RESTYLED, "aligned": ALIGNED, "refined": REFINED}
PARSED, LOGIC, DOSE = "parsed", "logic", "dose"
"What the parser says of a trace, after the plug's name."
NO_PARSER = "no parser for these problems"
NEAR = 0.05
"Margin of equivalence: a difference of mean shares that is shown to be below this counts as none."


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


def cells_of(arms: Iterable[str]) -> Cells:
    """A control's arms in their roles."""
    return dict(zip(ROLES, arms, strict=True))


def absent(evidence: Evidence, cells: Cells) -> str:
    """Which roles nobody plays, in words; empty if all are there."""
    nobody = [role for role, arm in cells.items() if arm is None]
    gone = [arm for arm in cells.values() if arm is not None and arm not in evidence.arms]
    said = [f"no {' or '.join(nobody)} arm"] if nobody else []
    return "; ".join([*said, *([f"no records of {', '.join(gone)}"] if gone else [])])


def check(evidence: Evidence, cells: Cells) -> Check:
    """The manipulation check of one factorial."""
    if evidence.traces.parser is None:
        return Check(None, NO_PARSER, [])
    gone = absent(evidence, cells)
    if gone:
        return Check(None, gone, [])
    rulings = [_ruling(evidence, cells, rule) for rule in RULES]
    failed = [ruling.sentence for ruling in rulings if ruling.passed is False]
    unknown = [ruling.sentence for ruling in rulings if ruling.passed is None]
    passed = None if unknown and not failed else not failed
    return Check(passed, "; ".join(failed or unknown), rulings)


def _ruling(evidence: Evidence, cells: Cells, rule: Rule) -> Ruling:
    pair = (str(cells[rule.role]), str(cells["native"]))
    name = f"{evidence.traces.parser}.{rule.key}"
    gap = evidence.traces.paired(evidence.traces.metric_columns(name), name, [pair]).get(pair)
    wanted = f"{rule.key} of {rule.role} {rule.how} native's"
    if gap is None:
        nothing = "no problem has both traces parsed"
        return Ruling(None, Missing(nothing), f"{wanted}: {nothing}")
    passed = HOLDS[rule.how](gap, evidence.level)
    return Ruling(passed, gap, f"{wanted}: {'yes' if passed else 'no'} ({plain(gap, 3, sign=True)}, n = {gap.n})")


def crafts(evidence: Evidence, arms: Iterable[str]) -> dict[str, Craft]:
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
