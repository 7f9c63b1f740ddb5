"""Minimum change (2402.11192): the Oracle edits the learner's own wrong answer, as little as makes it right.

As we read the paper (its abstract and what others say of it; its prompts were not at hand, so the prompt is ours): who
teaches changes the learner's own output minimally, because a learner learns better from its own language. It differs
from `style_aligned` in whom it asks about, and what: right drafts are taken as they are and cost nothing, and of wrong
ones the fewest changes are asked for, not a copy with the calculations corrected; from `oracle_refined`, which asks for
a clear and complete solution, in that nothing right may be improved. The glass box's program changes no right step in
any case, so there the two differ in drafts that reach the right answer by a wrong step: `style_aligned` mends it.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Repairs the drafts of failed problems; those of solved ones stay."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """Each right draft as it stands, each wrong one with the fewest changes."""
        wrong = [draft for draft in drafts if draft.stratum == "failed"]
        problems, texts = [draft.problem for draft in wrong], [draft.text for draft in wrong]
        edited = iter(desk.oracle.repair(problems, texts, True, attempt, fewest=True) if wrong else [])
        return [next(edited) if draft.stratum == "failed" else Reply(draft.text, tokens=0) for draft in drafts]
