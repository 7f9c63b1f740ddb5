"""Rank-surprisal ratio (2601.14249): informative where tokens are surprising yet highly ranked.

Two ways of it, which the names tell apart. `rsr` is of one trace, and over a stream the mean of those. Its authors have
another for a set (UmeanNever/RankSurprisalRatio, rsr_cal.py): the mean over traces of the mean clipped rank, over the
mean over traces of the mean surprisal; the report has it as `rsr.set`, from `rsr.rank` and the traces' NLL.
"""

from typing import ClassVar

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """sum min(r_t, cap) / sum l_t."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    cap: PositiveInt = 100

    def values(self, seen: Seen) -> dict[str, float]:
        """`rsr`, ranks per nat, for a trace with surprisal only; `rsr.rank`, the mean clipped rank."""
        if seen.stats.rank is None:
            raise ValueError("rsr needs ranks: score with the hf or vllm backend")
        ranks, surprisal = sum(min(rank, self.cap) for rank in seen.stats.rank), -sum(seen.stats.logprob)
        mean = {"rsr.rank": ranks / len(seen.stats.rank)}
        return {"rsr": ranks / surprisal, **mean} if surprisal > 0 else mean
