"""What a trace of the glass box is in truth: read by the parser, not estimated. The manipulation checks rest on it."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.glassbox import puzzle, style
from qup.glassbox.derivation import right_steps
from qup.settings import STRICT

SOURCE = "glassbox"


@dataclass(frozen=True, config=STRICT)
class Metric:
    """Logic and style of a trace; nothing for problems of other sources."""

    role: ClassVar[Role] = Role.TRUTH
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`glassbox.parsed` (1 or 0); where parsed `glassbox.logic`, share of right steps, and `glassbox.dose`."""
        if seen.problem.source != SOURCE:
            return {}
        asked = puzzle.read(seen.problem.question)
        derivation = style.parse(seen.text, asked)
        if derivation is None:
            return {"glassbox.parsed": 0.0}
        steps = right_steps(derivation, asked)
        return {"glassbox.parsed": 1.0, "glassbox.logic": sum(steps) / len(steps), "glassbox.dose": derivation.dose}
