"""Adaptation: what a learner pays for a stream while learning it, how fast it does, how far it moves, what it forgets.

AC-prequential is the code length of the first epoch, each batch coded before the update on it (Blier & Ollivier 2018,
arXiv 1802.07044), less what the same tokens would cost at the floor: one exact pass of the learner, once trained, over
traces of the same stream that it did not train on. The mean loss of the last epoch is no such floor: it averages
learners on their way, on traces that they have seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qup.measured import Curve, Measured
from qup.records import Probed, TrainRun
from qup.report.evidence import Evidence
from qup.report.numbers import Missing, Number
from qup.report.view import Cell, Section, Table, seeded
from qup.stats import Estimate, t_interval

OBJECTIVE = "sft"
"Only this loss is a code length; those of all other objectives are none."
SLACK = 1e-5
"Epochs are rounded in the records."
NEAR = 0.02
"Nats per token above the floor at which a stream counts as learnt."
Costs = dict[int, float]
"Replicate to a value of its SFT run."
MEASURES = ("speed", "distance", "first_gradient", "forgetting")


@dataclass(frozen=True)
class Step:
    """One optimizer step of a curve."""

    start: float
    "Epochs before it."
    tokens: int
    "Trained on in it."
    loss: float
    "Before the update, nats per token."


@dataclass(frozen=True)
class Adaptation:
    """One arm; each a mean over replicates."""

    cost: Number
    "AC-prequential, nats."
    speed: Number
    "AC-speed: completion tokens until held-out traces of the stream are within `NEAR` of the floor."
    distance: Number
    "AC-path: Euclidean distance that the trained parameters moved."
    first_gradient: Number
    "AC-path: gradient norm at the first step."
    forgetting: Number
    "AC-forgetting: NLL of held-out native correct traces after training minus before, nats per token."


def numbers(evidence: Evidence) -> dict[str, Adaptation]:
    """Each arm's, of its SFT runs."""
    return {name: _adaptation(arm, evidence.study.report.level) for name, arm in evidence.arms.items()}


def _adaptation(arm: Measured, level: float) -> Adaptation:
    runs = [run for run in arm.runs if run.objective == OBJECTIVE]
    values: dict[str, Costs] = {measure: {} for measure in MEASURES}
    for run in runs:
        for measure, value in _measured(run).items():
            if value is not None:
                values[measure][run.replicate] = value
    return Adaptation(cost(costs(arm), level), **{name: cost(each, level) for name, each in values.items()})


def _measured(run: TrainRun) -> dict[str, float | None]:
    native = run.native
    return {
        "speed": float(speed(run.stream)) if run.stream else None,
        "distance": run.distance,
        "first_gradient": run.first_grad_norm,
        "forgetting": (native.after - native.before) / native.tokens if native else None,
    }


def costs(arm: Measured) -> Costs:
    """The cost of each SFT run, nats; a run that no other replicate's traces were held out for has none."""
    floors = {run.replicate: run.stream for run in arm.runs if run.objective == OBJECTIVE}
    curves = {curve.replicate: curve for curve in arm.curves if curve.objective == OBJECTIVE}
    return {
        replicate: prequential(curves[replicate], held.after / held.tokens)
        for replicate, held in sorted(floors.items())
        if held is not None and replicate in curves
    }


def prequential(curve: Curve, floor: float) -> float:
    """Sum over the first epoch's steps of (loss before the update - floor) x tokens; a step counts where it starts."""
    starts, before = [0.0, *curve.epoch[:-1]], [0, *curve.tokens[:-1]]
    rows = zip(starts, before, curve.tokens, curve.loss, strict=True)
    steps = [Step(start, after - seen, loss) for start, seen, after, loss in rows]
    return sum((step.loss - floor) * step.tokens for step in steps if step.start < 1 - SLACK)


def speed(held: Probed) -> int:
    """Completion tokens trained on at the first probe from which all are within `NEAR` of the last one's NLL."""
    floor = held.nll[-1] / held.probe_tokens
    far = [at for at, nll in enumerate(held.nll) if nll / held.probe_tokens - floor > NEAR]
    return held.at[far[-1] + 1] if far else held.at[0]


def cost(by_replicate: Mapping[int, float], level: float) -> Number:
    """A mean over replicates."""
    return (
        t_interval(list(by_replicate.values()), level) if by_replicate else Missing("no held-out trace of the stream")
    )


def gap(first: Mapping[int, float], second: Mapping[int, float], level: float) -> Estimate | None:
    """The difference of two arms' costs, paired by replicate; None if they share none."""
    gaps = [first[replicate] - second[replicate] for replicate in first if replicate in second]
    return t_interval(gaps, level) if gaps else None


def show(by_arm: Mapping[str, Adaptation], labels: Mapping[str, str]) -> Section:
    """What each stream cost its SFT learner while it was learnt."""
    absent = [each.cost.reason for each in by_arm.values() if isinstance(each.cost, Missing)]
    if len(absent) == len(by_arm):
        return Section("Adaptation cost", [f"Not measured: {absent[0] if absent else 'no arm'}."])
    text = (
        "Of the SFT runs, means over replicates with t intervals. Cost (AC-prequential), nats: over the first epoch, "
        "the loss before each update above the floor, times the tokens of the step; the floor is one exact pass of the "
        "trained learner over traces of the stream's other replicates. Speed, completion tokens: until those traces "
        f"are within {NEAR} nats per token of the floor. Distance: how far the parameters moved. Forgetting, nats per "
        "token: NLL of held-out native correct traces after minus before."
    )
    columns = ["arm", "cost", "speed", "distance", "first gradient norm", "forgetting"]
    return Section("Adaptation cost", [text], tables=[Table(columns, [_row(labels[a], e) for a, e in by_arm.items()])])


def _row(label: str, each: Adaptation) -> list[Cell]:
    small = (seeded(each.distance, 2), seeded(each.first_gradient, 2), seeded(each.forgetting, 4))
    return [Cell(label), seeded(each.cost), seeded(each.speed), *small]
