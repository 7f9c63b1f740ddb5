"""The control that changes nothing: the learner's own draft, right or wrong. No Oracle is asked."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Keeps the native draft of solved and of failed problems."""

    repairs: ClassVar[bool] = False
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The drafts as they stand, at no cost."""
        return [Reply(draft.text, tokens=0) for draft in drafts]
