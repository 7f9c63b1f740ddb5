"""IFD, instruction-following difficulty (2308.12032, used by 2402.10110): what the question does for the answer.

IFD = PPL(y | x) / PPL(y). Near 1 the question does not help the learner to say the trace. PPL(y) is of the trace after
the learner's prompt with an empty question in it.
"""

import math
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT, Share


@dataclass(frozen=True, config=STRICT)
class Metric:
    """exp(mean_t l(y_t | x) - mean_t l(y_t))."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = (Pass.ALONE,)

    share: Share = 0.03
    "Of the problems; it costs a forward pass more."

    def values(self, seen: Seen) -> dict[str, float]:
        """`ifd`; no value for problems that are not in the share."""
        alone = seen.passes.get(Pass.ALONE)
        if alone is None or not alone.logprob:
            return {}
        told = sum(seen.stats.logprob) / len(seen.stats.logprob)
        return {"ifd": math.exp(sum(alone.logprob) / len(alone.logprob) - told)}
