"""How long work takes on a machine: seconds a start, a pass and a token, of each kind of work and each model.

They come from a calibration on this machine, or from a table of peak figures and the share of them that is assumed to
be reached; each says so, and how far off it may be.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qup.plan.machine import Device, Machine, tables
from qup.plan.shapes import Shape
from qup.plan.spans import NONE, Span, total
from qup.plan.work import Kind, Load, Stage, Work
from qup.records import LEARNER

BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}
BACKWARD = 3
"Passes that a step of training is worth: forward, and backward at twice its price (2001.08361)."
SMALLEST = Shape(1e6, 4, 128, 1024, 110, "a small model")


@dataclass(frozen=True)
class Rate:
    """Seconds of one kind of work of one model."""

    begun: Span
    "A thing that is begun."
    step: Span
    "A pass, whatever is in it."
    token: Span
    "A token computed."

    def seconds(self, work: Work) -> Span:
        """Of some work, none of it side by side."""
        return work.begun * self.begun + work.passes * self.step + work.computed * self.token

    def scaled(self, before: Shape, now: Shape) -> "Rate":
        """Of another model: passes cost by layers, tokens by arithmetic."""
        layers, flops = now.layers / before.layers, now.flops / before.flops
        return Rate(self.begun, self.step * layers, self.token * flops)


@dataclass(frozen=True)
class Speed:
    """How fast a machine does the work of a study."""

    source: str
    "Where the figures are from: measured, calibrated or assumed."
    machine: Machine
    loads: Mapping[Load, Span]
    "Seconds until a stage computes, by what it imports."
    side_by_side: Mapping[Load, Span]
    "The same where processes start side by side."
    rates: Mapping[Kind, Rate]
    "Of the model `shape`."
    shape: Shape
    shapes: Mapping[str, Shape | None]
    own: bool = False
    "Whether they were measured of this study's learner."

    def seconds(self, stage: Stage, threads: int | None) -> Span:
        """Of a whole stage, from its start to its end.

        Its jobs are dealt to as many processes as `qup.lm.workers.spread` starts.
        """
        processes = self.processes(stage, threads)
        loads = self.side_by_side if processes > 1 else self.loads
        started = total(loads[load] for load in stage.loads)
        share = math.ceil(stage.jobs / processes) / stage.jobs
        return started + total(self.of(work) for work in stage.works) * share

    def processes(self, stage: Stage, threads: int | None) -> int:
        """Processes that do a stage's jobs."""
        side = 1 if threads is None or self.machine.device else max(1, self.machine.cores // threads)
        return min(stage.jobs, side)

    def of(self, work: Work) -> Span:
        """Of some work; an endpoint's time is its own."""
        if work.kind is Kind.CALL:
            return NONE
        shape = self.shapes.get(work.model) or self.shapes.get(LEARNER) or SMALLEST
        return self.rates[work.kind].scaled(self.shape, shape).seconds(work)


def assumed(
    machine: Machine, shapes: Mapping[str, Shape | None], dtype: str, context: float, threads: int | None
) -> Speed:
    """By the table of peak figures; models compute in `dtype`, and a token looks back on `context` others."""
    shape = shapes.get(LEARNER) or SMALLEST
    device, starts = machine.device, tables()["starts"]
    loads = {load: _about(starts["loads"][load.name.lower()]) for load in Load}
    if device is None:
        rates = {kind: _cores(kind, shape, threads or machine.cores) for kind in WORK}
    else:
        rates = {kind: _device(kind, shape, device, dtype, context) for kind in WORK}
    if device is not None:
        weights = BYTES[dtype] * shape.parameters / 1e9 / starts["read_gb_a_second"]
        loads |= {load: loads[load] + _about(starts["engine"] + weights) for load in (Load.MODELS, Load.HARNESS)}
    peak = "peak figures" if device else "usual cores"
    source = f"assumed: {peak} and the share of them that is reached (qup/plan/devices.yaml), not measured"
    return Speed(source, machine, loads, loads, rates, shape, shapes)


WORK = (Kind.GENERATE, Kind.SCORE, Kind.TRAIN)


def _about(seconds: float) -> Span:
    return Span(seconds / 2, seconds, seconds * 2)


def _times(kind: Kind) -> int:
    return BACKWARD if kind is Kind.TRAIN else 1


def _cores(kind: Kind, shape: Shape, count: int) -> Rate:
    """That of some cores which work on one run."""
    core, starts = tables()["core"], tables()["starts"]
    token = _times(kind) * shape.flops * _inverse(1e12 * count, core["tflops"])
    return Rate(_about(starts["begun"][kind]), _about(core["pass_ms"][kind] / 1000 * shape.layers), token)


def _device(kind: Kind, shape: Shape, device: Device, dtype: str, context: float) -> Rate:
    """An accelerator's: arithmetic by its peak; decoding also reads from memory, all weights a step, and the cache."""
    used, nbytes = tables()["utilisation"], BYTES[dtype]
    token = _times(kind) * shape.flops * _inverse(1e12 * device.tflops, used[kind])
    step = NONE
    if kind is Kind.GENERATE:
        byte = _inverse(1e9 * device.bandwidth, used["bandwidth"])
        step = nbytes * (shape.active or shape.parameters) * byte
        token = token + nbytes * shape.cached * context * byte
    return Rate(_about(tables()["starts"]["begun"][kind]), step, token)


def _inverse(peak: float, shares: Sequence[float]) -> Span:
    """Seconds of a unit at shares of a peak, lowest share first."""
    return Span(*(1 / (peak * share) for share in reversed(shares)))
