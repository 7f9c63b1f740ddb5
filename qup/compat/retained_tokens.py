"""Retained tokens: how much of the learner's draft is left in a trace, word by word."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen, _spans, _texts
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """Words and marks of the draft that an alignment finds in the trace, over all of the draft's."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`retained_tokens`, 0 to 1; no value without a draft."""
        drafted = _texts.words(seen.draft or "")
        if not drafted:
            return {}
        own = _texts.words(seen.text)
        kept = sum(len(span.before) for span in _spans.align(drafted, own, (drafted, own)) if span.kept)
        return {"retained_tokens": kept / len(drafted)}
