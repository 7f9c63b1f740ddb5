"""GRAPE (2502.04194): the mean log-probability of a trace, by which its authors choose among responses.

The logarithm of one over the perplexity, so it ranks traces as `ppl` does; over a stream the two means differ, for that
of perplexities is ruled by its tail.
"""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """sum_t log p_t(y_t) / T."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`grape`, nats per token, at most 0."""
        return {"grape": sum(seen.stats.logprob) / len(seen.stats.logprob)}
