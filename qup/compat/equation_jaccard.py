"""Equation Jaccard: how much of the learner's own arithmetic a trace keeps, whatever words it puts it in."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen, _texts
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """|E(trace) & E(draft)| / |E(trace) | E(draft)|, E the set of equations that a text states."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`equation_jaccard`, 0 to 1; no value without a draft, or where neither text has an equation."""
        if seen.draft is None:
            return {}
        mine, drafted = (_texts.equations(seen.problem, text) for text in (seen.text, seen.draft))
        return {"equation_jaccard": len(mine & drafted) / len(mine | drafted)} if mine | drafted else {}
