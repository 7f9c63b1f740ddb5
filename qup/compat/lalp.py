"""LALP (2510.03988): local average log probability, each step scored after a small window of what precedes it.

As we read it: a step is a line, the window is the one step before it and nothing else of the trace, the first step's is
the question, and the mean is over tokens. Window, steps and weights of its authors are not checked.
"""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT, Share


@dataclass(frozen=True, config=STRICT)
class Metric:
    """sum_k sum_{t in step k} log p(y_t | step k-1, y_{k,<t}) / T."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = (Pass.LOCAL,)

    share: Share = 0.02
    "Of the problems; it reads each step twice, under a prompt of its own."

    def values(self, seen: Seen) -> dict[str, float]:
        """`lalp`, nats per token; no value for problems that are not in the share."""
        local = seen.passes.get(Pass.LOCAL)
        return {"lalp": sum(local.logprob) / len(local.logprob)} if local and local.logprob else {}
