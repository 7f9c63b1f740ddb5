"""Perplexity of a trace under the untrained learner: exp of its mean NLL per completion token."""

import math
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """Global PPL of one trace; the report gives the macro mean of these and the micro PPL over all tokens."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`ppl`: exp(-mean log p_t(y_t))."""
        return {"ppl": math.exp(-sum(seen.stats.logprob) / len(seen.stats.logprob))}
