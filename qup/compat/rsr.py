"""Rank-surprisal ratio (2601.14249): informative where tokens are surprising yet highly ranked."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """sum min(r_t, cap) / sum l_t."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    cap: int = 100

    def values(self, seen: Seen) -> dict[str, float]:
        """`rsr`, ranks per nat; no value for a trace without surprisal."""
        if seen.stats.rank is None:
            raise ValueError("rsr needs ranks: score with the hf or vllm backend")
        surprisal = -sum(seen.stats.logprob)
        if surprisal <= 0:
            return {}
        return {"rsr": sum(min(rank, self.cap) for rank in seen.stats.rank) / surprisal}
