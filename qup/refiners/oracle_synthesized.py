"""Oracle synthesis: the Oracle writes a derivation from scratch and never sees the draft."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Takes the Oracle's own solution."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The Oracle's derivation of each draft's problem."""
        return [*desk.oracle.solve([d.problem for d in drafts], attempt)]
