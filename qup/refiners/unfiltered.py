"""The control that changes nothing: the learner's own draft, right or wrong. No Oracle is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qup.oracles import Oracle, Reply
from qup.streams import Draft


@dataclass(frozen=True)
class Refiner:
    """Keeps the native draft of solved and of failed problems."""

    repairs: ClassVar[bool] = False

    def propose(self, drafts: Sequence[Draft], oracle: Oracle, attempt: int) -> list[Reply | None]:
        """The drafts as they stand, at no cost."""
        return [Reply(draft.text, tokens=0) for draft in drafts]
