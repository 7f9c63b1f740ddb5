"""What was declared before the run: two contrasts of utility, and that refined traces score higher; judged together.

The paradox needs both sides, quality and utility, so both stand in one family under Holm's correction. Greedy answers
are a second reading of the same contrasts, and a family of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qup.arms import DECLARED, NATIVE, REFINED
from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.numbers import Difference, Missing, Number

Claim = tuple[str, str, tuple[str, str]]
"Oracle, objective, refiners."
UNREAD = Missing("no greedy answers")


@dataclass(frozen=True)
class Family:
    """All that was declared, judged."""

    sampled: dict[Claim, Difference | Missing]
    "Contrasts of utility; shares."
    greedy: dict[Claim, Difference | Missing]
    quality: dict[str, Difference | Missing]
    "Oracle to Q(Refined) - Q(RFT) by the primary reward, in its unit."


def family(evidence: Evidence) -> Family:
    """Of every Oracle and objective."""
    claims: list[Claim] = [
        (oracle, objective, refiners)
        for oracle in evidence.oracles
        for objective in evidence.objectives
        for refiners in DECLARED
    ]
    quality = {oracle: over_native(evidence, oracle, evidence.traces.primary) for oracle in evidence.oracles}
    sampled = evidence.judge([*(_contrast(evidence, claim, SAMPLED) for claim in claims), *quality.values()])
    asked = evidence.study.evaluation.of_main.greedy
    greedy = evidence.judge([_contrast(evidence, claim, GREEDY) if asked else UNREAD for claim in claims])
    return Family(
        sampled=dict(zip(claims, sampled, strict=False)),
        greedy=dict(zip(claims, greedy, strict=True)),
        quality=dict(zip(quality, sampled[len(claims) :], strict=True)),
    )


def _contrast(evidence: Evidence, claim: Claim, decoding: str) -> Number:
    oracle, objective, refiners = claim
    first, second = (evidence.find(oracle, refiner) for refiner in refiners)
    if first is None or second is None:
        return Missing("an arm is not there")
    crossed = evidence.difference(first, second, objective, decoding)
    return evidence.held.number(crossed, Missing(f"an arm has no {objective} evaluation"))


def over_native(evidence: Evidence, oracle: str, reward: str | None) -> Number:
    """Q(Refined) - Q(RFT) by a reward, on the problems of which both have a value."""
    refined, native = evidence.find(oracle, REFINED), evidence.find(oracle, NATIVE)
    nothing = Missing("an arm or its rewards are missing")
    if refined is None or native is None or reward is None:
        return nothing
    pair, columns = (refined, native), evidence.traces.reward_columns
    return evidence.traces.paired(columns, reward, [pair]).get(pair, nothing)


def judged_apart(evidence: Evidence, numbers: Sequence[Number]) -> list[Difference | Missing]:
    """Each number a family of its own: for what is read on its own, as a control."""
    return [evidence.judge([number])[0] for number in numbers]
