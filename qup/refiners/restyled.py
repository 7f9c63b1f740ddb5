"""The control that changes style alone: the Oracle says the native draft in its own way, logic untouched."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Lets the Oracle's style in and repairs nothing: right drafts stay right, wrong ones wrong."""

    repairs: ClassVar[bool] = False
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """Each draft in the Oracle's words and layout."""
        return [*desk.oracle.restyle([d.problem for d in drafts], [d.text for d in drafts], attempt)]
