"""What a claim rests on, and what can fail: that utility has room to show, and that a reward knows right from wrong.

A reward enters a claim of quality only if it ranks the learner's own right samples above its wrong ones; beside that
stands how often it prefers a trace to its restyled twin of the same logic: what it makes of style alone.
"""

from dataclasses import dataclass

import numpy as np

from qup.arms import NATIVE, RESTYLED
from qup.records import LEARNER
from qup.report import outcomes
from qup.report.evidence import CHANCE, FLOOR, Evidence
from qup.report.numbers import Missing, Number, plain
from qup.report.outcomes import EXPECTED, UNEXPECTED, UNMEASURED
from qup.report.view import Cell, Finding, Section, Table, number, percent
from qup.stats import Crossed

ROOM = (0.2, 0.8)
"Greedy accuracy of the untrained learner between which training can show in either direction."


@dataclass(frozen=True)
class Ceiling:
    """Whether the untrained learner leaves utility room to show."""

    greedy: Number
    "Its share of right greedy answers."
    outcome: str
    sentence: str


@dataclass(frozen=True)
class Validity:
    """One reward that perceives quality."""

    auc: Number
    "Area under the curve of its values on the learner's right against wrong samples; problems are drawn whole."
    style: Number
    "Share of problems whose restyled trace it prefers to the native one of the same logic, a tie shared."
    outcome: str
    sentence: str


@dataclass(frozen=True)
class Premises:
    """All of them."""

    ceiling: Ceiling
    rewards: dict[str, Validity]
    "By name, those that perceive quality."


def numbers(evidence: Evidence) -> Premises:
    """Of the main arms' study."""
    perceiving = [name for name in evidence.traces.judges if evidence.traces.perceives(name)]
    return Premises(
        ceiling=ceiling(evidence.held.base_answered().greedy),
        rewards={name: _validity(evidence, name) for name in perceiving},
    )


def ceiling(greedy: Number) -> Ceiling:
    """Whether it is between the two ends."""
    if isinstance(greedy, Missing):
        return Ceiling(greedy, UNMEASURED, f"Room for utility: not measured, {greedy.reason}.")
    said = f"{100 * greedy.value:.1f}% under greedy decoding"
    if ROOM[0] <= greedy.value <= ROOM[1]:
        return Ceiling(greedy, EXPECTED, f"The untrained learner leaves room on both sides, {said}.")
    end = "ceiling" if greedy.value > ROOM[1] else "floor"
    return Ceiling(greedy, UNEXPECTED, f"The untrained learner is at its {end}, {said}.")


def _validity(evidence: Evidence, reward: str) -> Validity:
    auc, style = evidence.aucs.get(reward), _style(evidence, reward)
    if auc is None:
        reason = "no right and wrong samples were scored"
        return Validity(Missing(reason), style, UNMEASURED, f"{reward}: not tried, {reason}.")
    valid = evidence.valid(reward)
    said = f"AUC {plain(auc)} on the learner's right against wrong samples"
    verdict = (
        "tells right from wrong" if valid else "does not tell right from wrong: premise failed, no claim rests on it"
    )
    return Validity(auc, style, EXPECTED if valid else UNEXPECTED, f"{reward} {verdict}: {said}.")


def _style(evidence: Evidence, reward: str) -> Number:
    oracle, columns = next(iter(evidence.oracles), LEARNER), evidence.traces.reward_columns
    restyled, native = evidence.find(oracle, RESTYLED), evidence.find(oracle, NATIVE)
    if restyled is None or native is None or (restyled, reward) not in columns:
        return Missing("no restyled arm")
    gap = columns[restyled, reward] - columns[native, reward]
    preferred = np.where(np.isfinite(gap), (np.sign(gap) + 1) / 2, np.nan)
    return Crossed.fixed(preferred).rate(evidence.level) or Missing("no problem has both")


def show(premises: Premises) -> Section:
    """Room and rewards."""
    rows = [
        [Cell(name), number(each.auc), percent(each.style), outcomes.cell(each.outcome, "text")]
        for name, each in premises.rewards.items()
    ]
    columns = ["reward", "AUC, right against wrong", "prefers restyled, %", "outcome"]
    caption = f"Rewards that perceive quality. Valid from an AUC of {FLOOR} whose interval lies above {CHANCE}."
    text = (
        f"{premises.ceiling.sentence} Outside {100 * ROOM[0]:g} to {100 * ROOM[1]:g}% a study is flagged. A reward "
        "that does not tell the learner's own right samples from wrong ones carries no claim, whatever it prefers."
    )
    findings: list[Finding] = [(each.sentence, []) for each in premises.rewards.values()]
    tables = [Table(columns, rows, caption=caption)] if rows else []
    return Section("Premises", [text], findings=findings, tables=tables)
