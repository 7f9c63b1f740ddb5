"""The Quality-Utility Paradox: streams that are preferred and train worse, and the index that counts such pairs."""

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
from qup.report.traces import POPULATION
from qup.report.view import DASH, Cell, Section, Table, number, word
from qup.stats import Estimate

State = Literal["shown", "reversed", "absent", "decoding-dependent", "unresolved", "premise", "unknown"]


@dataclass(frozen=True)
class Index:
    """PI by one reward over the pairs of a group of arms."""

    pairs: int
    resolved: int
    "Pairs of which Q and U both are, in one family of Holm's; the others are counted apart."
    disagree: int
    "Of the resolved ones, those whose signs differ."
    index: float | None
    "Their share of the resolved ones; None if none is."
    bounds: tuple[float, float]
    "Least and greatest share of all pairs, as the unresolved ones may turn out."
    disagreeing: list[str]
    "Those pairs by their arms' labels."
    discordant: Number
    "Share of all pairs whose Q and U differ in sign, resolved or not; n counts pairs."
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
    """Whether Q(Refined) > Q(RFT) while U(Refined) < U(RFT), both resolved, by the primary reward and sampled answers,
    and no decoding at odds; where greedy answers do not tell it, the sentence says so."""
    sentence: str


def numbers(
    evidence: Evidence, declared: Family, tested: Sequence[Contrast], premises: Premises
) -> dict[str, dict[str, Paradox]]:
    """By Oracle and objective."""
    grounds = Grounds(evidence, declared, tested, premises)
    indexed = {oracle: indices(evidence, evidence.group(oracle)) for oracle in evidence.oracles}
    return {
        oracle: {
            objective: _paradox(grounds, oracle, objective, indexed[oracle][objective])
            for objective in evidence.objectives
        }
        for oracle in evidence.oracles
    }


@dataclass(frozen=True, eq=False)
class Grounds:
    """What a paradox rests on."""

    evidence: Evidence
    declared: Family
    tested: Sequence[Contrast]
    premises: Premises


def _paradox(grounds: Grounds, oracle: str, objective: str, indexed: dict[str, Index | Missing]) -> Paradox:
    evidence, primary = grounds.evidence, grounds.evidence.traces.primary
    rewards = evidence.traces.reward_names
    gaps = {reward: family.over_native(evidence, oracle, reward) for reward in rewards if reward != primary}
    quality = dict(zip(gaps, family.judged_apart(evidence, list(gaps.values())), strict=True))
    if primary is not None:
        # That of the primary reward was judged with the contrasts.
        quality = {primary: grounds.declared.quality[oracle], **quality}
    contrast = contrasts.find(grounds.tested, oracle, objective, (NATIVE, REFINED))
    state, sentence = _state(grounds, quality.get(primary or "", Missing("no reward")), contrast)
    return Paradox(indexed, quality, state, sentence)


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
        return "shown", f"Paradox shown{tested.told_in} {figures}."
    return "reversed", f"Paradox not shown{tested.told_in}: the refined traces score higher and train better {figures}."


def indices(evidence: Evidence, group: Sequence[str]) -> dict[str, dict[str, Index | Missing]]:
    """PI over a group of arms, by objective and reward."""
    cases = {
        (objective, reward): _case(evidence, group, objective, reward)
        for objective in evidence.objectives
        for reward in evidence.traces.reward_names
    }
    discordant = stats.discordance([*cases.values()], evidence.boot, (POPULATION, HELDOUT))
    found: dict[str, dict[str, Index | Missing]] = {objective: {} for objective in evidence.objectives}
    for ((objective, reward), case), share in zip(cases.items(), discordant, strict=True):
        found[objective][reward] = _index(evidence, objective, reward, case, share)
    return found


def _case(evidence: Evidence, group: Sequence[str], objective: str, reward: str) -> stats.Case:
    """Quality and utility of the arms that have them."""
    crossed = {arm: evidence.held.utility(arm, objective) for arm in group}
    utility = {arm: each for arm, each in crossed.items() if each}
    columns, drawn = evidence.traces.reward_columns, evidence.traces.rewards
    return {arm: columns[arm, reward] for arm in utility if (arm, reward) in drawn}, utility


def _index(
    evidence: Evidence, objective: str, reward: str, case: stats.Case, discordant: Estimate | None
) -> Index | Missing:
    quality, utility = case
    gaps = stats.gaps(quality, utility, evidence.level)
    if not gaps:
        return Missing("fewer than two arms with both")
    counted = stats.paradox_index(gaps, evidence.level)
    labels = evidence.labels
    return Index(
        pairs=counted.pairs,
        resolved=len(counted.resolved),
        disagree=len(counted.disagreeing),
        index=counted.value,
        bounds=counted.bounds or (0.0, 1.0),
        disagreeing=[" / ".join(labels[arm] for arm in pair) for pair in counted.disagreeing],
        discordant=discordant or Missing("no pair of arms has problems in common"),
        tau=evidence.rank(
            [evidence.traces.rewards[arm, reward] for arm in quality],
            [evidence.held.drawn.get((arm, objective)) for arm in quality],
            stats.tau,
        ),
    )


def show(paradoxes: dict[str, dict[str, Paradox]]) -> Section:
    """The index and rank agreement of quality and utility, per Oracle, objective and reward."""
    rows = [
        [Cell(oracle), word(objective.upper()), word(reward), _gap(paradox, reward), *_cells(index)]
        for oracle, by_objective in paradoxes.items()
        for objective, paradox in by_objective.items()
        for reward, index in paradox.index.items()
    ]
    text = (
        "PI: of the pairs of streams whose differences in Q and in U are both resolved, all in one family of Holm's, "
        "the share whose signs differ; below it the least and greatest share of all pairs, as the unresolved ones may "
        "turn out. Discordant: the share of all pairs that differ in sign, resolved or not, over drawn problems and "
        "replicates."
    )
    columns = ["Oracle", "objective", "reward", "Q(Refined) - Q(RFT)", "PI", "discordant", "Kendall tau(Q, U)"]
    columns.append("disagreeing pairs")
    return Section("Paradox index", [text], tables=[Table(columns, rows)])


def _gap(paradox: Paradox, reward: str) -> Cell:
    gap = paradox.refined_over_native[reward]
    return number(gap if isinstance(gap, Missing) else gap.shown, 3, sign=True)


def _cells(index: Index | Missing) -> list[Cell]:
    if isinstance(index, Missing):
        return [Cell(DASH, index.reason)] * 4
    least, greatest = index.bounds
    counts = f"{index.disagree} of {index.resolved} resolved, {index.pairs - index.resolved} unresolved\n"
    share = Cell(DASH if index.index is None else f"{index.index:.2f}", f"{counts}{least:.2f} to {greatest:.2f} of all")
    discordant, tau = number(index.discordant), number(index.tau)
    pairs = Cell(discordant.text, f"{discordant.small}{'' if isinstance(index.discordant, Missing) else ' pairs'}")
    arms = Cell(tau.text, tau.small if isinstance(index.tau, Missing) else f"{tau.small} arms")
    return [share, pairs, arms, word("; ".join(index.disagreeing) or "none")]
