"""The exact drift split: which of the nats that a trace costs more than the native one are logic's, which are style's.

Native y and trace y' are aligned. Tokens that both have are context: their surprisal changed because of what stands
before them. An edited span, tokens of y that left and tokens of y' that came, is logic where it changes an equation, a
number or a claim, else style. With l = -log p in nats, over the tokens of each kind
    D_kind = sum l(y'_t) - sum l(y_t),
and D_logic + D_style + D_context = sum l(y') - sum l(y), which is `excess_surprisal`, up to rounding. Our own.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen, _logic, _spans
from qup.compat._spans import Span
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """Nats of edited logic, of edited style, and of what was kept; what counts as logic stands in `_logic`."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = (Pass.NATIVE,)

    def values(self, seen: Seen) -> dict[str, float]:
        """`drift_split.logic`, `.style` and `.context`, nats; no value where the learner has no correct trace."""
        native = seen.passes.get(Pass.NATIVE)
        if native is None:
            return {}
        spans = _spans.between(seen)
        nats = dict.fromkeys(("logic", "style", "context"), 0.0)
        for span, kind in kinded(spans, seen.native_pieces, seen.pieces):
            nats[kind] += sum(native.logprob[i] for i in span.before) - sum(seen.stats.logprob[i] for i in span.after)
        return {f"drift_split.{kind}": value for kind, value in nats.items()}


def edits(before: Sequence[str], after: Sequence[str]) -> list[tuple[Span, str]]:
    """Two texts in pieces, tokens or words, aligned: the spans in order, each with its kind.

    Of tokens only the texts are known here: one with a space before it and one without are taken for the same.
    """
    one, two = ([piece.strip() or piece for piece in side] for side in (before, after))
    return kinded(_spans.align(one, two, (before, after)), before, after)


def kinded(spans: Sequence[Span], before: Sequence[str], after: Sequence[str]) -> list[tuple[Span, str]]:
    """The spans of an alignment, each with its kind, given the text of each token on either side."""
    return list(zip(spans, kinds(spans, _logic.atoms(before), _logic.atoms(after)), strict=True))


def kinds(spans: Sequence[Span], before: Sequence[str], after: Sequence[str]) -> list[str]:
    """`context`, `logic` or `style` for each span of an alignment, given the atoms of the tokens on either side.

    In a part that says the same numbers and signs in the same order as before, no edit is logic, wherever the alignment
    of its tokens put them.
    """
    said: dict[int, list[str]] = {}
    for span in spans:
        sides = said.setdefault(span.part, ["", ""])
        sides[0] += _joined(before, span.before)
        sides[1] += _joined(after, span.after)
    changed = {part for part, (one, two) in said.items() if one != two}
    return [
        "context"
        if span.kept
        else "logic"
        if span.part in changed and _joined(before, span.before) != _joined(after, span.after)
        else "style"
        for span in spans
    ]


def _joined(atoms: Sequence[str], span: range) -> str:
    return "".join(atoms[i] for i in span)
