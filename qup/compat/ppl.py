"""Perplexity of a trace under the untrained learner: exp of its mean NLL per completion token."""

import math
from dataclasses import dataclass

from qup.records import Problem, TokenStats


@dataclass(frozen=True)
class Metric:
    """Global PPL of one trace; the report gives the macro mean of these and the micro PPL over all tokens."""

    def values(self, stats: TokenStats, problem: Problem, text: str) -> dict[str, float]:
        """`ppl`: exp(-mean log p_t(y_t))."""
        return {"ppl": math.exp(-sum(stats.logprob) / len(stats.logprob))}
