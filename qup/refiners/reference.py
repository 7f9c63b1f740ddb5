"""The data set's own chain of thought as it stands, but for its answer, which is put where graders look for it."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.refiners._references import worked
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Takes `Problem.solution`; has none to give where the source has none. Asks no Oracle."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The solution of each draft's problem, at no cost."""
        solutions = [worked(draft.problem) for draft in drafts]
        return [None if text is None else Reply(text, tokens=0) for text in solutions]
