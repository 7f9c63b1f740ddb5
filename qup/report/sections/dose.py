"""The dose: arms that differ only in how much of the Oracle's style they carry, and which proxies order them by it.

An `ordered` control asks that perplexity, adaptation cost and utility line up by the dose. A proxy that fails to order
such arms can order nothing finer.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qup.arms import ControlSettings
from qup.report import outcomes
from qup.report.evidence import Evidence
from qup.report.numbers import Difference, Missing, Number, plain, points
from qup.report.outcomes import EXPECTED, UNEXPECTED, UNMEASURED, UNRESOLVED
from qup.report.sections import adaptation, predictors
from qup.report.traces import MICRO
from qup.report.view import Cell, Section, Table, number, percent, seeded
from qup.stats import Draws, Estimate

PPL, COST = "ppl", "adaptation"
"Quantities of a ladder beside the utility of each objective."
TITLES = {PPL: "micro PPL", COST: "adaptation cost, nats"}


@dataclass(frozen=True)
class Ordered:
    """One quantity over the arms of a ladder."""

    by_arm: dict[str, Number]
    "Lowest dose first."
    ends: Number
    "Highest minus lowest dose."
    steps: list[Number]
    "Each arm minus the one before it."
    outcome: str
    sentence: str


@dataclass(frozen=True)
class Quantity:
    """Something that must rise or fall with the dose."""

    title: str
    sign: int
    "1: rises with the dose; -1: falls."
    value: Callable[[str], Number]
    gap: Callable[[str, str], Estimate | None]
    "The first arm's minus the second's."
    said: Callable[[Estimate], str]
    "A difference in words."


@dataclass(frozen=True)
class Proxy:
    """One number known before training, over the arms of a ladder."""

    cost: Number
    "Spearman's correlation with the measured adaptation cost."
    utility: Number
    "And with U."
    null: bool
    "Whether it knows nothing of the learner."


@dataclass(frozen=True)
class Ranking:
    """All proxies under one objective."""

    arms: list[str]
    metrics: dict[str, Proxy]
    "Those that come closest first."
    caution: str


def ladder(evidence: Evidence, control: ControlSettings) -> dict[str, Ordered]:
    """Micro PPL, adaptation cost and each objective's utility over the arms of an ordered control."""
    objectives = evidence.shared_objectives(control.arms)
    quantities = {PPL: _perplexity(evidence)}
    if adaptation.OBJECTIVE in objectives:
        quantities[COST] = _cost(evidence)
    quantities |= {objective: _utility(evidence, objective) for objective in objectives}
    return {name: _in_order(evidence, quantity, control.arms) for name, quantity in quantities.items()}


def dial(evidence: Evidence, arm: str) -> float:
    """The share of the Oracle's style that its settings ask for: all if they say nothing, none where none was asked.

    A mixture has the share of each arm that it takes traces from, times that arm's own.
    """
    own = evidence.study.further.get(arm)
    if own is None or not own.shares:
        return _asked(evidence, arm)
    # Its sources are main arms, which are measured with it.
    return math.fsum(share * _asked(evidence, source) for source, share in own.shares.items())


def _asked(evidence: Evidence, arm: str) -> float:
    """A native arm beside the main ones names an Oracle too, and asks it nothing."""
    measured = evidence.arms[arm]
    if not measured.asks_oracle:
        return 0.0
    return float(getattr(evidence.study.oracles[measured.oracle], "dose", 1.0))


def _perplexity(evidence: Evidence) -> Quantity:
    ppl = evidence.traces.ppl
    return Quantity(
        TITLES[PPL],
        1,
        lambda arm: evidence.traces.perplexity.get((arm, MICRO), Missing("no forward pass")),
        lambda a, b: (
            _ppl_gap(evidence, ppl[a, MICRO].minus(ppl[b, MICRO])) if (a, MICRO) in ppl and (b, MICRO) in ppl else None
        ),
        lambda gap: plain(gap, 2, sign=True),
    )


def _ppl_gap(evidence: Evidence, gap: Draws) -> Estimate:
    """Judged by Student's t over problems: a normal deviate of the drawn standard error finds too much in a few."""
    return dataclasses.replace(evidence.boot.estimate(gap), df=float(max(gap.n - 1, 1)))


def _cost(evidence: Evidence) -> Quantity:
    level = evidence.study.report.level
    costs = {name: adaptation.costs(arm) for name, arm in evidence.arms.items()}
    return Quantity(
        "adaptation cost",
        1,
        lambda arm: adaptation.cost(costs[arm], level),
        lambda a, b: adaptation.gap(costs[a], costs[b], level),
        lambda gap: f"{plain(gap, 0, sign=True)} nats",
    )


def _utility(evidence: Evidence, objective: str) -> Quantity:
    return Quantity(
        f"{objective.upper()} utility",
        -1,
        lambda arm: evidence.held.learner(arm, objective).utility,
        lambda a, b: _utility_gap(evidence, a, b, objective),
        points,
    )


def _utility_gap(evidence: Evidence, first: str, second: str, objective: str) -> Estimate | None:
    crossed = evidence.difference(first, second, objective)
    return crossed.estimate(evidence.level) if crossed else None


def _in_order(evidence: Evidence, quantity: Quantity, arms: Sequence[str]) -> Ordered:
    """The ends and the steps are one family: each is told from 0 after Holm's correction or not at all."""
    by_arm = {arm: quantity.value(arm) for arm in arms}
    ends = quantity.gap(arms[-1], arms[0])
    if ends is None:
        reason = f"{quantity.title} is not there for both ends"
        return Ordered(by_arm, Missing(reason), [], UNMEASURED, outcomes.unmeasured(reason).sentence)
    steps = [quantity.gap(after, before) or Missing("not measured") for before, after in itertools.pairwise(arms)]
    judged = [each for each in evidence.judge([ends, *steps]) if isinstance(each, Difference)]
    against = sum(each.resolved and each.estimate.value * quantity.sign < 0 for each in judged[1:])
    outcome = _outcome(quantity, judged[0], against)
    back = f"{against} of {len(steps)} steps resolved the other way" if against else "no step resolved the other way"
    sentence = f"{quantity.title}, highest minus lowest dose: {quantity.said(ends)}, {back}: {outcome}."
    return Ordered(by_arm, ends, steps, outcome, sentence)


def _outcome(quantity: Quantity, ends: Difference, against: int) -> str:
    if against or (ends.resolved and ends.estimate.value * quantity.sign < 0):
        return UNEXPECTED
    return EXPECTED if ends.resolved else UNRESOLVED


def numbers(evidence: Evidence) -> dict[str, Ranking | Missing]:
    """Objective to each proxy against measured cost and U over the arms of the first ordered control.

    `evidence` has the further arms among the others.
    """
    controls = evidence.study.controls.values()
    control = next((control for control in controls if control.check == "ordered"), None)
    if control is None:
        return {objective: Missing("no ordered control") for objective in evidence.objectives}
    arms = [arm for arm in control.arms if arm in evidence.arms]
    if not arms:
        return {objective: Missing("no arm of the ordered control has records") for objective in evidence.objectives}
    return {objective: _ranking(evidence, arms, objective) for objective in evidence.shared_objectives(control.arms)}


def _ranking(evidence: Evidence, arms: list[str], objective: str) -> Ranking:
    costs = predictors.against(evidence, arms, [_drawn_cost(evidence, arm) for arm in arms])
    utilities = predictors.against(evidence, arms, predictors.utilities(evidence, arms, objective))
    order = sorted(costs, key=lambda name: (-_strength(utilities[name]), -_strength(costs[name]), name))
    nulls = evidence.traces.nulls
    proxies = {name: Proxy(costs[name], utilities[name], name in nulls) for name in order}
    return Ranking(arms, proxies, _caution(len(arms)))


def _drawn_cost(evidence: Evidence, arm: str) -> Draws | None:
    costs = adaptation.costs(evidence.arms[arm])
    return evidence.boot.over_seeds(np.array(list(costs.values()))) if costs else None


def _strength(correlation: Number) -> float:
    return -1.0 if isinstance(correlation, Missing) else round(abs(correlation.value), 9)


def _caution(doses: int) -> str:
    if doses < 2:
        return "Fewer than two doses were measured."
    orders = math.factorial(doses)
    return (
        f"{doses} doses can be ordered in {orders} ways only: a metric unrelated to the dose has |rho| = 1 with "
        f"probability {2 / orders:.2g}, and many metrics are tried. The intervals hold the noise of problems and "
        "replicates, not the choice of doses."
    )


def show(rankings: Mapping[str, Ranking | Missing]) -> Section | None:
    """Which proxy orders the doses as measured cost and utility do; None without a ladder."""
    measured = {objective: each for objective, each in rankings.items() if isinstance(each, Ranking)}
    if not measured:
        return None
    first = next(iter(measured.values()))
    rows = [
        [
            Cell(name, "null metric" if proxy.null else ""),
            number(proxy.cost),
            *(number(ranking.metrics[name].utility) for ranking in measured.values()),
        ]
        for name, proxy in first.metrics.items()
    ]
    text = (
        "Spearman's rank correlation over the arms of the first dose control (n counts arms), with the measured "
        f"adaptation cost and with utility; closest first. {first.caution}"
    )
    columns = ["metric", "adaptation cost", *(f"U {objective.upper()}" for objective in measured)]
    return Section("Does a proxy order the doses?", [text], tables=[Table(columns, rows)])


def table(name: str, rungs: Mapping[str, float], labels: Mapping[str, str], results: Mapping[str, Ordered]) -> Table:
    """A ladder: its arms by dose, each quantity's outcome below; `rungs` are doses by arm."""
    rows = [
        [Cell(labels[arm]), Cell(f"{dose:g}"), *(_cell(key, result.by_arm[arm]) for key, result in results.items())]
        for arm, dose in rungs.items()
    ]
    rows.append([Cell("outcome"), Cell(""), *(outcomes.cell(result.outcome) for result in results.values())])
    columns = ["arm", "dose", *(TITLES.get(quantity, f"U {quantity.upper()}, points") for quantity in results)]
    return Table(columns, rows, caption=f"Control {name}: arms that differ in the Oracle's dose alone.")


def _cell(quantity: str, value: Number) -> Cell:
    if quantity == PPL:
        return number(value)
    return seeded(value) if quantity == COST else percent(value, sign=True)
