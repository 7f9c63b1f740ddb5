"""The calculator: wrong results of sums are mended and carried on, all else stays. No Oracle is asked or paid.

Ours, not a paper's: logic repaired and style untouched, as far as logic is arithmetic. On the glass box its parser
reads the steps, so that every result is right; elsewhere `qup.arithmetic` finds the equations that are closed
arithmetic. A problem that was set up wrongly stays wrong, and so has no trace.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup import arithmetic
from qup.answers import extract
from qup.glassbox import SOURCE, grammar
from qup.glassbox.derivation import recalculated
from qup.oracles import Reply
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Repairs arithmetic; a trace must end in the gold answer, as with every repair."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """Each draft with its sums right; one that no worker survived has failed."""
        others = [draft for draft in drafts if draft.problem.source != SOURCE]
        checked = iter(arithmetic.check([(draft.problem.question, draft.text) for draft in others]))
        return [_exactly(draft) if draft.problem.source == SOURCE else _reply(draft, next(checked)) for draft in drafts]


def _exactly(draft: Draft) -> Reply:
    """A trace of the glass box; one that its parser cannot read has no sums to check."""
    derivation = grammar.parse(draft.text)
    text = draft.text if derivation is None else grammar.rewritten(draft.text, recalculated(derivation))
    return _unless_worse(draft, text)


def _reply(draft: Draft, checked: arithmetic.Checked | None) -> Reply:
    if checked is None:
        return Reply(draft.text, tokens=0, failure="too long for the calculator, or its worker died of it")
    return _unless_worse(draft, checked.text)


def _unless_worse(draft: Draft, text: str) -> Reply:
    """The mended text, unless it takes a right answer away: then a sum was written wrongly whose result was right."""
    if draft.stratum == "solved" and extract(text) != extract(draft.text):
        text = draft.text
    return Reply(text, tokens=0, edited=text != draft.text)
