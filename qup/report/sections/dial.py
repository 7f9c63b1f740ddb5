"""The dial: how the worth of a stream moves with the objective's a, and between which a the paradox turns.

Objectives that are a place on the dial (2510.00526) differ in how much a token counts that the learner finds unlikely:
SFT at a = 0, DFT at a = 1. RFT - Refined at each is the declared contrast, judged where all of them are.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qup.arms import NATIVE, REFINED, SHORT
from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.numbers import Difference, Missing
from qup.report.sections import contrasts
from qup.report.sections.contrasts import Contrast
from qup.report.view import Cell, Section, Table, signed, word

PLOT = "utility-alpha"
"The name of its picture."
FEWEST = 3
"Places that make a dial: of two, the contrasts say all."
PAIR = (NATIVE, REFINED)


@dataclass(frozen=True)
class Place:
    """RFT - Refined under one objective."""

    objective: str
    alpha: float
    sampled: Difference | Missing
    greedy: Difference | Missing

    def read(self, decoding: str) -> Difference | Missing:
        """Under one decoding."""
        return self.greedy if decoding == GREEDY else self.sampled


@dataclass(frozen=True)
class Turn:
    """Two neighbours among the a that resolve RFT - Refined, with opposite signs: it turns between them."""

    below: float
    above: float
    ahead: tuple[str, str]
    "The refiners that are ahead at either."


@dataclass(frozen=True)
class Dial:
    """One Oracle's arms."""

    places: list[Place]
    "By a."
    turns: dict[str, list[Turn]]
    "By decoding; one under which nothing was measured has none."


def alphas(evidence: Evidence) -> dict[str, float]:
    """Objective to its a, ascending; none unless the study has `FEWEST` places on the dial."""
    own = {each.name: each.objective.alpha for each in evidence.study.training.objectives}
    there = {name: alpha for name, alpha in own.items() if alpha is not None}
    return dict(sorted(there.items(), key=lambda item: item[1])) if len(set(there.values())) >= FEWEST else {}


def numbers(evidence: Evidence, tested: Sequence[Contrast]) -> dict[str, Dial]:
    """By Oracle; empty where there is no dial."""
    places = alphas(evidence)
    return {oracle: _dial(tested, oracle, places) for oracle in evidence.oracles if places}


def _dial(tested: Sequence[Contrast], oracle: str, places: Mapping[str, float]) -> Dial:
    read = [_place(contrasts.find(tested, oracle, name, PAIR), name, alpha) for name, alpha in places.items()]
    measured = [
        decoding
        for decoding in (SAMPLED, GREEDY)
        if any(isinstance(place.read(decoding), Difference) for place in read)
    ]
    return Dial(read, {decoding: turns(read, decoding) for decoding in measured})


def _place(contrast: Contrast | None, objective: str, alpha: float) -> Place:
    found = contrast.tested if contrast else Missing("no such contrast")
    if isinstance(found, Missing):
        return Place(objective, alpha, found, found)
    return Place(objective, alpha, found.difference, found.greedy)


def turns(places: Sequence[Place], decoding: str) -> list[Turn]:
    """Where the sign turns, resolved on both sides; what is not resolved in between widens the span, and no more."""
    return [
        Turn(below, above, PAIR if first else (PAIR[1], PAIR[0]))
        for (below, first), (above, second) in itertools.pairwise(signs(places, decoding).items())
        if first != second
    ]


def signs(places: Sequence[Place], decoding: str) -> dict[float, bool]:
    """The a at which RFT - Refined is resolved, ascending, to whether it is above 0.

    Two objectives may stand at one a, as `dft` and `{alpha: 1}`: where they are resolved to be at odds, it tells
    nothing.
    """
    found: dict[float, set[bool]] = {}
    for place in places:
        difference = place.read(decoding)
        if isinstance(difference, Difference) and difference.resolved:
            found.setdefault(place.alpha, set()).add(difference.estimate.value > 0)
    return {alpha: sign.pop() for alpha, sign in found.items() if len(sign) == 1}


def show(dials: Mapping[str, Dial], plots: Sequence[str]) -> Section | None:
    """A row per Oracle and a, and where the sign turns; None without a dial."""
    if not dials:
        return None
    name = f"{SHORT[PAIR[0]]} - {SHORT[PAIR[1]]}"
    text = (
        "Each token's loss is (1 - p^a)/a of the learner's own probability p of it: SFT at a = 0, DFT at a = 1. The "
        f"larger a, the less a token counts that the learner finds unlikely. {name} in accuracy points; bold is "
        "resolved, by the rule and in the family of the declared contrasts. A turn is told where the nearest resolved "
        "differences on both sides have opposite signs."
    )
    rows = [[word(oracle), *_row(place)] for oracle, dial in dials.items() for place in dial.places]
    said = [
        f"Oracle {oracle}, {decoding}: {_said(dial, decoding)}"
        for oracle, dial in dials.items()
        for decoding in dial.turns
    ]
    groups = [("", 3), (f"{name}, points", 2), ("verdict", 2)]
    table = Table(["Oracle", "objective", "a", *(SAMPLED, GREEDY) * 2], rows, groups)
    drawn = [plot for plot in plots if plot == PLOT]
    return Section("Where the paradox turns", [text], bullets=said, tables=[table], plots=drawn)


def _row(place: Place) -> list[Cell]:
    both = place.sampled, place.greedy
    return [
        word(place.objective.upper()),
        Cell(f"{place.alpha:g}"),
        *map(signed, both),
        *map(word, map(_verdict, both)),
    ]


def _verdict(difference: Difference | Missing) -> str:
    if isinstance(difference, Missing):
        return "not measured"
    if difference.estimate.replicated is False:
        return "not replicated"
    return "resolved" if difference.resolved else "not resolved"


def _said(dial: Dial, decoding: str) -> str:
    """Each turn in words, or that none is resolved and why."""
    found = dial.turns[decoding]
    if found:
        return "; ".join(
            f"{SHORT[turn.ahead[0]]} is ahead at a = {turn.below:g}, {SHORT[turn.ahead[1]]} at a = {turn.above:g}, "
            "and it turns in between"
            for turn in found
        )
    resolved = signs(dial.places, decoding)
    if not resolved:
        return "not resolved: no a tells the two apart"
    ahead = SHORT[PAIR[0] if next(iter(resolved.values())) else PAIR[1]]
    every = len({place.alpha for place in dial.places})
    return f"not resolved: {ahead} is ahead at every a that tells the two apart, {len(resolved)} of {every}"
