"""Oracle synthesis: the Oracle writes a derivation from scratch and never sees the draft."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qup.oracles import Oracle, Reply
from qup.streams import Draft


@dataclass(frozen=True)
class Refiner:
    """Takes the Oracle's own solution."""

    repairs: ClassVar[bool] = True

    def propose(self, drafts: Sequence[Draft], oracle: Oracle, attempt: int) -> list[Reply | None]:
        """The Oracle's derivation of each draft's problem."""
        return [*oracle.solve([d.problem for d in drafts], attempt)]
