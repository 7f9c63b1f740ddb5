"""Controls: comparisons whose outcome is known before the run. One that fails casts doubt on every other number.

`zero`: two arms that must not differ. `ordered`: arms that differ in the Oracle's dose alone and must line up by it.
`factorial`: four streams that must be what their names say; its effects are with the other factorials.
"""

from qup.params import ControlSettings
from qup.report import dose, factorial, manipulation
from qup.report.contrasts import NATIVE, difference, judged, label, paired, paradox_index
from qup.report.data import PANEL, Inputs, asked
from qup.report.entries import Found, entry
from qup.report.measure import Measures
from qup.report.words import EXPECTED, UNEXPECTED, UNRESOLVED, plain, points, unmeasured, worst
from qup.stats import Estimate

UTILITY, NO_OBJECTIVE = "utility", "-"


def results(inputs: Inputs, m: Measures) -> dict[str, Found]:
    """Every control of the study: what was expected, what came out, in numbers and words.

    `inputs` and `m` hold the control arms among the others.
    """
    return {name: _control(inputs, m, control) for name, control in inputs.study.controls.items()}


def _control(inputs: Inputs, m: Measures, control: ControlSettings) -> Found:
    checks = {"zero": _zero, "ordered": dose.ordered, "factorial": _factorial}
    absent = [arm for arm in control.arms if arm not in inputs.arms]
    found = {NO_OBJECTIVE: unmeasured(f"no records of {', '.join(absent)}")}
    if not absent:
        found = checks[control.check](inputs, m, control)
    doses = {arm: dose.dial(inputs, arm) for arm in control.arms} if control.check == "ordered" else None
    return {
        "check": control.check,
        "arms": list(control.arms),
        "labels": {arm: label(inputs, arm) for arm in control.arms},
        "quantity": control.quantity,
        "expected": _expected(inputs, control),
        "outcome": worst([result["outcome"] for result in found.values()]),
        "results": found,
    } | ({"doses": doses} if doses else {})


def _expected(inputs: Inputs, control: ControlSettings) -> str:
    if control.check == "ordered":
        return "With the Oracle's dose perplexity and adaptation cost rise and utility falls."
    if control.check == "factorial":
        return "The four streams pass the manipulation check; the effects are a finding, not an expectation."
    first, second = (label(inputs, arm) for arm in control.arms)
    none = f"0 within {control.margin:g}" if control.margin else "0"
    if control.quantity == UTILITY:
        seeds = ", ".join(map(str, control.seeds))
        apart = f" Seeds of what is trained for this control: {seeds}." if seeds else ""
        return f"U({first}) - U({second}) is {none}, and so is PI over these arms and RFT.{apart}"
    return f"The {control.quantity} reward of {first} minus that of {second} is {none}."


def _zero(inputs: Inputs, m: Measures, control: ControlSettings) -> dict[str, Found]:
    first, second = control.arms
    if control.quantity != UTILITY:
        gap = paired(m, [(first, second)], m.reward_columns, control.quantity).get((first, second))
        return {NO_OBJECTIVE: _null(inputs, gap, "value of both", control.margin, scale=1)}
    return {o: _zero_utility(inputs, m, control, o) for o in asked(inputs, control)}


def _null(inputs: Inputs, gap: Estimate | None, what: str, margin: float, scale: int) -> Found:
    """A difference that must be 0 within a margin; `scale` 100 says it in accuracy points."""
    if gap is None:
        return unmeasured(f"no problem has a {what}")
    found = entry(gap)
    judgement = judged(inputs, gap)
    outcome = _within(gap, margin) if margin else (UNEXPECTED if gap.excludes_zero() else EXPECTED)
    numbers = points(found) if scale == 100 else plain(found, 3, sign=True)
    seen = _seen(inputs, gap, judgement["mde"], scale)
    if margin:
        seen = f"the whole interval must lie within {margin:g} of zero"
    sentence = f"{numbers}, n = {gap.n}: {outcome}; {seen}."
    return {"estimate": found, "mde": judgement["mde"], "outcome": outcome, "sentence": sentence}


def _within(gap: Estimate, margin: float) -> str:
    """An equivalence test: the whole interval must lie inside the margin; all of it outside is a failure."""
    if -margin <= gap.low and gap.high <= margin:
        return EXPECTED
    return UNEXPECTED if gap.low > margin or gap.high < -margin else UNRESOLVED


def _seen(inputs: Inputs, gap: Estimate, floor: Found, scale: int) -> str:
    """What a null result is worth: the smallest effect that would have shown."""
    if gap.excludes_zero():
        return "the difference is told from zero"
    if floor["value"] is None:
        return "the two are equal on every problem"
    least = f"{100 * floor['value']:.1f} points" if scale == 100 else f"{floor['value']:.3f}"
    return f"a true difference of {least} would have been seen with {100 * inputs.study.report.power:.0f}% power"


def _zero_utility(inputs: Inputs, m: Measures, control: ControlSettings, objective: str) -> Found:
    first, second = control.arms
    draws = difference(m, first, second, objective)
    gap = m.boot.estimate(draws) if draws else None
    found = _null(inputs, gap, f"{objective} answer of both", control.margin, scale=100)
    found |= {"sentence": f"{objective.upper()}: {found['sentence']}"}
    index = _zero_index(inputs, m, (first, second), objective) if draws else {}
    if not index:
        return found
    against = {reward: pi["disagreeing"] for reward, pi in index.items() if pi["disagree"]}
    named = "; ".join(f"{', '.join(pairs)} by {reward}" for reward, pairs in against.items())
    said = f"PI is not 0: {named}." if against else "PI is 0."
    outcome = UNEXPECTED if against else found["outcome"]
    return found | {"paradox": index, "outcome": outcome, "sentence": f"{found['sentence']} {said}"}


def _zero_index(inputs: Inputs, m: Measures, arms: tuple[str, str], objective: str) -> dict[str, Found]:
    """PI over two arms and RFT by each reward model; those that cannot say are left out."""
    group = [arm for arm in dict.fromkeys((NATIVE, *arms)) if arm in inputs.arms]
    rewards = [r for r in dict.fromkeys(r for _, r in m.reward_columns) if inputs.perceived(r) and r != PANEL]
    index = paradox_index(inputs, m, group, objective, rewards)
    return {reward: pi for reward, pi in index.items() if pi["index"] is not None}


def _factorial(inputs: Inputs, m: Measures, control: ControlSettings) -> dict[str, Found]:
    checked = manipulation.check(m, dict(zip(factorial.ROLES, control.arms, strict=True)))
    if checked["passed"] is None:
        return {NO_OBJECTIVE: unmeasured(checked["reason"])}
    said = "passed" if checked["passed"] else f"failed: {checked['reason']}"
    outcome = EXPECTED if checked["passed"] else UNEXPECTED
    return {NO_OBJECTIVE: {"outcome": outcome, "sentence": f"The manipulation check {said}."}}
