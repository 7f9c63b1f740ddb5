"""NLL by quarter of the trace: where along a derivation the learner is surprised (Qian et al., 2606.16152)."""

from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT

QUARTERS = (1, 2, 3, 4)
T = TypeVar("T", int, npt.NDArray[np.float64])


def key(quarter: int) -> str:
    """Under which a trace has the NLL of one of its quarters."""
    return f"quarter.{quarter}"


def start(quarter: int, total: T) -> T:
    """The first of `total` tokens that lies in a quarter; the last lies just before the next quarter's first."""
    return (quarter - 1) * total // 4


def tokens_in(quarter: int, total: T) -> T:
    """How many of a trace's `total` tokens a quarter holds, or of each of many traces'."""
    return start(quarter + 1, total) - start(quarter, total)


@dataclass(frozen=True, config=STRICT)
class Metric:
    """Mean NLL per token of each of four equal parts; a trace shorter than four tokens has empty parts left out."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`quarter.1` to `quarter.4`, nats per token."""
        logprob = seen.stats.logprob
        parts = {q: logprob[start(q, len(logprob)) : start(q + 1, len(logprob))] for q in QUARTERS}
        return {key(q): -sum(part) / len(part) for q, part in parts.items() if part}
