"""What to train on: of an Oracle's streams the one that is told to be better than all others, or those not told apart.

The best of several arms is chosen after the fact, so every pair of arms and every arm against the untrained learner is
judged, all in one family of Holm's for each decoding. An arm is ruled out where another is resolved to be better, and
an arm is named where its gain is resolved, in either case unless the decodings are at odds on it (see `dependent`).
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.numbers import WORDS, Difference, Missing, Number, points
from qup.report.sections.contrasts import Tested, dependent, tested_of
from qup.report.view import Card, Section

State = Literal["chosen", "not resolved", "decoding-dependent", "not replicated", "no gain", "unknown"]
Pair = tuple[str, str]
Read = tuple[Difference | Missing, Difference | Missing]
"Of sampled and of greedy answers."
UNNAMED = {
    "not replicated": "not replicated: one training set tells nothing of another, so no stream is named",
    "unknown": "unknown: no learner was evaluated",
}
"States in which no arm is named."
NOTHING = "Nothing was measured."
BY_SAMPLED = ", by sampled answers"


@dataclass(frozen=True)
class Gain:
    """U of an arm, as a share."""

    sampled: Difference | Missing
    greedy: Difference | Missing
    between: Number
    "What the sampled answers say minus what the greedy ones say."

    @property
    def dependent(self) -> bool:
        """Whether it is above or below 0 depends on the decoding."""
        return dependent(self.sampled, self.greedy, self.between)

    @property
    def told(self) -> bool:
        """Whether the arm is told to be better than no training, and the decodings are not at odds on it."""
        sampled = self.sampled
        if isinstance(sampled, Missing) or self.dependent:
            return False
        return sampled.resolved and sampled.estimate.value > 0


@dataclass(frozen=True)
class Group:
    """The evaluated ways to build an Oracle's streams, the highest sampled utility first, all judged together."""

    gains: dict[str, Gain]
    gaps: dict[Pair, Tested]
    "U of the first minus U of the second; the first has the higher estimate in sampled answers."

    @property
    def left(self) -> list[str]:
        """The arms that no other is told to be better than, whatever the decoding."""
        ahead = [pair for pair, gap in self.gaps.items() if gap.difference.resolved and not gap.dependent]
        beaten = {second for _, second in ahead}
        return [arm for arm in self.gains if arm not in beaten]

    @property
    def in_both(self) -> bool:
        """Whether greedy answers rule out the same arms."""
        told = [pair for pair, gap in self.gaps.items() if gap.difference.resolved and not gap.told_in]
        beaten = {second for _, second in told}
        return all(arm in beaten for arm in self.gains if arm not in self.left)


@dataclass(frozen=True)
class Choice:
    """What to train on, for one Oracle and objective."""

    oracle: str
    objective: str
    state: State
    arms: list[str]
    "That no other is told to be better than, the highest utility first."
    headline: str
    sentence: str
    "The figures that it goes by."
    near: list[str] = field(default_factory=list, metadata=WORDS)
    "Of these, by sampled answers: the gain of what is ahead, and its lead over the best of the others."
    far: list[str] = field(default_factory=list, metadata=WORDS)
    "All of them, and what was judged together."


def numbers(every: Evidence, oracles: Sequence[str]) -> list[Choice]:
    """A choice per Oracle and objective; `every` has the further arms among the others."""
    return [_choice(every, oracle, objective) for oracle in oracles for objective in every.objectives]


def _choice(evidence: Evidence, oracle: str, objective: str) -> Choice:
    group, labels = _group(evidence, oracle, objective), evidence.labels
    left, state = group.left, _state(group)
    out = [labels[arm] for arm in group.gains if arm not in left]
    told = any(group.gains[arm].told for arm in left)
    headline = _headline(state, [labels[arm] for arm in left], out, told=told, by=_by(group, state))
    figures, judged = _all_figures(group, labels), _judged_together(group)
    sentence = f"{'; '.join(figures)}. {judged}" if figures else NOTHING
    near, far = (_near(group, labels), [*figures, judged]) if figures else ([NOTHING], [])
    return Choice(oracle, objective, state, left, headline, sentence, near, far)


def _group(evidence: Evidence, oracle: str, objective: str) -> Group:
    values = {
        arm: estimate.value
        for arm in evidence.ways(oracle)
        if (gain := evidence.held.utility(arm, objective)) and (estimate := gain.estimate(evidence.level))
    }
    ranked = sorted(values, key=lambda arm: -values[arm])
    pairs = list(itertools.combinations(ranked, 2))
    sampled, greedy = (_judged(evidence, ranked, pairs, objective, decoding) for decoding in (SAMPLED, GREEDY))
    both: list[Read] = list(zip(sampled, greedy, strict=True))
    tested = {
        (first, second): tested_of(evidence, evidence.arms[first], evidence.arms[second], objective, read)
        for (first, second), read in zip(pairs, both[len(ranked) :], strict=True)
    }
    gaps = {pair: gap for pair, gap in tested.items() if isinstance(gap, Tested)}
    return Group({arm: _gain(evidence, arm, objective, own) for arm, own in zip(ranked, both, strict=False)}, gaps)


def _gain(evidence: Evidence, arm: str, objective: str, read: Read) -> Gain:
    sampled, greedy = (evidence.held.utility(arm, objective, decoding) for decoding in (SAMPLED, GREEDY))
    both = None if sampled is None or greedy is None else sampled.minus(greedy)
    return Gain(*read, evidence.held.number(both, Missing("no answers with this decoding")))


def _judged(
    evidence: Evidence, arms: Sequence[str], pairs: Sequence[Pair], objective: str, decoding: str
) -> list[Difference | Missing]:
    """U of each arm, then the difference of each pair: one family."""
    gains = (evidence.held.utility(arm, objective, decoding) for arm in arms)
    gaps = (evidence.difference(*pair, objective, decoding) for pair in pairs)
    unread = Missing("no answers with this decoding")
    return evidence.judge([evidence.held.number(each, unread) for each in (*gains, *gaps)])


def _state(group: Group) -> State:
    left, gains = group.left, group.gains
    if not left:
        return "unknown"
    first = gains[left[0]]
    if isinstance(first.sampled, Missing) or first.sampled.estimate.replicated is False:
        return "not replicated"
    if len(left) == 1:
        return "chosen" if first.told else "decoding-dependent" if first.dependent else "no gain"
    if any(gap.dependent for pair, gap in group.gaps.items() if set(pair) <= set(left)):
        return "decoding-dependent"
    return "not resolved" if any(gains[arm].told for arm in left) else "no gain"


def _by(group: Group, state: State) -> str:
    """By which answers arms are ruled out, and the one to train on gains: empty where either decoding tells it."""
    greedy = group.gains[group.left[0]].greedy if state == "chosen" else None
    gained = greedy is None or (isinstance(greedy, Difference) and greedy.resolved)
    return "" if gained and group.in_both else BY_SAMPLED


def _headline(state: State, left: Sequence[str], out: Sequence[str], *, told: bool, by: str) -> str:
    """`told`: whether any of those left is told to be better than no training; `by`: by which answers."""
    if state in UNNAMED:
        return UNNAMED[state]
    if len(left) == 1:
        return _of_one(state, left[0], by)
    names, not_on = ", ".join(left), f"; not on {', '.join(out)}{by}" if out else ""
    none = "" if told else ", and none is told to be better than no training"
    if state == "decoding-dependent":
        return f"decoding-dependent: which of {names} is ahead depends on how learners decode{none}{not_on}"
    return f"not resolved which: {names} are not told apart{none}{not_on}"


def _of_one(state: State, arm: str, by: str) -> str:
    """The headline where one arm is ahead of all others."""
    if state == "chosen":
        return f"train on {arm}{by}"
    if state == "no gain":
        return f"{arm} is ahead of the others{by}, but not told to be better than no training"
    said = "whether it is better than no training depends on how learners decode"
    return f"decoding-dependent: {arm} is ahead of the others{by}, but {said}"


def _all_figures(group: Group, labels: Mapping[str, str]) -> list[str]:
    """The gain of what is ahead in sampled answers, and its lead over each other."""
    if not group.gains:
        return []
    first, gain = next(iter(group.gains.items()))
    return [
        f"U({labels[first]}) {_figures(gain.sampled, gain.greedy, dependent=gain.dependent)}",
        *(
            f"{labels[first]} - {labels[other]} {_figures(gap.difference, gap.greedy, dependent=gap.dependent)}"
            for other, gap in _leads(group, first).items()
        ),
    ]


def _leads(group: Group, first: str) -> dict[str, Tested]:
    """What one arm is ahead of each other by, the nearest first."""
    return {pair[1]: gap for pair, gap in group.gaps.items() if pair[0] == first}


def _near(group: Group, labels: Mapping[str, str]) -> list[str]:
    """What a reader must know of how sure the answer is: the gain, and the lead over what comes next."""
    first, gain = next(iter(group.gains.items()))
    # Greedy answers where they are at odds with the sampled ones; all of them stand among all figures.
    unsaid = Missing("not at odds")
    next_ones = list(_leads(group, first).items())[: max(1, len(group.left) - 1)]
    read = {"no training": (gain.sampled, gain.greedy, gain.dependent)}
    read |= {labels[other]: (gap.difference, gap.greedy, gap.dependent) for other, gap in next_ones}
    return [
        f"{labels[first]} over {other}: {_figures(sampled, greedy if at_odds else unsaid, dependent=at_odds)}"
        for other, (sampled, greedy, at_odds) in read.items()
    ]


def _judged_together(group: Group) -> str:
    judged = len(group.gains) + len(group.gaps)
    return f"Every arm and every pair of arms judged together, {judged} for each decoding."


def _figures(sampled: Difference | Missing, greedy: Difference | Missing, *, dependent: bool = False) -> str:
    if isinstance(sampled, Missing):
        return f"not measured ({sampled.reason})"
    doubt = ", decoding-dependent" if dependent else "" if sampled.resolved else ", not resolved"
    read = "" if isinstance(greedy, Missing) else f" (greedy {points(greedy.shown)})"
    return f"{points(sampled.shown)}{doubt}{read}"


def show(choices: Sequence[Choice]) -> Section:
    """A card per Oracle and objective: what to train on, how sure that is, and folded its lead over the others."""
    cards = [
        Card(f"{each.objective.upper()}, Oracle {each.oracle}", f"{each.headline}.", each.near, each.far)
        for each in choices
    ]
    return Section("What to train on", cards=cards, boxed=True)
