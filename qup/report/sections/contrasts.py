"""Contrasts: differences of utility between arms, the declared ones with Holm's correction, the others explored."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qup import stats
from qup.arms import ALIGNED, NATIVE, REFINED, SHORT
from qup.measured import Measured
from qup.report.evidence import Evidence
from qup.report.exams import GREEDY
from qup.report.numbers import Difference, Missing, percentage
from qup.report.sections.study import Declared
from qup.report.view import DASH, Cell, Section, Table, number, signed, word
from qup.stats import Estimate

DECLARED = ((ALIGNED, REFINED), (NATIVE, REFINED))
"Primary contrasts, declared before any run: SAR - Refined and RFT - Refined, per Oracle and objective."
SLACK = 1e-12
"A corrected p that is the threshold but for rounding is not above it."


@dataclass(frozen=True)
class Same:
    """How alike two streams are."""

    same: int
    "Problems on which both train on the very same text."
    of: int
    "Problems of which both have a trace."


@dataclass(frozen=True)
class Holm:
    """A p-value corrected for the family of declared contrasts."""

    p: float
    family: int


@dataclass(frozen=True)
class Tested:
    """A difference of utility, as shares, on the held-out problems that both arms' learners answered."""

    difference: Difference
    p: float
    "Two-sided, of no difference, uncorrected."
    greedy: Difference | Missing
    "The same difference under greedy decoding, uncorrected."
    between: Estimate | Missing
    "What the sampled answers say minus what the greedy ones say."
    same_traces: Same
    holm: Holm | None
    "None of a contrast that was not declared."

    @property
    def dependent(self) -> bool:
        """Whether which arm is ahead depends on the decoding.

        One decoding tells the arms apart, the other does not do so the same way, and the two are told apart themselves:
        without that a shorter interval alone would pass for a disagreement.
        """
        if isinstance(self.greedy, Missing) or isinstance(self.between, Missing):
            return False
        either = self.difference.resolved or self.greedy.resolved
        alike = self.difference.estimate.value * self.greedy.estimate.value > 0
        both = self.difference.resolved and self.greedy.resolved and alike
        return either and not both and self.between.excludes_zero()


@dataclass(frozen=True)
class Contrast:
    """U of the first arm minus U of the second."""

    oracle: str
    objective: str
    refiners: tuple[str, str]
    labels: tuple[str, str]
    arms: tuple[str, str] | None
    "None where one of them is not there."
    declared: bool
    tested: Tested | Missing

    @property
    def name(self) -> str:
        """For readers; nothing is read back out of it."""
        return " - ".join(self.labels)


def numbers(evidence: Evidence) -> list[Contrast]:
    """Per Oracle and objective the declared contrasts, then each arm against RFT as exploration."""
    contrasts = [
        contrast
        for oracle in evidence.oracles
        for objective in evidence.objectives
        for contrast in [*_declared(evidence, oracle, objective), *_explored(evidence, oracle, objective)]
    ]
    family = [contrast.tested for contrast in contrasts if contrast.declared and isinstance(contrast.tested, Tested)]
    corrected = iter(_corrected(family, 1 - evidence.study.report.level))
    return [
        dataclasses.replace(contrast, tested=next(corrected))
        if contrast.declared and isinstance(contrast.tested, Tested)
        else contrast
        for contrast in contrasts
    ]


def _corrected(family: Sequence[Tested], threshold: float) -> list[Tested]:
    """The declared contrasts after Holm's correction, which a resolved one must pass too."""
    p_values = stats.holm([tested.p for tested in family])
    return [
        dataclasses.replace(
            tested,
            difference=dataclasses.replace(
                tested.difference, resolved=tested.difference.resolved and p <= threshold + SLACK
            ),
            holm=Holm(p, len(family)),
        )
        for tested, p in zip(family, p_values, strict=True)
    ]


def find(contrasts: Iterable[Contrast], oracle: str, objective: str, refiners: tuple[str, str]) -> Contrast | None:
    """The declared contrast of two refiners."""
    declared = {(each.oracle, each.objective, each.refiners): each for each in contrasts if each.declared}
    return declared.get((oracle, objective, refiners))


def _declared(evidence: Evidence, oracle: str, objective: str) -> list[Contrast]:
    return [_of_refiners(evidence, oracle, objective, refiners) for refiners in DECLARED]


def _of_refiners(evidence: Evidence, oracle: str, objective: str, refiners: tuple[str, str]) -> Contrast:
    first, second = (evidence.find(oracle, refiner) for refiner in refiners)
    if first is not None and second is not None:
        return _of_arms(evidence, oracle, objective, (first, second), declared=True)
    absent = SHORT[refiners[0] if first is None else refiners[1]]
    labels = (SHORT[refiners[0]], SHORT[refiners[1]])
    return Contrast(oracle, objective, refiners, labels, None, declared=True, tested=Missing(f"no {absent} arm"))


def _explored(evidence: Evidence, oracle: str, objective: str) -> list[Contrast]:
    """Each arm of the group against RFT, the declared pairs left out."""
    native = evidence.find(oracle, NATIVE)
    taken = {refiner for pair in DECLARED if NATIVE in pair for refiner in pair}
    arms = [arm for arm in evidence.group(oracle) if evidence.arms[arm].refiner not in taken]
    return [_of_arms(evidence, oracle, objective, (arm, native), declared=False) for arm in arms if native]


def _of_arms(evidence: Evidence, oracle: str, objective: str, pair: tuple[str, str], *, declared: bool) -> Contrast:
    first, second = (evidence.arms[arm] for arm in pair)
    return Contrast(
        oracle=oracle,
        objective=objective,
        refiners=(first.refiner, second.refiner),
        labels=(first.label, second.label),
        arms=pair,
        declared=declared,
        tested=_tested(evidence, first, second, objective),
    )


def _tested(evidence: Evidence, first: Measured, second: Measured, objective: str) -> Tested | Missing:
    draws = evidence.difference(first.name, second.name, objective)
    if draws is None:
        return Missing(f"an arm has no {objective} evaluation")
    difference = evidence.judged(evidence.boot.estimate(draws))
    asked = evidence.study.evaluation.greedy
    greedily = evidence.difference(first.name, second.name, objective, GREEDY) if asked else None
    unread = Missing("no greedy answers")
    return Tested(
        difference=difference,
        p=draws.p_value(),
        greedy=evidence.judged(evidence.boot.estimate(greedily)) if greedily else unread,
        between=evidence.boot.estimate(draws.minus(greedily)) if greedily else unread,
        same_traces=_same_traces(first, second),
        holm=None,
    )


def _same_traces(first: Measured, second: Measured) -> Same:
    others = dict(zip(second.problems, second.traces, strict=True))
    pairs = [(trace, others.get(problem)) for problem, trace in zip(first.problems, first.traces, strict=True)]
    both = [pair for pair in pairs if None not in pair]
    return Same(sum(trace == other for trace, other in both), len(both))


def show(contrasts: Sequence[Contrast], declared: Declared) -> Section:
    """All contrasts in one table, the declared ones of every Oracle first."""
    columns = ["contrast", "objective", "points", "greedy", "MDE", "p", "p (Holm)", "verdict", "equal traces"]
    rows = [_row(contrast) for contrast in sorted(contrasts, key=lambda contrast: not contrast.declared)]
    names = " and ".join(f"{SHORT[first]} - {SHORT[second]}" for first, second in DECLARED)
    text = (
        f"Paired differences of utility on the same held-out problems. Declared before the run: {names}; Holm's "
        "correction runs over them all. The others are exploration: their p is uncorrected. Points, p and MDE are of "
        "sampled answers; greedy ones stand beside. A contrast is decoding-dependent if one decoding tells the arms "
        "apart, the other does not do so the same way, and the interval of the two decodings' difference excludes 0. "
        f"MDE at {percentage(declared.power)} power, before correction."
    )
    return Section("Contrasts", [text], tables=[Table(columns, rows)])


def _row(contrast: Contrast) -> list[Cell]:
    head, tested = [Cell(contrast.name), word(contrast.objective.upper())], contrast.tested
    if isinstance(tested, Missing):
        return [*head, number(tested), *[Cell(DASH)] * 6]
    difference, holm, same = tested.difference, tested.holm, tested.same_traces
    return [
        *head,
        signed(difference.estimate, difference.resolved),
        _greedy(tested.greedy),
        _mde(difference),
        Cell(f"{tested.p:.3g}"),
        Cell(f"{holm.p:.3g}", f"{holm.family} declared") if holm else Cell(DASH, "exploratory"),
        word(_said(tested)),
        Cell(str(same.same), f"of {same.of}"),
    ]


def _greedy(difference: Difference | Missing) -> Cell:
    """The difference under greedy decoding, marked where it is resolved."""
    return number(difference) if isinstance(difference, Missing) else signed(difference.estimate, difference.resolved)


def _said(tested: Tested) -> str:
    """What a contrast comes to."""
    if tested.dependent:
        return "decoding-dependent"
    return "resolved" if tested.difference.resolved else "not resolved"


def _mde(difference: Difference) -> Cell:
    """In points."""
    if isinstance(difference.mde, Missing):
        return Cell(DASH, "no variation")
    return Cell(f"{100 * difference.mde.value:.1f}")
