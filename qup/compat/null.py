"""Null metrics: what a metric must beat. Plain length ranks data surprisingly well, so it always stands beside."""

from dataclasses import dataclass

from qup.records import Problem, TokenStats


@dataclass(frozen=True)
class Metric:
    """Length in tokens, characters and non-empty lines (steps)."""

    def values(self, stats: TokenStats, problem: Problem, text: str) -> dict[str, float]:
        """`null.tokens` (end-of-sequence included), `null.chars`, `null.steps`."""
        steps = sum(1 for line in text.splitlines() if line.strip())
        return {"null.tokens": len(stats.token_ids), "null.chars": len(text), "null.steps": steps}
