"""Style-Aligned Refinement (SAR; Qian et al., 2606.16152): only the logic is repaired, the learner's style stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qup.oracles import Oracle, Reply
from qup.streams import Draft


@dataclass(frozen=True)
class Refiner:
    """Repairs logic inside the learner's own trajectory."""

    repairs: ClassVar[bool] = True

    def propose(self, drafts: Sequence[Draft], oracle: Oracle, attempt: int) -> list[Reply | None]:
        """Each draft with its wrong steps corrected and everything else left alone."""
        return [*oracle.repair([d.problem for d in drafts], [d.text for d in drafts], True, attempt)]
