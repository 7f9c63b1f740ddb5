r"""Does a completion hold the right answer? Takes what is boxed and compares by value, with math-verify.

Only a box counts as an answer, because our prompts ask for one; `boxes` finds it. `notation`, `words`, `lists`, `units`
and `values` read what it says, `equality` says when two answers are one and the same: math-verify
(huggingface/Math-Verify), and vetoes of what it is known to get wrong. `bounded` asks it in worker processes, because
answers are untrusted input to a parser. Which of these a problem's answer goes through is for `qup.graders`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from qup.answers.boxes import extract
from qup.records import Verdict

__all__ = ["Graded", "extract", "graded_by"]

Gold = TypeVar("Gold")


@dataclass(frozen=True)
class Graded:
    """What became of one completion: the answer it gave, None if none, and the verdict on it."""

    answer: str | None
    verdict: Verdict


def graded_by(
    judge: Callable[[Sequence[tuple[Gold, str | None]]], list[bool | None]],
    golds: Sequence[Gold],
    texts: Sequence[str],
    truncated: Sequence[bool],
) -> list[Graded]:
    """Answer and verdict of each completion; `truncated` says which were cut by the length limit.

    `judge` says whether an answer is the gold one, whatever stands for that.
    """
    given = [extract(text) for text in texts]
    # What was cut is not asked about: no answer could change its verdict.
    asked = [None if cut else answer for answer, cut in zip(given, truncated, strict=True)]
    judgements = judge(list(zip(golds, asked, strict=True)))
    rows = zip(given, judgements, truncated, strict=True)
    return [Graded(answer, _verdict(same, cut)) for answer, same, cut in rows]


def _verdict(same: bool | None, truncated: bool) -> Verdict:
    """A cut completion has given no answer, whatever it boxed on the way: it was not done, and has no end to learn."""
    if truncated:
        return Verdict.TRUNCATED
    if same is None:
        return Verdict.UNPARSED
    return Verdict.CORRECT if same else Verdict.WRONG
