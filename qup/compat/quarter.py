"""NLL by quarter of the trace: where along a derivation the learner is surprised (Qian et al., 2606.16152)."""

from dataclasses import dataclass

from qup.records import Problem, TokenStats


@dataclass(frozen=True)
class Metric:
    """Mean NLL per token of each of four equal parts; a trace shorter than four tokens has empty parts left out."""

    def values(self, stats: TokenStats, problem: Problem, text: str) -> dict[str, float]:
        """`quarter.1` to `quarter.4`, nats per token; quarter q holds tokens floor((q-1)T/4) to floor(qT/4)-1."""
        total = len(stats.logprob)
        parts = {q: stats.logprob[(q - 1) * total // 4 : q * total // 4] for q in range(1, 5)}
        return {f"quarter.{q}": -sum(part) / len(part) for q, part in parts.items() if part}
