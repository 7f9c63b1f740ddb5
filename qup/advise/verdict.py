"""The pick, or why there is none: the rule of the published studies applied to streams that it tells apart.

A pick needs all of this: the rule was better than a coin in the studies; its metric tells one stream from every other
here; in the situation at hand (length points the same way, another, or nowhere) it was better than a coin, too; and the
stream is not known to have fewer right answers than another.
"""

import enum
from dataclasses import dataclass

from qup.advise import words
from qup.advise.comparing import Compared
from qup.advise.record import Record
from qup.advise.scoring import CORRECT
from qup.report.foresight import LENGTH, Rate, Rule

COIN = 0.5


class Situation(enum.StrEnum):
    """Where length alone points."""

    AGREES = "length alone picks the same stream"
    SILENT = "length alone does not tell the streams apart"
    DIFFERS = "length alone picks another stream"


@dataclass(frozen=True)
class Verdict:
    """What to train on, as far as it can be told."""

    pick: str | None
    "The stream; None where nothing is picked."
    headline: str
    why: list[str]
    situation: Situation | None = None
    "None where the rule tells no stream from all others."
    right: Rate | None = None
    "How often the rule was right in that situation in the published studies."


def decide(compared: Compared, record: Record) -> Verdict:
    """The verdict on some streams."""
    names, rule = compared.names, record.rule
    if len(names) == 1:
        return Verdict(None, "One stream: it is described below, and there is none to choose it over.", [])
    if not all(pair.shared for pair in compared.pairs):
        return Verdict(None, "No pick: not all streams share problems.", _unshared(compared))
    if rule is None or not rule.beats_coin:
        why = ["No metric has been shown to pick the better of two streams; the data below are what is known."]
        return Verdict(None, "No pick: there is no rule to pick by.", why)
    best = next((name for name in names if all(_ahead(compared, rule, name, o) for o in names if o != name)), None)
    if best is None:
        return Verdict(None, f"Not resolved: {words.label(rule.metric)} names no stream.", _apart(compared, rule))
    return _judged(compared, rule, best)


def _judged(compared: Compared, rule: Rule, best: str) -> Verdict:
    """The verdict where the rule tells one stream from all others."""
    why = [_led(compared, rule, best, other) for other in compared.names if other != best]
    situation = _situation(compared, rule, best)
    right = {Situation.AGREES: rule.agreeing, Situation.SILENT: rule.right, Situation.DIFFERS: rule.disagreeing}[
        situation
    ]
    more = [other for other in compared.names if other != best and _fewer_right(compared, best, other)]
    if more:
        told = f"fewer of its answers are right than those of {words.listed(more)}"
        why += ["In the published studies hardly any two streams differ in that, so their record does not cover it."]
        return Verdict(None, f"No pick: {best} is the least foreign, but {told}.", why, situation, right)
    if not rule.beats_length and (right is None or right.low <= COIN):
        told = f"{words.label(rule.metric)} names {best}, but {situation}"
        return Verdict(
            None, f"No pick: {told}, and where they differ neither is shown to be right.", why, situation, right
        )
    return Verdict(best, f"Train on {best}.", why, situation, right)


def _ahead(compared: Compared, rule: Rule, name: str, other: str) -> bool:
    """Whether the rule tells a stream from another, to its favour."""
    judged = compared.pair(name, other).of(name, rule.metric)
    return judged is not None and judged.resolved and (judged.estimate.value < 0) is rule.lower


def _situation(compared: Compared, rule: Rule, best: str) -> Situation:
    """Where length points, seen from a stream; the least favourable over all others."""
    judged = [compared.pair(best, other).of(best, LENGTH) for other in compared.names if other != best]
    sides = [(each.estimate.value < 0) is rule.shorter if each and each.resolved else None for each in judged]
    if False in sides:
        return Situation.DIFFERS
    return Situation.SILENT if None in sides else Situation.AGREES


def _fewer_right(compared: Compared, best: str, other: str) -> bool:
    judged = compared.pair(best, other).of(best, CORRECT)
    return judged is not None and judged.resolved and judged.estimate.value < 0


def _led(compared: Compared, rule: Rule, best: str, other: str) -> str:
    pair = compared.pair(best, other)
    judged = pair.of(best, rule.metric)
    assert judged is not None
    own, theirs = (compared.means[name][rule.metric] for name in (best, other))
    return (
        f"{words.label(rule.metric).capitalize()} of {best} {words.number(rule.metric, own.value)}, of {other} "
        f"{words.number(rule.metric, theirs.value)}; on the {judged.estimate.n} problems of both "
        f"{words.gap(rule.metric, judged)}."
    )


def _apart(compared: Compared, rule: Rule) -> list[str]:
    """What the rule does and does not tell apart."""
    told: list[str] = []
    for pair in compared.pairs:
        judged = pair.gaps.get(rule.metric)
        if judged is None:
            continue
        names = f"{pair.first} and {pair.second}" + (f" (the very same trace in {pair.same})" if pair.same else "")
        verb = "are told apart" if judged.resolved else "are not told apart"
        told.append(
            f"{names} {verb}: {words.label(rule.metric)} {words.gap(rule.metric, judged)}, n {judged.estimate.n}."
        )
    return told


def _unshared(compared: Compared) -> list[str]:
    apart = [f"{pair.first} and {pair.second}" for pair in compared.pairs if not pair.shared]
    return [
        f"{words.listed(apart)} share no problem, so that a difference may be of the problems and not of the traces: "
        "the figures below are of each stream's own problems and say nothing of which is better."
    ]


def quoted(verdict: Verdict, record: Record) -> list[str]:
    """How often such advice was right, in sentences."""
    rule = record.rule
    if rule is None:
        return ["In the published studies no difference of utility is resolved, so there is no record."]
    side, length = ("lower" if rule.lower else "higher"), ("shorter" if rule.shorter else "longer")
    said = [
        f"In the published studies the stream of {side} {words.label(rule.metric)} was the better one in "
        f"{words.rate(rule.right)} of which the difference in utility is resolved; the {length} one in "
        f"{words.rate(rule.length)}."
    ]
    if not rule.beats_length:
        said.append("So no metric has been shown to pick better than length alone.")
    if verdict.situation is not None and verdict.situation is not Situation.SILENT:
        there = f"{words.rate(verdict.right)}" if verdict.right else "no pair"
        both = (
            "Where the two agree, as here," if verdict.situation is Situation.AGREES else "Where they differ, as here,"
        )
        said.append(f"{both} {words.label(rule.metric)} was right in {there}.")
    elif verdict.situation is Situation.SILENT:
        said.append("Here length alone does not tell the streams apart.")
    views = [f"{_view(view)} {words.rate(each.right)}" for view, each in record.views.items()]
    return [*said, f"By objective and decoding: {'; '.join(views)}."] if views else said


def _view(view: str) -> str:
    objective, _, decoding = view.partition(".")
    return f"{objective.upper()} {decoding}"
