"""The verdict: the report's conclusions in words, from the other sections' numbers alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qup.arms import NATIVE, REFINED
from qup.report import outcomes
from qup.report.manipulation import Check
from qup.report.numbers import Difference, Missing, Number, percentage, plain, points
from qup.report.outcomes import UNEXPECTED, UNTRIED
from qup.report.sections import adaptation, controls
from qup.report.sections.contrasts import Contrast, Tested
from qup.report.sections.controls import Control
from qup.report.sections.logic_and_style import EFFECTS, Effects, Logic
from qup.report.sections.oracle import Tables
from qup.report.sections.paradox import Paradox, State
from qup.report.sections.premises import Premises
from qup.report.sections.study import Declared
from qup.report.view import Card, Finding, Section

DECOMPOSED = ("V", "C", "interaction")
"Effects that stand in the verdict."


@dataclass(frozen=True)
class Verdict:
    """What is concluded for one Oracle and objective."""

    oracle: str
    objective: str
    headline: str
    sentences: list[str]
    "On contrasts, paradox, mechanism, cost and controls."
    paradox: State
    flagged: list[str]
    "Controls that did not come out as expected."


@dataclass(frozen=True)
class Grounds:
    """The sections that verdicts rest on."""

    declared: Declared
    tables: Tables
    contrasts: Sequence[Contrast]
    paradox: Mapping[str, Mapping[str, Paradox]]
    logic: Logic
    costs: Mapping[str, Number]
    "Adaptation cost by arm, nats."
    controls: Mapping[str, Control]
    premises: Premises


STATES: Mapping[State, str] = {
    "shown": "Quality-Utility Paradox shown{}: the refined traces score higher and train worse than RFT.",
    "decoding-dependent": "Decoding-dependent: how refined traces compare with RFT depends on how learners decode.",
    "reversed": "No paradox{}: the refined traces score higher and train better than RFT.",
}
"Headlines of the states that say all, with a place for where that is told."


def numbers(grounds: Grounds) -> list[Verdict]:
    """A verdict per Oracle and objective."""
    return [
        _verdict(grounds, oracle, objective)
        for oracle, by_objective in grounds.paradox.items()
        for objective in by_objective
    ]


def _verdict(grounds: Grounds, oracle: str, objective: str) -> Verdict:
    declared = [contrast for contrast in grounds.contrasts if contrast.declared]
    contrasts = [contrast for contrast in declared if (contrast.oracle, contrast.objective) == (oracle, objective)]
    paradox = grounds.paradox[oracle][objective]
    factorial = grounds.logic.main[oracle]
    outcome_of = {name: _outcome(grounds, name, objective) for name in grounds.controls}
    flagged = [name for name, outcome in outcome_of.items() if outcome == UNEXPECTED]
    ceiling = grounds.premises.ceiling
    sentences = [
        *(_sentence(contrast, grounds.declared.power) for contrast in contrasts),
        paradox.sentence,
        *_decomposed(grounds.logic.factorials[factorial][objective], grounds.logic.checks[factorial]),
        *_together(grounds, oracle, objective),
        *(_costs(grounds, oracle) if objective == adaptation.OBJECTIVE else []),
        *_controlled(outcome_of),
    ]
    at_an_end = f" FLAGGED: {ceiling.sentence}" if ceiling.outcome == UNEXPECTED else ""
    headline = _headline(contrasts, paradox.state) + _flag(flagged) + at_an_end
    return Verdict(oracle, objective, headline, sentences, paradox.state, flagged)


def _headline(contrasts: Sequence[Contrast], state: State) -> str:
    by_refiners = {each.refiners: each.tested for each in contrasts if isinstance(each.tested, Tested)}
    tested = list(by_refiners.values())
    if state in STATES:
        return STATES[state].format(by_refiners[NATIVE, REFINED].told_in)
    if not tested:
        return "No verdict: the declared contrasts were not measured."
    if any(each.difference.estimate.replicated is False for each in tested):
        return "Not replicated: one training set tells nothing of another, so no winner is declared."
    resolved = [each for each in tested if each.difference.resolved]
    if not resolved:
        return "Not resolved: no declared contrast is told from zero, so no winner is declared."
    dependent = sum(each.dependent for each in tested)
    said = f", {dependent} decoding-dependent" if dependent else ""
    paradox = {"unresolved": "Paradox not resolved", "premise": "No claim on the paradox"}.get(
        state, "No paradox shown"
    )
    return f"{paradox}; {len(resolved)} of {len(tested)} declared contrasts resolved{said}."


def _outcome(grounds: Grounds, control: str, objective: str) -> str:
    """A control's outcome for an objective: the worst of its own results and of those that are of none, as PPL is."""
    results, others = grounds.controls[control].results, set(grounds.declared.objectives) - {objective}
    of = {key: controls.objective_of(key, result) for key, result in results.items()}
    worst = outcomes.worst([UNTRIED, *(result.outcome for key, result in results.items() if of[key] not in others)])
    tried = objective in of.values() or not others & set(of.values())
    return worst if tried or worst == UNEXPECTED else UNTRIED


def _flag(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" FLAGGED: control{'s' * (len(names) > 1)} {', '.join(names)} did not come out as expected."


def _sentence(contrast: Contrast, power: float) -> str:
    name, tested = contrast.name, contrast.tested
    if isinstance(tested, Missing):
        return f"{name}: not measured ({tested.reason})."
    difference = tested.difference
    figures = (
        f"{points(difference.shown)}, n = {difference.estimate.n}, Holm p = {difference.holm.p:.3g}{_greedily(tested)}"
    )
    if difference.estimate.replicated is False:
        return f"{name}: not replicated ({figures}). No winner."
    if tested.dependent:
        return f"{name}: decoding-dependent ({figures}). No winner."
    if difference.resolved:
        first, second = contrast.labels
        better, worse = (first, second) if difference.estimate.value > 0 else (second, first)
        return f"{name}: {figures}{_least(difference, power)}. {better} trains the better learner than {worse}."
    return f"{name}: not resolved ({figures}{_least(difference, power)}). No winner."


def _least(difference: Difference, power: float) -> str:
    """What would have been found."""
    if isinstance(difference.mde, Missing):
        return f"; {difference.mde.reason}"
    return f"; a true difference of {100 * difference.mde.value:.1f} points is found with {percentage(power)} power"


def _greedily(tested: Tested) -> str:
    """What greedy decoding says of the same difference."""
    return "" if isinstance(tested.greedy, Missing) else f"; greedy {points(tested.greedy.shown)}"


def _decomposed(effects: Effects, check: Check) -> list[str]:
    """What repair is worth and the Oracle's style costs, and whether the streams are what this takes them for."""
    read = {"Decomposition": effects.effects, "Decomposition, greedy": effects.greedy}
    said = [f"{title}: {_parts(each)}." for title, each in read.items() if not _absent(each) or each is effects.effects]
    failed = "failed, " if check.passed is False else ""
    return [*said, f"Manipulation check: {'passed' if check.passed else f'{failed}{check.reason}'}."]


def _absent(effects: Mapping[str, Difference | Missing]) -> bool:
    return all(isinstance(effect, Missing) for effect in effects.values())


def _parts(effects: Mapping[str, Difference | Missing]) -> str:
    measured, absent = [], []
    for name in DECOMPOSED:
        title, effect = EFFECTS[name].title, effects[name]
        if isinstance(effect, Missing):
            absent.append(f"{title} not measured ({effect.reason})")
        else:
            measured.append(f"{title} {points(effect.shown)}{'' if effect.resolved else ' (not resolved)'}")
    return "; ".join([*measured, *absent])


def _together(grounds: Grounds, oracle: str, objective: str) -> list[str]:
    """What the k answers to a problem come to together, of each arm; nothing where one is drawn."""
    k, sentences = grounds.declared.k, []
    rows = [grounds.tables.rows[arm] for arm in grounds.tables.groups[oracle].arms]
    answered = {row.label: row.learners[objective].answered for row in rows}
    for title, read in ((f"maj@{k}", "majority"), (f"pass@{k}", "passed")):
        shares = {label: getattr(each, read) for label, each in answered.items()}
        said = [f"{label} {100 * share.value:.1f}" for label, share in shares.items() if not isinstance(share, Missing)]
        sentences += [f"{title}, %: {'; '.join(said)}."] if said and k > 1 else []
    return sentences


def _costs(grounds: Grounds, oracle: str) -> list[str]:
    costs = {arm: grounds.costs[arm] for arm in grounds.tables.groups[oracle].arms}
    labels = {arm: grounds.tables.rows[arm].label for arm in costs}
    said = [f"{labels[arm]} {plain(cost, 0)}" for arm, cost in costs.items() if not isinstance(cost, Missing)]
    return [f"Adaptation cost, nats: {'; '.join(said)}."] if said else []


def _controlled(outcome_of: Mapping[str, str]) -> list[str]:
    by_outcome: dict[str, list[str]] = {}
    for name, outcome in outcome_of.items():
        by_outcome.setdefault(outcome, []).append(name)
    said = [f"{', '.join(names)} {outcome}" for outcome, names in by_outcome.items()]
    return [f"Controls: {'; '.join(said)}."] if said else []


def show(verdicts: Sequence[Verdict]) -> Section:
    """The verdicts, each said once of all that it is of."""
    names: dict[str, list[str]] = {}
    for verdict in verdicts:
        names.setdefault(verdict.headline, []).append(_name(verdict))
    cards = [Card("; ".join(own), headline) for headline, own in names.items()]
    return Section("Verdict", cards=cards, boxed=True)


def show_grounds(verdicts: Sequence[Verdict], *more: Finding) -> Section:
    """What each verdict goes by, with its numbers, and what a reader of them must know."""
    findings: list[Finding] = [(_name(verdict), verdict.sentences) for verdict in verdicts]
    return Section("What the verdicts go by", findings=[*findings, *more])


def _name(verdict: Verdict) -> str:
    return f"{verdict.objective.upper()}, Oracle {verdict.oracle}"
