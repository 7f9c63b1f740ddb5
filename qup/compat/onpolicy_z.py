"""Calibrated on-policy z (2602.12222): is this trace one that the learner itself would have drawn at T=1?

phi_t = log p_t(y_t) + H_t has mean 0 and variance Var[log p_t] when y ~ pi0, so z = sum phi_t / sqrt(sum Var_t) is
about standard normal for the learner's own samples, and falls below as a trace drifts away.
"""

import math
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """z of one trace; needs a backend that tells entropy and variance (hf)."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`onpolicy_z`; no value where the learner was certain throughout (variance 0)."""
        if seen.stats.entropy is None or seen.stats.variance is None:
            raise ValueError("onpolicy_z needs entropies and variances: score with the hf backend")
        spread = sum(seen.stats.variance)
        if spread <= 0:
            return {}
        return {"onpolicy_z": (sum(seen.stats.logprob) + sum(seen.stats.entropy)) / math.sqrt(spread)}
