"""Calibrated on-policy z (2602.12222): is this trace one that the learner itself would have drawn at T=1?

phi_t = log p_t(y_t) + H_t has mean 0 and variance Var[log p_t] when y ~ pi0, so z = sum phi_t / sqrt(sum Var_t) is
about standard normal for the learner's own samples, and falls below as a trace drifts away.
"""

import math
from dataclasses import dataclass

from qup.records import Problem, TokenStats


@dataclass(frozen=True)
class Metric:
    """z of one trace; needs a backend that tells entropy and variance (hf)."""

    def values(self, stats: TokenStats, problem: Problem, text: str) -> dict[str, float]:
        """`onpolicy_z`; no value where the learner was certain throughout (variance 0)."""
        if stats.entropy is None or stats.variance is None:
            raise ValueError("onpolicy_z needs entropies and variances: score with the hf backend")
        spread = sum(stats.variance)
        if spread <= 0:
            return {}
        return {"onpolicy_z": (sum(stats.logprob) + sum(stats.entropy)) / math.sqrt(spread)}
