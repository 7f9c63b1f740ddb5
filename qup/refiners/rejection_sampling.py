"""Rejection sampling (RFT, 2308.01825): the learner's own correct trace, untouched. No Oracle is asked."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Keeps the native trace of solved problems; has none to give for failed ones."""

    repairs: ClassVar[bool] = False
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The drafts of solved problems as they stand, at no cost."""
        return [Reply(draft.text, tokens=0) if draft.stratum == "solved" else None for draft in drafts]
