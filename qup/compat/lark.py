"""LARK's learnability factor (2605.30651): how fast the loss on a trace would fall, from one forward pass.

rho = Brier / L with Brier = mean_t ||e_{y_t} - p_t||^2 = mean_t (1 - 2 p_t(y_t) + sum_v p_t(v)^2) and L = mean_t l_t,
as its authors' code has it (Tianrun-Yu/LARK, lark/score_lark.py). Theirs takes p_t over the 50 likeliest tokens,
ours over all. Their score g of a candidate among K of one problem follows from rho and L of all K:
g_k = L_k / sum L * (2 rho_k - sum rho L / sum L); it is for choosing, and not built.
"""

import math
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """sum_t (1 - 2 p_t(y_t) + sum_v p_t(v)^2) / sum_t l_t."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`lark`, rho, per nat; no value for a trace without surprisal."""
        if seen.stats.collision is None:
            raise ValueError("lark needs the sums of squared probabilities: score with the hf backend")
        surprisal = -sum(seen.stats.logprob)
        if surprisal <= 0:
            return {}
        tokens = zip(seen.stats.logprob, seen.stats.collision, strict=True)
        return {"lark": sum(1 - 2 * math.exp(logprob) + square for logprob, square in tokens) / surprisal}
