"""Adaptation cost: nats a learner pays for a stream while it learns it, as an excess prequential code length.

AC-prequential is the code length of the first epoch, each batch coded before the update on it (Blier & Ollivier 2018,
arXiv 1802.07044), less what the same tokens would cost at the loss that training ends with. That floor is the mean loss
of the run's own last epoch: in-sample, so it takes memorized traces for learnt ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qup.measured import Curve
from qup.report.evidence import Evidence
from qup.report.numbers import Missing, Number
from qup.report.view import Cell, Section, Table, seeded
from qup.stats import Estimate, t_interval

OBJECTIVE = "sft"
"Only this loss is a code length; that of `dft` is weighted by probability."
SLACK = 1e-5
"Epochs are rounded in the records."
Costs = dict[int, float]
"Training seed to the cost of its run, nats."


@dataclass(frozen=True)
class Step:
    """One optimizer step of a curve."""

    start: float
    "Epochs before it."
    tokens: int
    "Trained on in it."
    loss: float
    "Before the update, nats per token."


def numbers(evidence: Evidence) -> dict[str, Number]:
    """Each arm's cost, nats: mean over training seeds with a t interval; n counts seeds."""
    return {name: cost(costs(arm.curves), evidence.study.report.level) for name, arm in evidence.arms.items()}


def costs(curves: Iterable[Curve]) -> Costs:
    """The cost of each SFT run; one of fewer than two epochs has none."""
    runs = sorted((curve for curve in curves if curve.objective == OBJECTIVE), key=lambda curve: curve.seed)
    by_seed = ((curve.seed, prequential(curve)) for curve in runs)
    return {seed: nats for seed, nats in by_seed if nats is not None}


def prequential(curve: Curve) -> float | None:
    """Sum over the first epoch's steps of (loss before the update - floor) x tokens; a step counts where it starts."""
    length = curve.epoch[-1]
    if length < 2 - SLACK:
        return None
    starts, before = [0.0, *curve.epoch[:-1]], [0, *curve.tokens[:-1]]
    rows = zip(starts, before, curve.tokens, curve.loss, strict=True)
    steps = [Step(start, after - seen, loss) for start, seen, after, loss in rows]
    last = [step for step in steps if step.start > length - 1 - SLACK]
    floor = sum(step.loss * step.tokens for step in last) / sum(step.tokens for step in last)
    return sum((step.loss - floor) * step.tokens for step in steps if step.start < 1 - SLACK)


def cost(by_seed: Mapping[int, float], level: float) -> Number:
    """An arm's cost."""
    return t_interval(list(by_seed.values()), level) if by_seed else Missing("no SFT run of two epochs or more")


def gap(first: Mapping[int, float], second: Mapping[int, float], level: float) -> Estimate | None:
    """The difference of two arms' costs, paired by training seed; None if they share none."""
    gaps = [first[seed] - second[seed] for seed in first if seed in second]
    return t_interval(gaps, level) if gaps else None


def show(by_arm: Mapping[str, Number], labels: Mapping[str, str]) -> Section:
    """What each stream cost its SFT learner while it was learnt."""
    absent = [each.reason for each in by_arm.values() if isinstance(each, Missing)]
    if len(absent) == len(by_arm):
        return Section("Adaptation cost", [f"Not measured: {absent[0] if absent else 'no arm'}."])
    text = (
        "AC-prequential of the SFT runs, nats: over the first epoch, the loss before each update above the floor, "
        "times the tokens of the step. The floor is the mean loss of the run's own last epoch, so it is in-sample: a "
        "memorized trace counts as learnt. Mean over training seeds, t interval."
    )
    rows = [[Cell(labels[arm]), seeded(each)] for arm, each in by_arm.items()]
    return Section("Adaptation cost", [text], tables=[Table(["arm", "nats"], rows)])
