"""Rejection sampling (RFT, 2308.01825): the learner's own correct trace, untouched. No Oracle is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qup.oracles import Oracle, Reply
from qup.streams import Draft


@dataclass(frozen=True)
class Refiner:
    """Keeps the native trace of solved problems; has none to give for failed ones."""

    repairs: ClassVar[bool] = False

    def propose(self, drafts: Sequence[Draft], oracle: Oracle, attempt: int) -> list[Reply | None]:
        """The drafts of solved problems as they stand, at no cost."""
        return [Reply(draft.text, tokens=0) if draft.stratum == "solved" else None for draft in drafts]
