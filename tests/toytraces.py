"""Traces to read, for tests of the explorer: examples as an arm keeps them, and the toy study with some."""

import dataclasses

import toyreport

from qup import records
from qup.measured import examples
from qup.measured.examples import Example
from qup.records import Compat, Refined, Score, Verdict
from qup.report.evidence import Evidence

NASTY = "</script><img src=x onerror=alert(1)> & <!-- \u2028 1 + 2 = 4"
"What would be markup, if it were not text."
TOY = toyreport.toy()


def refined(problem: str, text: str | None = "1 + 1 = 2", **changes) -> Refined:
    outcome = "failed" if text is None else "changed"
    return dataclasses.replace(Refined(problem, 1, "solved", text, outcome, 0, 1, 30, Verdict.CORRECT), **changes)


def scored(own: Refined, nats: float = 0.5) -> Compat:
    """One token a character, and an end."""
    size = len(own.text or "") + 1
    return Compat(
        own.problem_id,
        size,
        size * nats,
        {},
        own.slot,
        records.pack_nats([nats] * size),
        records.pack_lengths([1] * (size - 1) + [0]),
    )


def example(problem: str, text: str | None, nats: float = 0.5, **changes) -> Example:
    own = refined(problem, text)
    (made,) = examples.of_arm([own], [Score(problem, "genrm", 1.5)], [scored(own, nats)] if text else [], [])
    return dataclasses.replace(made, **changes)


def evidence(arms, questions, toy=None) -> Evidence:
    """The toy study, with these examples by arm."""
    toy = toy or TOY
    main = {arm.name: dataclasses.replace(arm, examples=arms.get(arm.name, [])) for arm in toy.main_arms()}
    return Evidence(toy.study, dataclasses.replace(toy.base(), questions=questions), main)
