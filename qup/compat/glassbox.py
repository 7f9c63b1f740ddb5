"""What a trace of the glass box is in truth: read by the parser, not estimated. The manipulation checks rest on it."""

from dataclasses import dataclass

from qup.glassbox import puzzle, style
from qup.glassbox.derivation import right_steps
from qup.records import Problem, TokenStats

SOURCE = "glassbox"


@dataclass(frozen=True)
class Metric:
    """Logic and style of a trace; nothing for problems of other sources."""

    def values(self, stats: TokenStats, problem: Problem, text: str) -> dict[str, float]:
        """`glassbox.parsed` (1 or 0); where parsed `glassbox.logic`, share of right steps, and `glassbox.dose`."""
        if problem.source != SOURCE:
            return {}
        asked = puzzle.read(problem.question)
        made = style.parse(text, asked)
        if made is None:
            return {"glassbox.parsed": 0.0}
        steps = right_steps(made, asked)
        return {"glassbox.parsed": 1.0, "glassbox.logic": sum(steps) / len(steps), "glassbox.dose": made.dose}
