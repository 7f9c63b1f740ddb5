"""How long work takes on a machine: seconds a start, a pass and a token, of each kind of work and each model.

They come from a calibration on this machine, or from a table of peak figures and the share of them that is assumed to
be reached; each says so, and how far off it may be.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from qup.plan.machine import Device, Machine, tables
from qup.plan.shapes import BYTES, Shape
from qup.plan.spans import NONE, Span, total
from qup.plan.work import Kind, Load, Stage, Work
from qup.records import LEARNER

BACKWARD = 3
"Passes that a step of training is worth: forward, and backward at twice its price (2001.08361)."


WORK = (Kind.GENERATE, Kind.SCORE, Kind.TRAIN)
"What is done here; an endpoint's work is not."


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


class Rates(Protocol):
    """What tells a rate."""

    def of(self, kind: Kind, shape: Shape) -> Rate:
        """That of a kind of work of a model."""
        ...


@dataclass(frozen=True)
class Scaled:
    """Rates measured of one model, for others: passes cost by layers, tokens by arithmetic."""

    rates: Mapping[Kind, Rate]
    shape: Shape
    "Of that model."

    def of(self, kind: Kind, shape: Shape) -> Rate:
        """Scaled."""
        own = self.rates[kind]
        layers, flops = shape.layers / self.shape.layers, shape.flops / self.shape.flops
        return Rate(own.begun, own.step * layers, own.token * flops)


@dataclass(frozen=True)
class Cores:
    """Some cores that work on one run, by the table."""

    count: int

    def of(self, kind: Kind, shape: Shape) -> Rate:
        """Arithmetic, and what a pass costs whatever is in it."""
        core = tables()["core"]
        token = _times(kind) * shape.flops * _inverse(1e12 * self.count, core["tflops"])
        return Rate(_begun(kind), _about(core["pass_ms"][kind] / 1000 * shape.layers), token)


@dataclass(frozen=True)
class Peak:
    """An accelerator, by the table: arithmetic; decoding also reads from memory, all weights a pass, and the cache."""

    device: Device
    dtype: str
    context: float
    "Tokens that one looks back on."

    def of(self, kind: Kind, shape: Shape) -> Rate:
        """By its peaks and the shares of them that are reached."""
        used = tables()["utilisation"]
        token, step = _times(kind) * shape.flops * _inverse(1e12 * self.device.tflops, used[kind]), NONE
        if kind is Kind.GENERATE:
            byte = _inverse(1e9 * self.device.bandwidth, used["bandwidth"])
            # A batch needs most of a mixture's experts.
            step = shape.weights(self.dtype) * byte
            token = token + BYTES[self.dtype] * shape.cached * self.context * byte
        # Each run reads the learner's weights and saves its own; each decoding of a trained learner reads those.
        return Rate(_begun(kind) + _about(moved(shape, self.dtype)), step, token)


@dataclass(frozen=True)
class Speed:
    """How fast a machine does the work of a study."""

    source: str
    "Where the figures are from: calibrated or assumed."
    machine: Machine
    loads: Mapping[Load, Span]
    "Seconds until a stage computes, by what it imports."
    side_by_side: Mapping[Load, Span]
    "The same where processes start side by side."
    rates: Rates
    shapes: Mapping[str, Shape | None]
    own: bool = False
    "Whether they were measured of this study's learner."
    engine: Span = NONE
    "Seconds until what generates is ready."

    def seconds(self, stage: Stage, threads: int | None) -> Span:
        """Of a whole stage, from its start to its end.

        Its jobs are dealt to as many processes as `qup.lm.workers.spread` starts.
        """
        processes = self.processes(stage, threads)
        loads = self.side_by_side if processes > 1 else self.loads
        started = total(loads[load] for load in stage.loads)
        if any(work.kind is Kind.GENERATE for work in stage.works):
            started += self.engine
        share = math.ceil(stage.jobs / processes) / stage.jobs
        return started + total(self.of(work) for work in stage.works) * share

    def processes(self, stage: Stage, threads: int | None) -> int:
        """Processes that do a stage's jobs."""
        side = 1 if threads is None or self.machine.device else max(1, self.machine.cores // threads)
        return min(stage.jobs, side)

    def of(self, work: Work) -> Span:
        """Of some work; none of an endpoint, whose time is its own, and of a model whose size is not known."""
        shape = self.shapes.get(work.model)
        if work.kind is Kind.CALL or shape is None:
            return NONE
        seconds = self.rates.of(work.kind, shape).seconds(work)
        if work.kind is Kind.GENERATE:
            # Prompts are passed over once, as texts that are scored.
            seconds += work.prompt * self.rates.of(Kind.SCORE, shape).token
        return seconds


def assumed(
    machine: Machine, shapes: Mapping[str, Shape | None], dtype: str, context: float, threads: int | None
) -> Speed:
    """By the table of peak figures; models compute in `dtype`, and a token looks back on `context` others."""
    device, starts, largest = machine.device, tables()["starts"], shapes.get(LEARNER)
    loads = {load: _about(starts["loads"][load.name.lower()]) for load in Load}
    rates: Rates = Cores(threads or machine.cores) if device is None else Peak(device, dtype, context)
    engine = NONE if device is None else _about(starts["engine"] + (moved(largest, dtype) if largest else 0))
    peak = "peak figures" if device else "usual cores"
    source = f"assumed: {peak} and the share of them that is reached (qup/plan/devices.yaml), not measured"
    return Speed(source, machine, loads, loads, rates, shapes, engine=engine)


def moved(shape: Shape, dtype: str) -> float:
    """Seconds in which a model's weights come from disk."""
    return float(shape.weights(dtype) / 1e9 / tables()["starts"]["read_gb_a_second"])


def _about(seconds: float) -> Span:
    return Span(seconds / 2, seconds, seconds * 2)


def _begun(kind: Kind) -> Span:
    return _about(tables()["starts"]["begun"][kind])


def _times(kind: Kind) -> int:
    return BACKWARD if kind is Kind.TRAIN else 1


def _inverse(peak: float, shares: Sequence[float]) -> Span:
    """Seconds of a unit at shares of a peak, lowest share first."""
    return Span(*(1 / (peak * share) for share in reversed(shares)))
