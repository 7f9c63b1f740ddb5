"""The pick, or why there is none: the rule of the published studies applied to streams that it tells apart.

A pick needs all of this: the rule was better than a coin in the studies; its metric tells one stream from every other
here; in the situation at hand (length points the same way, or another) it was better than a coin, too; and the stream
is not known to have fewer right answers than another. Where length does not say which, the record has nothing: any sign
of length counts in it, resolved or not. The rule's stream is then leant to, and no rate is given.
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
    SILENT = "length alone does not say which"
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
    "How often the rule was right in that situation in the published studies; None where they do not cover it."


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
        headline = f"Not resolved: no stream is told from all others by its {words.label(rule.metric)}."
        return Verdict(None, headline, _apart(compared, rule))
    return _judged(compared, rule, best)


def _judged(compared: Compared, rule: Rule, best: str) -> Verdict:
    """The verdict where the rule tells one stream from all others."""
    others = [name for name in compared.names if name != best]
    why = [_led(compared, rule, best, other) for other in others]
    situation = _situation(compared, rule, best)
    right = {Situation.AGREES: rule.agreeing, Situation.DIFFERS: rule.disagreeing}.get(situation)
    if more := [other for other in others if _fewer_right(compared, best, other)]:
        headline = f"No pick: {best} is the least foreign, but {words.listed(more)} has more right answers."
        why += ["In the published studies hardly any two streams differ in that, so their record does not cover it."]
        return Verdict(None, headline, why, situation, right)
    if not _shown(rule, situation, right):
        headline = (
            f"No pick: {words.label(rule.metric)} names {best}, {situation}, and neither is shown to be right there."
        )
        return Verdict(None, headline, why, situation, right)
    return Verdict(best, _picked(rule, best, situation), why, situation, right)


def _shown(rule: Rule, situation: Situation, right: Rate | None) -> bool:
    """Whether the rule may be followed: its record in the situation, or of one that is not covered its whole record.

    A rule that is told from length is so by the pairs on which the two differ.
    """
    if situation is Situation.SILENT or (situation is Situation.DIFFERS and rule.beats_length):
        return True
    return right is not None and right.low > COIN


def _picked(rule: Rule, best: str, situation: Situation) -> str:
    """The headline of a pick, as strong as what it rests on."""
    reason = f"its traces have the {'lowest' if rule.lower else 'highest'} {words.label(rule.metric)}"
    if situation is Situation.AGREES:
        return f"Train on {best}: {reason}, and are the {'shortest' if rule.shorter else 'longest'}."
    told = situation is Situation.DIFFERS and rule.beats_length
    return f"Train on {best}: {reason}." if told else f"Lean to {best}: {reason}; {situation}."


def _ahead(compared: Compared, rule: Rule, name: str, other: str) -> bool:
    """Whether the rule tells a stream from another, to its favour."""
    gap = compared.pair(name, other).of(name, rule.metric)
    return gap is not None and gap.resolved and (gap.value < 0) is rule.lower


def _situation(compared: Compared, rule: Rule, best: str) -> Situation:
    """Where length points, seen from a stream; the least favourable over all others."""
    gaps = [compared.pair(best, other).of(best, LENGTH) for other in compared.names if other != best]
    sides = [(each.value < 0) is rule.shorter if each and each.resolved else None for each in gaps]
    if False in sides:
        return Situation.DIFFERS
    return Situation.SILENT if None in sides else Situation.AGREES


def _fewer_right(compared: Compared, best: str, other: str) -> bool:
    gap = compared.pair(best, other).of(best, CORRECT)
    return gap is not None and gap.resolved and gap.value < 0


def _led(compared: Compared, rule: Rule, best: str, other: str) -> str:
    gap = compared.pair(best, other).of(best, rule.metric)
    assert gap is not None
    own, theirs = (words.number(rule.metric, compared.means[name][rule.metric].value) for name in (best, other))
    return (
        f"{words.label(rule.metric).capitalize()} {own}, against {theirs} of {other}; on the {gap.n} problems that "
        f"both have the difference is {words.gap(rule.metric, gap)}."
    )


def _apart(compared: Compared, rule: Rule) -> list[str]:
    """What the rule does and does not tell apart."""
    told: list[str] = []
    for pair in compared.pairs:
        gap = pair.gaps.get(rule.metric)
        if gap is not None:
            names = f"{pair.first} and {pair.second}" + (f" (the very same trace in {pair.same})" if pair.same else "")
            verb = "are told apart" if gap.resolved else "are not told apart"
            told.append(f"{names} {verb}: {words.label(rule.metric)} {words.gap(rule.metric, gap)}, n {gap.n}.")
    return told


def _unshared(compared: Compared) -> list[str]:
    apart = [f"{pair.first} and {pair.second}" for pair in compared.pairs if not pair.shared]
    return [
        f"{each} share no problem: a difference may be of the problems and not of the traces, so the figures below, "
        "each of a stream's own problems, do not say which is better."
        for each in apart
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
    if verdict.situation in (Situation.AGREES, Situation.DIFFERS):
        there = words.rate(verdict.right) if verdict.right else "no pair"
        both = "agree" if verdict.situation is Situation.AGREES else "differ"
        said.append(f"Where the two {both}, as here, {words.label(rule.metric)} was right in {there}.")
    if verdict.situation is Situation.SILENT:
        said.append(
            "Here length does not say which: none of their pairs is counted as such, so the record does not cover it."
        )
    views = [f"{_view(view)} {words.rate(each.right)}" for view, each in record.views.items()]
    return [*said, f"By objective and decoding: {'; '.join(views)}."] if views else said


def _view(view: str) -> str:
    objective, _, decoding = view.rpartition(".")
    return f"{objective.upper()} {decoding}"
