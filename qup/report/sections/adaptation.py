"""Adaptation: what a learner pays for a stream while learning it, how fast it does, how far it moves, what it forgets.

AC-prequential is the code length of the first epoch, each batch coded before the update on it (Blier & Ollivier 2018,
arXiv 1802.07044), less what the same tokens would cost at the floor: one exact pass of the learner, once trained, over
traces of the same stream that it did not train on. The mean loss of the last epoch is no such floor: it averages
learners on their way, on traces that they have seen. All definitions with their units: docs/adaptation.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qup.measured import Curve, Measured
from qup.records import Probed, TrainRun
from qup.report.dips import NEAR, Recovery, dip, recovery
from qup.report.evidence import Evidence
from qup.report.numbers import Missing, Number
from qup.report.view import Cell, Section, Table, percent, seeded
from qup.stats import Estimate, t_interval

OBJECTIVE = "sft"
"Only this loss is a code length; those of all other objectives are none."
SLACK = 1e-5
"Epochs are rounded in the records."
Costs = dict[int, float]
"Replicate to a value of its SFT run."
MEASURES = ("speed", "distance", "first_gradient", "forgetting", "forward", "backward", "dip", "stream_dip")
"Of a run by itself, without its curve."
UNRUN = f"no {OBJECTIVE} run"
UNHELD = "no held-out trace of the stream"
UNCOMPARED = "the learner before and after was not compared"


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
    forward: Number
    "AC-functional: KL(before || after) of next-token distributions on held-out native traces, nats per token."
    backward: Number
    "AC-functional: KL(after || before), the same."
    dip: Number
    "Largest NLL of held-out native traces at any probe minus that before training, nats per token."
    recovery: Recovery
    "Completion tokens until these traces are back within `NEAR` of where they were, for good."
    stream_dip: Number
    "The dip of held-out traces of the stream itself."
    stream_recovery: Recovery
    tasks: dict[str, Number]
    "Forgetting of other skills: accuracy after minus before on each task but the main one, a difference of shares."


def numbers(evidence: Evidence) -> dict[str, Adaptation]:
    """Each arm's, of its SFT runs."""
    return {name: _adaptation(evidence, name, arm) for name, arm in evidence.arms.items()}


def _adaptation(evidence: Evidence, name: str, arm: Measured) -> Adaptation:
    level, runs = evidence.level, [run for run in arm.runs if run.objective == OBJECTIVE]
    unseen = Missing(f"no {OBJECTIVE} learner was evaluated")
    unheld = UNHELD if runs else UNRUN
    return Adaptation(
        **{measure: cost(values, level, _absent(measure, unheld)) for measure, values in by_measure(arm).items()},
        recovery=recovery([dip(run.native) for run in runs if run.native], level, unheld),
        stream_recovery=recovery([dip(run.stream) for run in runs if run.stream], level, unheld),
        tasks={task: exam.number(exam.utility(name, OBJECTIVE), unseen) for task, exam in evidence.sets.items()},
    )


def _absent(measure: str, unheld: str) -> str:
    return UNCOMPARED if unheld == UNHELD and measure in ("forward", "backward") else unheld


def by_measure(arm: Measured) -> dict[str, Costs]:
    """Each measure of an arm that is one number a run, by replicate; a run that it was not taken of has none."""
    found = {run.replicate: _measured(run) for run in arm.runs if run.objective == OBJECTIVE}
    return {"cost": costs(arm)} | {
        measure: {replicate: own[measure] for replicate, own in found.items() if measure in own} for measure in MEASURES
    }


def _measured(run: TrainRun) -> dict[str, float]:
    """Each of `MEASURES` that was taken of a run."""
    found = {"distance": run.distance, "first_gradient": run.first_grad_norm}
    if run.stream:
        found |= {"speed": float(speed(run.stream)), "stream_dip": dip(run.stream).depth}
    if native := run.native:
        found |= {"forgetting": (native.after - native.before) / native.tokens, "dip": dip(native).depth}
    if apart := run.divergence:
        found |= {"forward": apart.forward / apart.tokens, "backward": apart.backward / apart.tokens}
    return found


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


def cost(by_replicate: Mapping[int, float], level: float, absent: str = UNHELD) -> Number:
    """A mean over replicates."""
    return t_interval(list(by_replicate.values()), level) if by_replicate else Missing(absent)


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
        "Of the SFT runs, means over replicates with t intervals. Prequential, nats: over the first epoch, the loss "
        "before each update above the floor, times the tokens of the step; the floor is one exact pass of the trained "
        "learner over traces of the stream's other replicates. Speed, completion tokens: until those traces are within "
        f"{NEAR} nats per token of the floor. Path: how far the parameters moved, and the first gradient's norm. "
        "Functional, nats per token: divergence of next-token distributions over held-out native correct traces, "
        "forward KL(before || after) and backward KL(after || before). Forgetting: NLL of those traces after minus "
        "before, nats per token. Dip: how far that NLL rose above its start at any probe, nats per token, and the "
        f"completion tokens until it is back within {NEAR} for good; a run that is not back by its end is counted as "
        "such, and has no number of tokens. The plot has each cost less that of RFT, paired by replicate."
    )
    tasks = list(dict.fromkeys(task for each in by_arm.values() for task in each.tasks))
    columns = ["arm", "prequential", "speed", "distance", "first gradient", "forward KL", "backward KL", "native NLL"]
    columns += [*(f"{task}, points" for task in tasks), "depth", "tokens to recover"]
    groups = [("", 3), ("path", 2), ("functional", 2), ("forgetting", 1 + len(tasks)), ("dip", 2)]
    rows = [_row(labels[arm], each, tasks) for arm, each in by_arm.items()]
    return Section("Adaptation cost", [text, *_notes(by_arm, labels, tasks)], tables=[Table(columns, rows, groups)])


def _notes(by_arm: Mapping[str, Adaptation], labels: Mapping[str, str], tasks: list[str]) -> list[str]:
    """What the table does not say: other tasks, and streams whose own held-out traces got worse first."""
    other = "No task but the main one is evaluated, so what was forgotten of other skills is not measured."
    if tasks:
        other = f"On {', '.join(tasks)}: accuracy after minus before, in points; below 0 is forgotten."
    risen = [
        f"{labels[arm]} ({each.stream_dip.value:.3f}, back in {each.stream_recovery.back} of "
        f"{each.stream_recovery.runs} runs)"
        for arm, each in by_arm.items()
        if not isinstance(each.stream_dip, Missing) and each.stream_dip.value > NEAR
    ]
    rose = f"The stream's own held-out traces rose by more than {NEAR} nats per token on the way: {', '.join(risen)}."
    return [other, rose] if risen else [other]


def _row(label: str, each: Adaptation, tasks: list[str]) -> list[Cell]:
    path = (seeded(each.distance, 2), seeded(each.first_gradient, 2))
    nats = (seeded(each.forward, 4), seeded(each.backward, 4), seeded(each.forgetting, 4))
    others = (percent(each.tasks.get(task, Missing("not evaluated")), sign=True) for task in tasks)
    dips = (seeded(each.dip, 4), seeded(each.recovery.tokens))
    return [Cell(label), seeded(each.cost), seeded(each.speed), *path, *nats, *others, *dips]
