"""The control that changes style alone: the Oracle says the native draft in its own way, logic untouched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qup.oracles import Oracle, Reply
from qup.streams import Draft


@dataclass(frozen=True)
class Refiner:
    """Lets the Oracle's style in and repairs nothing: right drafts stay right, wrong ones wrong."""

    repairs: ClassVar[bool] = False

    def propose(self, drafts: Sequence[Draft], oracle: Oracle, attempt: int) -> list[Reply | None]:
        """Each draft in the Oracle's words and layout."""
        return [*oracle.restyle([d.problem for d in drafts], [d.text for d in drafts], attempt)]
