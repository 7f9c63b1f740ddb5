"""Rank-surprisal ratio (2601.14249): informative where tokens are surprising yet highly ranked."""

from dataclasses import dataclass

from qup.records import Problem, TokenStats


@dataclass(frozen=True)
class Metric:
    """sum min(r_t, cap) / sum l_t."""

    cap: int = 100

    def values(self, stats: TokenStats, problem: Problem, text: str) -> dict[str, float]:
        """`rsr`, ranks per nat; no value for a trace without surprisal."""
        if stats.rank is None:
            raise ValueError("rsr needs ranks: score with the hf or vllm backend")
        surprisal = -sum(stats.logprob)
        if surprisal <= 0:
            return {}
        return {"rsr": sum(min(rank, self.cap) for rank in stats.rank) / surprisal}
