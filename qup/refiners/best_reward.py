"""Best of N by a reward model: of all correct traces that there are of a problem, the one that a reward prefers.

What a team does that trusts perceived quality (best-of-N, rejection sampling by reward; Llama 2, 2307.09288, section
3.2.3). As one of the pipeline's own cells it chooses among the learner's own samples; as one of the study's `arms`,
which run after the main ones, among theirs too.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.records import Problem
from qup.refiners import Desk, Draft, Pool
from qup.refiners._choices import best
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Selects the correct candidate of the highest reward; asks no Oracle."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.ANY
    reward: str | None = None
    "One of the study's rewards; null: the first that perceives quality, or else the first."

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The preferred candidate of each draft, None where none is correct."""

        def rewards(problems: Sequence[Problem], texts: Sequence[str]) -> list[float | None]:
            return [score.value for score in desk.judges.score(problems, texts, self.reward)]

        return best(drafts, rewards, attempt)
