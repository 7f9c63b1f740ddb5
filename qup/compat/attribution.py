"""Attribution: which tokens of a trace carry the surprisal that was added to the native one's, and how few they are.

Token t of the trace adds max(0, l(y'_t) - l(y_t)) where the native trace has it too, by the alignment of `drift_split`,
and l(y'_t) where it has not. Our own.
"""

import math
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen, _logic, _spans
from qup.records import TokenStats
from qup.settings import STRICT, PositiveShare


@dataclass(frozen=True, config=STRICT)
class Metric:
    """The added surprisal's share in the tokens that add most, and in those of each kind."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = (Pass.NATIVE,)

    top: PositiveShare = 0.1
    "Of a trace's tokens, rounded up."

    def values(self, seen: Seen) -> dict[str, float]:
        """`attribution.top`; `.logic`, `.words` and `.layout` (marks, space, end-of-sequence), which add up to 1.

        No value without a native trace, or where nothing was added.
        """
        native = seen.passes.get(Pass.NATIVE)
        added = _added(seen, native) if native else []
        total = sum(added)
        if total <= 0:
            return {}
        most = sorted(added, reverse=True)[: math.ceil(self.top * len(added))]
        kinds = dict.fromkeys(("logic", "words", "layout"), 0.0)
        for piece, atom, nats in zip(seen.pieces, _logic.atoms(seen.pieces), added, strict=True):
            kinds[_kind(piece, atom)] += nats / total
        return {"attribution.top": sum(most) / total, **{f"attribution.{kind}": share for kind, share in kinds.items()}}


def _added(seen: Seen, native: TokenStats) -> list[float]:
    """Nats that each token of the trace adds."""
    added = [-logprob for logprob in seen.stats.logprob]
    for span in _spans.align(native.token_ids, seen.stats.token_ids, (seen.native_pieces, seen.pieces)):
        for i, j in zip(span.before, span.after, strict=True) if span.kept else ():
            added[j] = max(0.0, added[j] + native.logprob[i])
    return added


def _kind(piece: str, atom: str) -> str:
    return "logic" if atom else "words" if any(map(str.isalpha, piece)) else "layout"
