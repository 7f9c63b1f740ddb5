"""Style-Aligned Refinement (SAR; Qian et al., 2606.16152): only the logic is repaired, the learner's style stays."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Repairs logic inside the learner's own trajectory."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """Each draft with its wrong steps corrected and everything else left alone."""
        return [*desk.oracle.repair([d.problem for d in drafts], [d.text for d in drafts], True, attempt)]
