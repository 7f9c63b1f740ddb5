"""What a trace of the glass box is in truth: read by the parser, not estimated. The manipulation checks rest on it."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.glassbox import SOURCE, grammar, puzzle
from qup.glassbox.derivation import share_right
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """Logic and style of a trace; nothing for problems of other sources."""

    role: ClassVar[Role] = Role.TRUTH
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`glassbox.parsed` (1 or 0); where parsed `glassbox.logic`, share of right steps, and `glassbox.dose`."""
        if seen.problem.source != SOURCE:
            return {}
        derivation = grammar.parse(seen.text)
        if derivation is None:
            return {"glassbox.parsed": 0.0}
        logic = share_right(derivation, puzzle.read(seen.problem.question))
        return {"glassbox.parsed": 1.0, "glassbox.logic": logic, "glassbox.dose": derivation.dose}
