"""Oracle refinement (Qian et al., 2606.16152): the Oracle edits the native draft, minimal intervention asked for."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Repairs logic and lets the Oracle's style in."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """Each draft as the Oracle would improve it."""
        return [*desk.oracle.repair([d.problem for d in drafts], [d.text for d in drafts], False, attempt)]
