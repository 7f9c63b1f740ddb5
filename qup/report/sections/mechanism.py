"""The mechanism in four numbers: the worth of repair, the cost of style, the cost of learning, how foreign a stream is.

All are other sections' numbers, of the first Oracle; here they stand side by side for who reads nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qup.arms import NATIVE, REFINED, SHORT
from qup.report.manipulation import Check
from qup.report.numbers import Difference, Missing, Number, interval, plain
from qup.report.sections.adaptation import OBJECTIVE, Adaptation
from qup.report.sections.logic_and_style import Logic
from qup.report.sections.oracle import Tables
from qup.report.view import DASH, Section, Term

EXCESS = "excess_surprisal"
"The metric that drift is read from: nats that a trace costs the untrained learner more than its own one does."


@dataclass(frozen=True)
class Words:
    """What a number means, twice: in few words, and exactly."""

    name: str
    said: str
    definition: str


V = Words(
    "Repair value V",
    "Accuracy gained by repairing the logic of the learner's solutions.",
    "V = U(SAR) - U(RFT), accuracy points: SAR has the Oracle's logic in the learner's own words, RFT what the learner "
    "wrote. Above 0, repair helps.",
)
C = Words(
    "Drift cost C",
    "Accuracy lost where that logic comes in the Oracle's words.",
    "C = U(SAR) - U(Refined), accuracy points: both have the Oracle's logic, refined traces have its words too. "
    "U(Refined) - U(RFT) = V - C, so refined traces train worse than the learner's own where C is above V.",
)
COST = Words(
    "Adaptation cost",
    "What getting used to refined solutions costs the learner.",
    "Prequential code length: over the first epoch the loss before each update, less the floor that the trained "
    "learner reaches on traces of the same stream that it did not see, times the tokens of the step. Nats, a mean over "
    "SFT replicates. Near 0, the stream was in the learner's reach already; below 0, the loss on the way was below "
    "that floor.",
)
DRIFT = Words(
    "Drift",
    "How foreign a refined solution is to the untrained learner, beside its own.",
    "Excess surprisal: -log p of a refined trace less that of the native trace of the same problem, both under the "
    "untrained learner, summed over tokens. Nats a trace, a mean over problems; PPL is per token.",
)


@dataclass(frozen=True)
class Read:
    """One number as it stands on the first screen."""

    words: Words
    value: str
    small: list[str]


def numbers(
    tables: Tables, logic: Logic, adapted: Mapping[str, Adaptation], means: Mapping[str, Mapping[str, Number]]
) -> list[Read]:
    """Of the first Oracle; `means` has each arm's metrics. Nothing where the study has no Oracle."""
    if not tables.groups:
        return []
    oracle, group = next(iter(tables.groups.items()))
    arms = {tables.rows[arm].refiner: arm for arm in group.arms}
    factorial = logic.main.get(oracle, "")
    effects, unsure = logic.factorials.get(factorial, {}), _unsure(logic.checks.get(factorial))
    by_effect = {name: {key: each.effects[name] for key, each in effects.items()} for name in ("V", "C")}
    refined, native = (arms.get(refiner, "") for refiner in (REFINED, NATIVE))
    costs = {SHORT[key]: adapted[arms[key]].cost for key in (REFINED, NATIVE) if arms.get(key) in adapted}
    drift = means.get(refined, {}).get(EXCESS, Missing(f"{EXCESS} was not measured"))
    ppl = {SHORT[key]: tables.rows[arm].ppl["micro"] for key, arm in ((REFINED, refined), (NATIVE, native)) if arm}
    return [
        *(_effect(words, by_effect[name], unsure) for name, words in (("V", V), ("C", C))),
        _cost(costs),
        _drift(drift, ppl),
    ]


def _unsure(check: Check | None) -> str:
    """What to add where the streams are not shown to be what V and C take them for; empty where they are."""
    if check is None or check.passed is None:
        return "what the streams changed was not checked"
    return "" if check.passed else "manipulation check FAILED"


def _effect(words: Words, by_objective: Mapping[str, Difference | Missing], unsure: str) -> Read:
    """The first objective's large, the others' beneath."""
    first = next(iter(by_objective.values()), Missing("not measured"))
    lines = [f"{objective.upper()} {_shown(each)}" for objective, each in by_objective.items()]
    if isinstance(first, Missing):
        return Read(words, DASH, lines)
    return Read(words, f"{100 * first.estimate.value:+.1f} points", [*lines, *([unsure] if unsure else [])])


def _shown(effect: Difference | Missing) -> str:
    """In points, which the value above says."""
    if isinstance(effect, Missing):
        return f"not measured ({effect.reason})"
    told = "" if effect.resolved else ", not resolved"
    return f"{100 * effect.estimate.value:+.1f} {interval(effect.shown, 1, sign=True, scale=100)}{told}"


def _cost(costs: Mapping[str, Number]) -> Read:
    first = next(iter(costs.values()), Missing(f"no {OBJECTIVE} run"))
    lines = [f"{label} {_plain(cost, 0)}" for label, cost in costs.items()]
    if isinstance(first, Missing):
        return Read(COST, DASH, lines)
    return Read(COST, f"{first.value:.0f} nats", [*lines, *([] if first.excludes_zero() else ["not told from 0"])])


def _drift(drift: Number, ppl: Mapping[str, Number]) -> Read:
    value = DASH if isinstance(drift, Missing) else f"{drift.value:+.1f} nats"
    doubt = "" if isinstance(drift, Missing) or drift.excludes_zero() else ", not told from 0"
    read = [f"{label} {each.value:.2f}" for label, each in ppl.items() if not isinstance(each, Missing)]
    told = f"{_plain(drift, 1, sign=True)}{doubt}"
    return Read(DRIFT, value, [told, *([f"PPL {', '.join(read)}"] if read else [])])


def _plain(number: Number, digits: int, *, sign: bool = False) -> str:
    return f"not measured ({number.reason})" if isinstance(number, Missing) else plain(number, digits, sign=sign)


def show(reads: list[Read]) -> Section | None:
    """The four numbers, each with its definition; None where there is no Oracle."""
    terms = [
        Term(read.words.name, read.value, "\n".join(read.small), read.words.said, read.words.definition)
        for read in reads
    ]
    return Section("Why, in four numbers", terms=terms) if terms else None
