"""Controls: comparisons whose outcome is known before the run. One that fails casts doubt on every other number.

`zero`: two arms that must not differ. `ordered`: arms that differ in the Oracle's dose alone and must line up by it.
`factorial`: four streams that must be what their names say; its effects are with the other factorials.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qup.arms import ControlSettings
from qup.records import TRAIN
from qup.report import outcomes
from qup.report.evidence import Evidence
from qup.report.numbers import Bare, Difference, Missing, Number, percentage, plain, points
from qup.report.outcomes import EXPECTED, UNEXPECTED, UNRESOLVED, Outcome
from qup.report.sections import dose, logic_and_style, oracle, paradox
from qup.report.sections.dose import Ordered
from qup.report.sections.oracle import Row
from qup.report.sections.paradox import Index
from qup.report.sections.study import Declared
from qup.report.traces import MICRO, PANEL
from qup.report.view import DASH, Cell, Finding, Section, Table, number, percent, seeded, word
from qup.stats import Estimate
from qup.study import UTILITY

NO_OBJECTIVE = "-"
"The key of a result that no objective is of."


@dataclass(frozen=True)
class Null:
    """A difference that must be 0."""

    estimate: Estimate
    "A share for utility, else in the reward's unit."
    mde: Bare | Missing
    outcome: str
    sentence: str
    paradox: dict[str, Index] = field(default_factory=dict)
    "PI over the two arms and RFT, by each reward model that can say."


Result = Null | Ordered | Outcome


@dataclass(frozen=True)
class Control:
    """What was expected and what came out."""

    check: str
    arms: list[str]
    labels: dict[str, str]
    quantity: str
    expected: str
    outcome: str
    "The worst of the results'."
    results: dict[str, Result]
    "By objective, or by quantity."
    doses: dict[str, float]
    "Of an ordered control's arms."


def numbers(evidence: Evidence) -> dict[str, Control]:
    """Every control of the study; `evidence` has the further arms among the others."""
    return {name: _control(evidence, control) for name, control in evidence.study.controls.items()}


def _control(evidence: Evidence, control: ControlSettings) -> Control:
    results = _results(evidence, control)
    ladder = any(isinstance(result, Ordered) for result in results.values())
    return Control(
        check=control.check,
        arms=list(control.arms),
        labels={arm: evidence.labels[arm] for arm in control.arms},
        quantity=control.quantity,
        expected=_expected(evidence, control),
        outcome=outcomes.worst(result.outcome for result in results.values()),
        results=results,
        doses={arm: dose.dial(evidence, arm) for arm in control.arms} if ladder else {},
    )


def _results(evidence: Evidence, control: ControlSettings) -> dict[str, Result]:
    absent = [arm for arm in control.arms if arm not in evidence.arms]
    if absent:
        return {NO_OBJECTIVE: outcomes.unmeasured(f"no records of {', '.join(absent)}")}
    if control.check == "ordered":
        return dict(dose.ladder(evidence, control))
    if control.check == "factorial":
        return {NO_OBJECTIVE: _manipulation(evidence, control)}
    if control.quantity != UTILITY:
        return {NO_OBJECTIVE: _zero_reward(evidence, control)}
    objectives = evidence.shared_objectives(control.arms)
    if not objectives:
        return {NO_OBJECTIVE: outcomes.unmeasured("no objective under which both arms were evaluated")}
    return {objective: _zero_utility(evidence, control, objective) for objective in objectives}


def _expected(evidence: Evidence, control: ControlSettings) -> str:
    if control.check == "ordered":
        return (
            f"With the Oracle's dose perplexity and adaptation cost rise and utility falls.{_sets(evidence, control)}"
        )
    if control.check == "factorial":
        return "The four streams pass the manipulation check; the effects are a finding, not an expectation."
    first, second = (evidence.labels[arm] for arm in control.arms)
    none = f"0 within {control.margin:g}" if control.margin else "0"
    if control.quantity == UTILITY:
        zero = f"U({first}) - U({second}) is {none}, and so is PI over these arms and RFT."
        return zero + _sets(evidence, control)
    return f"The {control.quantity} reward of {first} minus that of {second} is {none}."


def _sets(evidence: Evidence, control: ControlSettings) -> str:
    """The training sets of arms where they are not the main one."""
    sets = {arm: evidence.study.arms[arm].training_set for arm in control.arms if arm in evidence.study.arms}
    said = [f"{evidence.labels[arm]}: {name}" for arm, name in sets.items() if name != TRAIN]
    return f" Training set of {'; of '.join(said)}." if said else ""


def _zero_reward(evidence: Evidence, control: ControlSettings) -> Null | Outcome:
    first, second = control.arms
    pair, traces = (first, second), evidence.traces
    gap = traces.paired(traces.reward_columns, control.quantity, [pair]).get(pair)
    if gap is None:
        return outcomes.unmeasured("no problem has a value of both")
    difference = evidence.judged(gap)
    shown = "" if isinstance(difference.mde, Missing) else f"{difference.mde.value:.3f}"
    outcome = _null(gap, control.margin)
    sentence = f"{plain(gap, 3, sign=True)}, n = {gap.n}: {outcome}; {_seen(evidence, difference, control, shown)}."
    return Null(gap, difference.mde, outcome, sentence)


def _zero_utility(evidence: Evidence, control: ControlSettings, objective: str) -> Null | Outcome:
    draws = evidence.difference(control.arms[0], control.arms[1], objective)
    if draws is None:
        nothing = outcomes.unmeasured(f"no problem has a {objective} answer of both")
        return Outcome(nothing.outcome, f"{objective.upper()}: {nothing.sentence}")
    gap = evidence.boot.estimate(draws)
    difference = evidence.judged(gap)
    shown = "" if isinstance(difference.mde, Missing) else f"{100 * difference.mde.value:.1f} points"
    outcome, seen = _null(gap, control.margin), _seen(evidence, difference, control, shown)
    sentence = f"{objective.upper()}: {points(gap)}, n = {gap.n}: {outcome}; {seen}."
    return _with_index(Null(gap, difference.mde, outcome, sentence), _index(evidence, control, objective))


def _null(gap: Estimate, margin: float) -> str:
    """Without a margin the interval must hold 0. With one it must lie inside it; all of it outside is a failure."""
    if not margin:
        return UNEXPECTED if gap.excludes_zero() else EXPECTED
    if -margin <= gap.low and gap.high <= margin:
        return EXPECTED
    return UNEXPECTED if gap.low > margin or gap.high < -margin else UNRESOLVED


def _seen(evidence: Evidence, difference: Difference, control: ControlSettings, mde: str) -> str:
    """What a null result is worth: the smallest effect that would have shown; `mde` is it in words."""
    if control.margin:
        return f"the whole interval must lie within {control.margin:g} of zero"
    if difference.estimate.excludes_zero():
        return "the difference is told from zero"
    if isinstance(difference.mde, Missing):
        return "the two are equal on every problem"
    return f"a true difference of {mde} would have been seen with {percentage(evidence.study.report.power)} power"


def _index(evidence: Evidence, control: ControlSettings, objective: str) -> dict[str, Index]:
    """PI over two arms and RFT by each reward model; those that cannot say are left out."""
    group = list(dict.fromkeys([*([evidence.native] if evidence.native else []), *control.arms]))
    rewards = [name for name in evidence.traces.reward_names if evidence.traces.perceives(name) and name != PANEL]
    indices = paradox.indices(evidence, group, objective, rewards)
    return {reward: index for reward, index in indices.items() if isinstance(index, Index)}


def _with_index(null: Null, indices: dict[str, Index]) -> Null:
    """A null result with its PI, which must be 0 too."""
    if not indices:
        return null
    against = {reward: index.disagreeing for reward, index in indices.items() if index.disagree}
    named = "; ".join(f"{', '.join(pairs)} by {reward}" for reward, pairs in against.items())
    said = f"PI is not 0: {named}." if against else "PI is 0."
    outcome = UNEXPECTED if against else null.outcome
    return Null(null.estimate, null.mde, outcome, f"{null.sentence} {said}", indices)


def _manipulation(evidence: Evidence, control: ControlSettings) -> Outcome:
    check = logic_and_style.check(evidence, logic_and_style.cells_of(control.arms))
    if check.passed is None:
        return outcomes.unmeasured(check.reason)
    said = "passed" if check.passed else f"failed: {check.reason}"
    return Outcome(EXPECTED if check.passed else UNEXPECTED, f"The manipulation check {said}.")


def show(
    controls: Mapping[str, Control], further: Mapping[str, Row], costs: Mapping[str, Number], declared: Declared
) -> Section | None:
    """The controls as results, and the arms that stand in no other table; None where there is neither."""
    arms = _arm_table(further, costs, declared)
    if not controls:
        return Section("Arms beside the main ones", tables=[arms]) if further else None
    level = 100 * declared.level
    text = (
        f"Comparisons whose outcome was known before the run. At {level:g}% intervals about {100 - level:.2g} in 100 "
        "null checks come out wrong by chance. The arms below are in no other table, index or correction."
    )
    ladders = [_ladder(name, control) for name, control in controls.items() if control.doses]
    tables = [_zero_table(controls), *ladders, arms]
    findings = [_told(name, control) for name, control in controls.items()]
    return Section("Controls", [text], findings=findings, tables=[table for table in tables if table.rows])


def _told(name: str, control: Control) -> Finding:
    sentences = [result.sentence for result in control.results.values()]
    capital = [sentence[0].upper() + sentence[1:] for sentence in sentences]
    return f"{name}: {control.outcome}", [f"Expected: {control.expected}", *capital]


def _zero_table(controls: Mapping[str, Control]) -> Table:
    rows = [
        _zero_row(name, control, key, result)
        for name, control in controls.items()
        if control.check == "zero"
        for key, result in control.results.items()
    ]
    columns = ["control", "objective", "first - second", "difference", "MDE", "PI", "outcome"]
    return Table(columns, rows, caption="Null checks: utility in accuracy points, a reward in its own unit.")


def _zero_row(name: str, control: Control, key: str, result: Result) -> list[Cell]:
    share = control.quantity == UTILITY
    labels = " - ".join(control.labels[arm] for arm in control.arms)
    head = [Cell(name), word(key.upper() if share else control.quantity), word(labels)]
    outcome = outcomes.cell(result.outcome, "text")
    if not isinstance(result, Null):
        return [*head, Cell(DASH, outcomes.UNMEASURED), Cell(DASH), Cell(DASH), outcome]
    gap = percent(result.estimate, sign=True) if share else number(result.estimate, 3, sign=True)
    return [*head, gap, _mde(result.mde, share), _index_cell(result.paradox), outcome]


def _mde(mde: Bare | Missing, share: bool) -> Cell:
    if isinstance(mde, Missing):
        return Cell(DASH)
    return Cell(f"{100 * mde.value:.1f}" if share else f"{mde.value:.3f}")


def _index_cell(indices: Mapping[str, Index]) -> Cell:
    if not indices:
        return Cell(DASH)
    worst = max(indices.values(), key=lambda index: index.index)
    return Cell(f"{worst.index:.2f}", f"{worst.disagree} of {worst.pairs} pairs")


def _ladder(name: str, control: Control) -> Table:
    results = {key: result for key, result in control.results.items() if isinstance(result, Ordered)}
    return dose.table(name, control.doses, control.labels, results)


def _arm_table(further: Mapping[str, Row], costs: Mapping[str, Number], declared: Declared) -> Table:
    rewards = list(next(iter(further.values())).rewards) if further else []
    rows = [
        [*oracle.before_training(row, MICRO), seeded(costs[arm]), *oracle.utilities(row)]
        for arm, row in further.items()
    ]
    objectives = [objective.upper() for objective in declared.objectives]
    columns = ["arm", "traces", *rewards, "micro PPL", "adaptation cost", *objectives]
    groups = [("", 2), *([("perceived quality Q", len(rewards))] if rewards else []), ("", 2)]
    groups.append(("utility U, points", len(objectives)))
    return Table(columns, rows, groups, caption="The arms beside the main ones.")
