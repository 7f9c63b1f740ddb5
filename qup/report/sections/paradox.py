"""The Quality-Utility Paradox: streams that are preferred and train worse, and the index that counts such pairs."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qup import stats
from qup.arms import NATIVE, REFINED, SHORT
from qup.report import family
from qup.report.evidence import HELDOUT, Evidence
from qup.report.family import Family
from qup.report.numbers import Difference, Missing, Number, plain, points
from qup.report.outcomes import EXPECTED
from qup.report.sections import contrasts
from qup.report.sections.contrasts import Contrast, Tested
from qup.report.sections.premises import Premises
from qup.report.view import DASH, Cell, Section, Table, number, word
from qup.stats import Estimate

State = Literal["shown", "reversed", "absent", "decoding-dependent", "unresolved", "premise", "unknown"]


@dataclass(frozen=True)
class Index:
    """PI by one reward: of all pairs in a group of arms, the share whose Q and U are resolved and disagree."""

    pairs: int
    resolved: int
    "Pairs of which both differences are."
    disagree: int
    "Of the resolved ones."
    index: float
    disagreeing: list[str]
    "Those pairs by their arms' labels."
    tau: Number
    "Kendall's, between Q and U over arms."


@dataclass(frozen=True)
class Paradox:
    """One Oracle and objective."""

    index: dict[str, Index | Missing]
    "By reward."
    refined_over_native: dict[str, Difference | Missing]
    "Reward to Q(Refined) - Q(RFT), in the reward's unit."
    state: State
    "Whether Q(Refined) > Q(RFT) while U(Refined) < U(RFT), both resolved, by the primary reward and both decodings."
    sentence: str


def numbers(
    evidence: Evidence, declared: Family, tested: Sequence[Contrast], premises: Premises
) -> dict[str, dict[str, Paradox]]:
    """By Oracle and objective."""
    grounds = Grounds(evidence, declared, tested, premises)
    return {
        oracle: {objective: _paradox(grounds, oracle, objective) for objective in evidence.objectives}
        for oracle in evidence.oracles
    }


@dataclass(frozen=True, eq=False)
class Grounds:
    """What a paradox rests on."""

    evidence: Evidence
    declared: Family
    tested: Sequence[Contrast]
    premises: Premises


def _paradox(grounds: Grounds, oracle: str, objective: str) -> Paradox:
    evidence, primary = grounds.evidence, grounds.evidence.traces.primary
    rewards = evidence.traces.reward_names
    gaps = {reward: family.over_native(evidence, oracle, reward) for reward in rewards if reward != primary}
    quality = dict(zip(gaps, family.judged_apart(evidence, list(gaps.values())), strict=True))
    if primary is not None:
        # That of the primary reward was judged with the contrasts.
        quality = {primary: grounds.declared.quality[oracle], **quality}
    contrast = contrasts.find(grounds.tested, oracle, objective, (NATIVE, REFINED))
    state, sentence = _state(grounds, quality.get(primary or "", Missing("no reward")), contrast)
    return Paradox(indices(evidence, evidence.group(oracle), objective, rewards), quality, state, sentence)


def _state(grounds: Grounds, quality: Difference | Missing, contrast: Contrast | None) -> tuple[State, str]:
    """The state, and a sentence that says it with its numbers."""
    reward = grounds.evidence.traces.primary
    if contrast is None or isinstance(contrast.tested, Missing) or isinstance(quality, Missing):
        names = f"{SHORT[NATIVE]} and {SHORT[REFINED]}"
        return "unknown", f"Paradox: cannot be judged, {names} are not both measured."
    tested, validity = contrast.tested, grounds.premises.rewards.get(reward or "")
    preferred = f"{reward} of Refined minus RFT {plain(quality.shown, 3, sign=True)}, n = {quality.estimate.n}"
    cost = f"U(RFT) - U(Refined), that is C - V, {points(tested.difference.shown)}, n = {tested.difference.estimate.n}"
    figures = f"({preferred}; {cost})"
    if tested.difference.estimate.replicated is False:
        return "unresolved", f"Paradox not replicated: one training set tells nothing of another {figures}."
    if validity is None or validity.outcome != EXPECTED:
        why = f"{reward} is not tried" if validity is None else validity.sentence.rstrip(".")
        return "premise", f"Paradox: no claim of quality, {why} {figures}."
    return _of_signs(quality, tested, figures)


def _of_signs(quality: Difference, tested: Tested, figures: str) -> tuple[State, str]:
    if tested.dependent:
        return "decoding-dependent", f"Paradox decoding-dependent: the decodings part on the utility {figures}."
    sides = (("reward", quality), ("utility", tested.difference))
    unresolved = [name for name, side in sides if not side.resolved]
    if unresolved:
        why = f"not resolved: the difference in {' and '.join(unresolved)} is not told from zero"
        return "unresolved", f"Paradox {why} {figures}."
    if quality.estimate.value < 0:
        return "absent", f"Paradox not shown: the refined traces score lower {figures}."
    if tested.difference.estimate.value > 0:
        return "shown", f"Paradox shown {figures}."
    return "reversed", f"Paradox not shown: the refined traces score higher and train better {figures}."


@dataclass(frozen=True)
class Utilities:
    """What is the same for all rewards: the arms that have a utility, and its paired differences."""

    objective: str
    arms: list[str]
    gaps: dict[tuple[str, str], Estimate]


def indices(
    evidence: Evidence, group: Sequence[str], objective: str, rewards: Sequence[str]
) -> dict[str, Index | Missing]:
    """PI over a group of arms by each reward."""
    utilities = _utilities(evidence, group, objective)
    return {reward: _index(evidence, reward, utilities) for reward in rewards}


def _utilities(evidence: Evidence, group: Sequence[str], objective: str) -> Utilities:
    arms = [arm for arm in group if (arm, objective) in evidence.held.utility]
    shares = {arm: evidence.held.accuracy(arm, objective) for arm in arms}
    sides = {(a, b): (shares[a], shares[b]) for a, b in itertools.combinations(arms, 2)}
    both = {pair: (a, b) for pair, (a, b) in sides.items() if a is not None and b is not None}
    drawn = evidence.boot.contrasts(list(both.values()), HELDOUT)
    gaps = {pair: evidence.boot.estimate(draws) for pair, draws in zip(both, drawn, strict=True) if draws}
    return Utilities(objective, arms, gaps)


def _index(evidence: Evidence, reward: str, utilities: Utilities) -> Index | Missing:
    drawn = evidence.traces.rewards
    arms = [arm for arm in utilities.arms if (arm, reward) in drawn]
    pairs = list(itertools.combinations(arms, 2))
    if not pairs:
        return Missing("fewer than two arms with both")
    sides = (evidence.traces.paired(evidence.traces.reward_columns, reward, pairs), utilities.gaps)
    resolved = [pair for pair in pairs if all(_resolved(evidence, side.get(pair)) for side in sides)]
    against = [pair for pair in resolved if sides[0][pair].value * sides[1][pair].value < 0]
    utility = [evidence.held.utility[arm, utilities.objective] for arm in arms]
    return Index(
        pairs=len(pairs),
        resolved=len(resolved),
        disagree=len(against),
        index=len(against) / len(pairs),
        disagreeing=[" / ".join(evidence.labels[arm] for arm in pair) for pair in against],
        tau=evidence.rank([drawn[arm, reward] for arm in arms], utility, stats.tau),
    )


def _resolved(evidence: Evidence, gap: Estimate | None) -> bool:
    return gap is not None and evidence.judged(gap).resolved


def show(paradoxes: dict[str, dict[str, Paradox]]) -> Section:
    """The index and rank agreement of quality and utility, per Oracle, objective and reward."""
    rows = [
        [Cell(oracle), word(objective.upper()), word(reward), _gap(paradox, reward), *_cells(index)]
        for oracle, by_objective in paradoxes.items()
        for objective, paradox in by_objective.items()
        for reward, index in paradox.index.items()
    ]
    text = (
        "A pair of streams counts as disagreeing if its Q difference and its U difference both exclude zero "
        "(uncorrected), are not below their MDEs and have opposite signs; PI is their share of all pairs."
    )
    columns = ["Oracle", "objective", "reward", "Q(Refined) - Q(RFT)", "PI", "Kendall tau(Q, U)", "disagreeing pairs"]
    return Section("Paradox index", [text], tables=[Table(columns, rows)])


def _gap(paradox: Paradox, reward: str) -> Cell:
    gap = paradox.refined_over_native[reward]
    return number(gap if isinstance(gap, Missing) else gap.estimate, 3, sign=True)


def _cells(index: Index | Missing) -> list[Cell]:
    if isinstance(index, Missing):
        return [Cell(DASH, index.reason)] * 3
    counts = f"{index.disagree} of {index.resolved} resolved pairs of {index.pairs}"
    tau = number(index.tau)
    arms = Cell(tau.text, tau.small if isinstance(index.tau, Missing) else f"{tau.small} arms")
    return [Cell(f"{index.index:.2f}", counts), arms, word("; ".join(index.disagreeing) or "none")]
