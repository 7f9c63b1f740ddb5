"""r-IFD, the reversed one (2402.10110): what the answer does for the question.

r-IFD = PPL(x | y) / PPL(x). Small where the trace tells which question it answers. Its authors ask the learner to guess
the question by a prompt that we do not have: here the trace stands where a question does, and the question where an
answer does.
"""

import math
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT, Share


@dataclass(frozen=True, config=STRICT)
class Metric:
    """exp(mean_t l(x_t | y) - mean_t l(x_t)), over the tokens of the question."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = (Pass.REVERSED, Pass.QUESTION)

    share: Share = 0.03
    "Of the problems; it costs more than a forward pass."

    def values(self, seen: Seen) -> dict[str, float]:
        """`r_ifd`; no value for problems that are not in the share, or where the trace leaves the question no room."""
        told, alone = (seen.passes.get(name) for name in (Pass.REVERSED, Pass.QUESTION))
        # A question that was cut is another one.
        if told is None or alone is None or not alone.logprob or len(told.logprob) != len(alone.logprob):
            return {}
        return {"r_ifd": math.exp((sum(alone.logprob) - sum(told.logprob)) / len(alone.logprob))}
