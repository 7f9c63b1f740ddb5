"""The dose-response control: arms that differ only in how much of the Oracle's style they carry must line up by it."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qup.params import ControlSettings
from qup.report import adaptation
from qup.report.contrasts import difference
from qup.report.data import Inputs, asked
from qup.report.entries import Found, drawn, entry, missing
from qup.report.measure import Measures
from qup.report.words import EXPECTED, UNEXPECTED, UNRESOLVED, plain, points, unmeasured
from qup.stats import Draws, Estimate


@dataclass(frozen=True)
class Quantity:
    """Something that must rise or fall with the dose."""

    title: str
    sign: int
    "1: rises with the dose; -1: falls."
    value: Callable[[str], Found]
    gap: Callable[[str, str], Estimate | None]
    "The first arm's minus the second's."
    said: Callable[[Mapping[str, Any]], str]
    "A difference in words."


def dial(inputs: Inputs, arm: str) -> float:
    """The share of the Oracle's style that its entry of the study asks for; all of it if nothing is said."""
    return float(inputs.study.oracles[inputs.names[arm][1]].get("dose", 1.0))


def ordered(inputs: Inputs, m: Measures, control: ControlSettings) -> dict[str, Found]:
    """Micro PPL, adaptation cost and each objective's utility: every arm's value, the ends' difference, the outcome."""
    objectives = asked(inputs, control)
    quantities = {"ppl": _perplexity(m)}
    # The cost is of SFT runs.
    quantities |= {"adaptation": _cost(inputs, m)} if adaptation.OBJECTIVE in objectives else {}
    quantities |= {objective: _utility(m, objective) for objective in objectives}
    return {key: _in_order(quantity, control.arms) for key, quantity in quantities.items()}


def _perplexity(m: Measures) -> Quantity:
    found = {arm: draws for (arm, kind), draws in m.ppl.items() if kind == "micro"}
    return Quantity(
        "micro PPL",
        1,
        lambda arm: drawn(m.boot, found.get(arm), "no forward pass"),
        lambda a, b: _estimate(m, found[a].minus(found[b]) if a in found and b in found else None),
        lambda gap: plain(gap, 2, sign=True),
    )


def _cost(inputs: Inputs, m: Measures) -> Quantity:
    level = inputs.study.report.level
    return Quantity(
        "adaptation cost",
        1,
        lambda arm: adaptation.found(m.adaptation[arm], level),
        lambda a, b: adaptation.gap(m.adaptation[a], m.adaptation[b], level),
        lambda gap: f"{plain(gap, 0, sign=True)} nats",
    )


def _utility(m: Measures, objective: str) -> Quantity:
    return Quantity(
        f"{objective.upper()} utility",
        -1,
        lambda arm: drawn(m.boot, m.held.utility.get((arm, objective)), f"no {objective} learner was evaluated"),
        lambda a, b: _estimate(m, difference(m, a, b, objective)),
        points,
    )


def _estimate(m: Measures, draws: Draws | None) -> Estimate | None:
    return m.boot.estimate(draws) if draws else None


def _in_order(quantity: Quantity, arms: Sequence[str]) -> Found:
    found: Found = {"by_arm": {arm: quantity.value(arm) for arm in arms}}
    ends = quantity.gap(arms[-1], arms[0])
    if ends is None:
        return found | unmeasured(f"{quantity.title} is not there for both ends")
    steps = [quantity.gap(after, before) for before, after in itertools.pairwise(arms)]
    against = sum(step is not None and step.excludes_zero() and step.value * quantity.sign < 0 for step in steps)
    outcome = _outcome(quantity, ends, against)
    back = f"{against} of {len(steps)} steps resolved the other way" if against else "no step resolved the other way"
    return found | {
        "ends": entry(ends),
        "steps": [entry(step) if step else missing("not measured") for step in steps],
        "outcome": outcome,
        "sentence": f"{quantity.title}, highest minus lowest dose: {quantity.said(entry(ends))}, {back}: {outcome}.",
    }


def _outcome(quantity: Quantity, ends: Estimate, against: int) -> str:
    if not ends.excludes_zero():
        return UNRESOLVED
    return EXPECTED if ends.value * quantity.sign > 0 and not against else UNEXPECTED
