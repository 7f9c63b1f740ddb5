"""Compatibility metrics, one per file: class `Metric`, a frozen dataclass with one method.

All of them read the per-token statistics of one shared forward pass of the untrained learner; none runs its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from qup.records import Compat, Problem, Refined, TokenStats


class Metric(Protocol):
    """What the compat stage needs of a metric."""

    def values(self, stats: TokenStats, problem: Problem, text: str) -> dict[str, float]:
        """Named values for one trace; the keys start with the plug's name."""
        ...


def measure(
    metrics: Sequence[Metric],
    stream: Sequence[Refined],
    stats: Sequence[TokenStats],
    problems: Mapping[str, Problem],
) -> Iterator[Compat]:
    """All metrics of each trace; `stream` holds the traces with text, `stats` theirs in the same order."""
    for refined, tokens in zip(stream, stats, strict=True):
        values: dict[str, float] = {}
        for metric in metrics:
            values |= metric.values(tokens, problems[refined.problem_id], refined.text or "")
        yield Compat(refined.problem_id, len(tokens.token_ids), -sum(tokens.logprob), values)
