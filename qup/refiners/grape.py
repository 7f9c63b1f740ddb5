"""GRAPE (2502.04194): of all correct traces that there are of a problem, the one that the learner finds most likely.

As we read it: log-likelihood under the untrained learner, normalized by length, is the only criterion, and the pool is
of several models' traces. As one of the pipeline's own cells it chooses among the learner's own samples; as one of the
study's `arms`, which run after the main ones, among theirs too, as the paper has it. That candidates must be correct is
ours, for every stream of a study.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.records import TokenStats
from qup.refiners import Desk, Draft, Pool
from qup.refiners._choices import best
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Selects the correct candidate of the highest mean log p per completion token (nats); asks no Oracle."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.ANY

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The likeliest candidate of each draft, None where none is correct."""
        return best(drafts, lambda problems, texts: [_mean(s) for s in desk.learner.score(problems, texts)], attempt)


def _mean(stats: TokenStats) -> float | None:
    """Mean log p; None where the prompt fills all of the learner's positions."""
    return sum(stats.logprob) / len(stats.logprob) if stats.logprob else None
