"""Oracle refinement (Qian et al., 2606.16152): the Oracle edits the native draft, minimal intervention asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qup.oracles import Oracle, Reply
from qup.streams import Draft


@dataclass(frozen=True)
class Refiner:
    """Repairs logic and lets the Oracle's style in."""

    repairs: ClassVar[bool] = True

    def propose(self, drafts: Sequence[Draft], oracle: Oracle, attempt: int) -> list[Reply | None]:
        """Each draft as the Oracle would improve it."""
        return [*oracle.repair([d.problem for d in drafts], [d.text for d in drafts], False, attempt)]
