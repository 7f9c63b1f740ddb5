"""Contrasts: differences of utility between arms, the declared ones with Holm's correction, the others explored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qup.arms import DECLARED, NATIVE, SHORT
from qup.measured import Measured
from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.family import UNREAD, Claim, Family
from qup.report.numbers import Difference, Missing, Number, percentage
from qup.report.sections.study import Declared
from qup.report.view import DASH, Cell, Section, Table, number, signed, word
from qup.stats import Estimate


@dataclass(frozen=True)
class Same:
    """How alike two streams are."""

    same: int
    "Problems on which both train on the very same text."
    of: int
    "Problems of which both have a trace."


@dataclass(frozen=True)
class Tested:
    """A difference of utility, as shares, on the held-out problems that both arms' learners answered."""

    difference: Difference
    "Of sampled answers."
    greedy: Difference | Missing
    "The same under greedy decoding."
    between: Estimate | Missing
    "What the sampled answers say minus what the greedy ones say."
    same_traces: Same

    @property
    def dependent(self) -> bool:
        """Whether which arm is ahead depends on the decoding."""
        return dependent(self.difference, self.greedy, self.between)

    @property
    def told_in(self) -> str:
        """Where a difference that sampled answers resolve is told, to stand behind what is said of it.

        Empty where greedy answers resolve it too: what is not at odds has one sign then.
        """
        if isinstance(self.greedy, Missing):
            return " in sampled answers alone"
        return "" if self.greedy.resolved else " in sampled answers, not told by greedy ones"


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


def dependent(sampled: Difference | Missing, greedy: Difference | Missing, between: Number) -> bool:
    """Whether the sign of a difference depends on the decoding; `between` is sampled minus greedy.

    One decoding at least tells it from 0; and either the two point different ways, or only one tells it from 0 while
    the decodings are told apart themselves: else a shorter interval alone would pass for that. The other is then nearer
    to 0: where it is farther from it, no sign is in doubt.
    """
    if isinstance(sampled, Missing) or isinstance(greedy, Missing) or isinstance(between, Missing):
        return False
    if not (sampled.resolved or greedy.resolved):
        return False
    if sampled.estimate.value * greedy.estimate.value < 0:
        return True
    if sampled.resolved and greedy.resolved:
        return False
    told, other = (sampled, greedy) if sampled.resolved else (greedy, sampled)
    return abs(other.estimate.value) < abs(told.estimate.value) and between.excludes_zero()


def numbers(evidence: Evidence, declared: Family) -> list[Contrast]:
    """Per Oracle and objective the declared contrasts, then each arm against RFT, explored as a family apart."""
    explored = [
        (oracle, objective, arm, native)
        for oracle in evidence.oracles
        for objective in evidence.objectives
        if (native := evidence.find(oracle, NATIVE))
        for arm in _others(evidence, oracle)
    ]
    pairs = {
        decoding: evidence.judge([estimate(evidence, arm, native, o, decoding) for _, o, arm, native in explored])
        for decoding in (SAMPLED, GREEDY)
    }
    contrasts = [_declared(evidence, declared, claim) for claim in declared.sampled]
    for (oracle, objective, *arms), sampled, greedy in zip(explored, pairs[SAMPLED], pairs[GREEDY], strict=True):
        contrasts.append(_of_arms(evidence, oracle, objective, (arms[0], arms[1]), (sampled, greedy), declared=False))
    return contrasts


def find(contrasts: Iterable[Contrast], oracle: str, objective: str, refiners: tuple[str, str]) -> Contrast | None:
    """The declared contrast of two refiners."""
    declared = {(each.oracle, each.objective, each.refiners): each for each in contrasts if each.declared}
    return declared.get((oracle, objective, refiners))


def _declared(evidence: Evidence, declared: Family, claim: Claim) -> Contrast:
    oracle, objective, refiners = claim
    first, second = (evidence.find(oracle, refiner) for refiner in refiners)
    if first is not None and second is not None:
        read = declared.sampled[claim], declared.greedy[claim]
        return _of_arms(evidence, oracle, objective, (first, second), read, declared=True)
    absent = SHORT[refiners[0] if first is None else refiners[1]]
    labels = (SHORT[refiners[0]], SHORT[refiners[1]])
    return Contrast(oracle, objective, refiners, labels, None, declared=True, tested=Missing(f"no {absent} arm"))


def _others(evidence: Evidence, oracle: str) -> list[str]:
    """The arms of a group that no declared contrast compares with RFT."""
    taken = {refiner for pair in DECLARED if NATIVE in pair for refiner in pair}
    return [arm for arm in evidence.group(oracle) if evidence.arms[arm].refiner not in taken]


def estimate(evidence: Evidence, first: str, second: str, objective: str, decoding: str) -> Number:
    """U(first) - U(second), not judged yet."""
    if decoding == GREEDY and not evidence.study.evaluation.of_main.greedy:
        return UNREAD
    crossed = evidence.difference(first, second, objective, decoding)
    return evidence.held.number(crossed, Missing(f"an arm has no {objective} evaluation"))


def _of_arms(
    evidence: Evidence,
    oracle: str,
    objective: str,
    pair: tuple[str, str],
    read: tuple[Difference | Missing, Difference | Missing],
    *,
    declared: bool,
) -> Contrast:
    first, second = (evidence.arms[arm] for arm in pair)
    return Contrast(
        oracle=oracle,
        objective=objective,
        refiners=(first.refiner, second.refiner),
        labels=(first.label, second.label),
        arms=pair,
        declared=declared,
        tested=tested_of(evidence, first, second, objective, read),
    )


def tested_of(
    evidence: Evidence,
    first: Measured,
    second: Measured,
    objective: str,
    read: tuple[Difference | Missing, Difference | Missing],
) -> Tested | Missing:
    """A difference of two arms, judged under both decodings, with what the decodings differ by."""
    sampled, greedy = read
    if isinstance(sampled, Missing):
        return sampled
    pair = first.name, second.name
    crossed = [evidence.difference(*pair, objective, decoding) for decoding in (SAMPLED, GREEDY)]
    both = None if crossed[0] is None or crossed[1] is None else crossed[0].minus(crossed[1])
    between = evidence.held.number(None if isinstance(greedy, Missing) else both, UNREAD)
    return Tested(sampled, greedy, between, same_traces(first, second))


def same_traces(first: Measured, second: Measured) -> Same:
    """On how many problems two arms train on the very same text."""
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
        f"Paired differences of utility on the same held-out problems. Declared before the run: {names}, and "
        "Q(Refined) - Q(RFT); Holm's correction runs over them all, and over the others, which are exploration, apart. "
        "An interval is the one that decides, after that correction; bold is resolved. Greedy answers are read beside "
        "the sampled ones, as families of their own. A contrast is decoding-dependent if either decoding resolves it "
        "and the two point different ways, or only one resolves it, the other is nearer to 0, and their difference is "
        f"told from 0. MDE: the true difference that this rule finds with {percentage(declared.power)} power."
    )
    return Section("Contrasts", [text], tables=[Table(columns, rows)])


def _row(contrast: Contrast) -> list[Cell]:
    head, tested = [Cell(contrast.name), word(contrast.objective.upper())], contrast.tested
    if isinstance(tested, Missing):
        return [*head, number(tested), *[Cell(DASH)] * 6]
    difference, same = tested.difference, tested.same_traces
    return [
        *head,
        signed(difference),
        greedy_cell(tested.greedy),
        _mde(difference),
        Cell(f"{difference.p:.3g}"),
        Cell(f"{difference.holm.p:.3g}", f"of {difference.holm.family}{'' if contrast.declared else ', exploratory'}"),
        word(_said(tested)),
        Cell(str(same.same), f"of {same.of}"),
    ]


def greedy_cell(difference: Difference | Missing) -> Cell:
    """The difference under greedy decoding, marked where it is resolved."""
    return number(difference) if isinstance(difference, Missing) else signed(difference)


def _said(tested: Tested) -> str:
    """What a contrast comes to."""
    if tested.dependent:
        return "decoding-dependent"
    if tested.difference.estimate.replicated is False:
        return "not replicated"
    return "resolved" if tested.difference.resolved else "not resolved"


def _mde(difference: Difference) -> Cell:
    """In points."""
    if isinstance(difference.mde, Missing):
        return Cell(DASH, "no variation")
    return Cell(f"{100 * difference.mde.value:.1f}")
