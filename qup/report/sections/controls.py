"""Controls: comparisons whose outcome is known before the run. One that fails casts doubt on every other number.

`equal`: two arms that must do the same, shown by equivalence: too little data is no pass. `ordered`: arms that differ
in the Oracle's dose alone and must line up by it. `factorial`: four streams that must be what their names say; its
effects are with the other factorials. `identical`: two arms that must train on the very same text; it fails only where
the pipeline is at fault, so it is a test of the pipeline and no control.
"""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from qup import stats
from qup.arms import UTILITY, ControlSettings
from qup.records import GREEDY, SAMPLED, TRAIN
from qup.report import manipulation, outcomes
from qup.report.evidence import Evidence
from qup.report.numbers import Missing, Number, plain, points
from qup.report.outcomes import EXPECTED, UNEXPECTED, UNRESOLVED, Outcome
from qup.report.sections import contrasts, dose, oracle
from qup.report.sections.dose import Ordered
from qup.report.sections.oracle import Row
from qup.report.sections.study import Declared
from qup.report.traces import MICRO
from qup.report.view import DASH, Cell, Finding, Section, Table, number, percent, seeded, word
from qup.stats import Equivalence, Estimate

NO_OBJECTIVE = "-"
"The key of a result that no objective is of."
OUTCOME_OF = {"equivalent": EXPECTED, "different": UNEXPECTED, "undecided": UNRESOLVED}
"What two one-sided tests say of a control that must be null."


@dataclass(frozen=True)
class Null:
    """A difference that must be 0 within a margin."""

    estimate: Estimate
    "A share for utility, else in the reward's unit."
    equivalence: Equivalence
    outcome: str
    sentence: str
    objective: str | None = None
    "None of a reward."


Result = Null | Ordered | Outcome


@dataclass(frozen=True)
class Control:
    """What was expected and what came out."""

    check: str
    arms: list[str]
    labels: dict[str, str]
    quantity: str
    margin: float
    expected: str
    outcome: str
    "The worst of the results'."
    results: dict[str, Result]
    "By objective and decoding, or by quantity."
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
        margin=control.margin,
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
    if control.check == "equal" and control.quantity == UTILITY:
        return _null_utilities(evidence, control)
    judge = {"factorial": _manipulation, "identical": _identical, "equal": _null_reward}[control.check]
    return {NO_OBJECTIVE: judge(evidence, control)}


def objective_of(key: str, result: Result) -> str:
    """The objective that a result is of, or its key if it is of none."""
    return key if not isinstance(result, Null) or result.objective is None else result.objective


def _null_utilities(evidence: Evidence, control: ControlSettings) -> dict[str, Result]:
    objectives = evidence.shared_objectives(control.arms)
    if not objectives:
        return {NO_OBJECTIVE: outcomes.unmeasured("no objective under which both arms were evaluated")}
    decodings = [SAMPLED, *[GREEDY] * evidence.study.evaluation.of_main.greedy]
    return {
        f"{objective}, {decoding}": _null_utility(evidence, control, objective, decoding)
        for objective in objectives
        for decoding in decodings
    }


def _expected(evidence: Evidence, control: ControlSettings) -> str:
    if control.check == "ordered":
        return (
            f"With the Oracle's dose perplexity and adaptation cost rise and utility falls.{_sets(evidence, control)}"
        )
    if control.check == "factorial":
        return "The four streams pass the manipulation check; the effects are a finding, not an expectation."
    first, second = (evidence.labels[arm] for arm in control.arms)
    if control.check == "identical":
        return f"{first} and {second} train on the very same text. A test of the pipeline, not a control."
    if control.quantity == UTILITY:
        within = f"{100 * control.margin:g} points, under each decoding"
        return f"U({first}) - U({second}) is 0 within {within}.{_sets(evidence, control)}"
    return f"The {control.quantity} reward of {first} minus that of {second} is 0 within {control.margin:g}."


def _sets(evidence: Evidence, control: ControlSettings) -> str:
    """The training sets of arms where they are not the main one."""
    sets = {arm: evidence.study.arms[arm].training_set for arm in control.arms if arm in evidence.study.arms}
    said = [f"{evidence.labels[arm]}: {name}" for arm, name in sets.items() if name != TRAIN]
    return f" Training set of {'; of '.join(said)}." if said else ""


def _identical(evidence: Evidence, control: ControlSettings) -> Outcome:
    first, second = (evidence.arms[arm] for arm in control.arms)
    same = contrasts.same_traces(first, second)
    if not same.of:
        return outcomes.unmeasured("no problem has a trace of both")
    alike = same.same == same.of and first.traces == second.traces
    return Outcome(EXPECTED if alike else UNEXPECTED, f"{same.same} of {same.of} traces are identical.")


def _null_reward(evidence: Evidence, control: ControlSettings) -> Null | Outcome:
    pair, traces = (control.arms[0], control.arms[1]), evidence.traces
    if traces.perceives(control.quantity) and not evidence.valid(control.quantity):
        return outcomes.unmeasured(f"{control.quantity} does not tell right from wrong, and noise is null anywhere")
    gap = traces.paired(traces.reward_columns, control.quantity, [pair]).get(pair)
    if gap is None:
        return outcomes.unmeasured("no problem has a value of both")
    return _null(evidence, control, gap, plain(gap, 3, sign=True))


def _null_utility(evidence: Evidence, control: ControlSettings, objective: str, decoding: str) -> Null | Outcome:
    crossed = evidence.difference(control.arms[0], control.arms[1], objective, decoding)
    gap = evidence.held.number(crossed, Missing(f"no problem has a {objective} answer of both"))
    if isinstance(gap, Missing):
        return outcomes.unmeasured(gap.reason)
    null = _null(evidence, control, gap, f"{objective.upper()}, {decoding}: {points(gap)}")
    return dataclasses.replace(null, objective=objective)


def _null(evidence: Evidence, control: ControlSettings, gap: Estimate, said: str) -> Null:
    """Two one-sided tests: the interval of twice alpha must lie within the margin; one replicate shows nothing."""
    tested = stats.equivalence(gap, control.margin, evidence.level)
    outcome = OUTCOME_OF[tested.outcome]
    why = {EXPECTED: "equivalent", UNEXPECTED: "told from 0 and not within the margin"}.get(outcome, "undecided")
    return Null(gap, tested, outcome, f"{said}, n = {gap.n}: {why} (TOST p = {tested.p:.3g}).")


def _manipulation(evidence: Evidence, control: ControlSettings) -> Outcome:
    check = manipulation.check(evidence, manipulation.cells_of(control.arms))
    if check.passed is None:
        return outcomes.unmeasured(check.reason)
    said = "passed" if check.passed else f"failed: {check.reason}"
    return Outcome(EXPECTED if check.passed else UNEXPECTED, f"The manipulation check {said}.")


def show(
    controls: Mapping[str, Control],
    further: Mapping[str, Row],
    costs: Mapping[str, Number],
    declared: Declared,
    ways: Collection[str] = (),
) -> Section | None:
    """The controls as results, and the further arms, `ways` to build traces among them; None if there is neither."""
    arms = _arm_table(further, costs, declared)
    if not controls:
        return Section("Arms beside the main ones", tables=[arms]) if further else None
    text = (
        "Comparisons whose outcome was known before the run, each judged on its own. A null control passes if its "
        "difference is shown to be within the stated margin; too little data leaves it undecided, which is no pass. "
        f"The arms below{', but for the ways to build the traces,' * bool(ways)} are in no other table, index or "
        "correction."
    )
    ladders = [_ladder(name, control) for name, control in controls.items() if control.doses]
    tables = [_null_table(controls), *ladders, arms]
    findings = [_told(name, control) for name, control in controls.items()]
    return Section("Controls", [text], findings=findings, tables=[table for table in tables if table.rows])


def _told(name: str, control: Control) -> Finding:
    """What was expected, and what came out where no table below has it."""
    if control.results and all(isinstance(result, Null) for result in control.results.values()):
        return f"{name}: {control.outcome}", [f"Expected: {control.expected}"]
    sentences = [result.sentence for result in control.results.values()]
    capital = [sentence[0].upper() + sentence[1:] for sentence in sentences]
    return f"{name}: {control.outcome}", [f"Expected: {control.expected}", *capital]


def _null_table(controls: Mapping[str, Control]) -> Table:
    rows = [
        _null_row(name, control, key, result)
        for name, control in controls.items()
        if control.check == "equal"
        for key, result in control.results.items()
    ]
    columns = ["control", "of", "first - second", "difference", "margin", "outcome"]
    return Table(columns, rows, caption="Null controls: utility in accuracy points, a reward in its own unit.")


def _null_row(name: str, control: Control, key: str, result: Result) -> list[Cell]:
    share = control.quantity == UTILITY
    labels = " - ".join(control.labels[arm] for arm in control.arms)
    head = [Cell(name), word(key if share else control.quantity), word(labels)]
    outcome = outcomes.cell(result.outcome, "text")
    if not isinstance(result, Null):
        return [*head, Cell(DASH, outcomes.UNMEASURED), Cell(DASH), outcome]
    gap = percent(result.estimate, sign=True) if share else number(result.estimate, 3, sign=True)
    return [*head, gap, Cell(f"{100 * control.margin:g}" if share else f"{control.margin:g}"), outcome]


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
