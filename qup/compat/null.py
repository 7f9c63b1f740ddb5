"""Null metrics: what a metric must beat. Plain length ranks data surprisingly well, so it always stands beside."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """Length in tokens, characters and non-empty lines (steps)."""

    role: ClassVar[Role] = Role.NULL
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`null.tokens` (end-of-sequence included), `null.chars`, `null.steps`."""
        steps = sum(1 for line in seen.text.splitlines() if line.strip())
        return {"null.tokens": len(seen.stats.token_ids), "null.chars": len(seen.text), "null.steps": steps}
