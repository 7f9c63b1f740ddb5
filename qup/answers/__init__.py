r"""Does a completion hold the right answer? Takes the last `\boxed{...}` and compares by value, with math-verify.

Only a box counts as an answer, because our prompts ask for one. `equality` says when two answers are one and the same:
math-verify (huggingface/Math-Verify) behind guards against what it gets wrong. `bounded` asks it in worker processes,
because answers are untrusted input to a parser.

>>> grade([("1/2", r"\frac{2}{4}"), ("3", "2+1"), ("7", None)])
[True, False, False]
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qup.answers import bounded
from qup.records import Verdict

BOX = re.compile(r"\\boxed\s*\{")
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
r"A brace, or a backslash and what it escapes: `\}` is read in one piece, so that it closes no box."


@dataclass(frozen=True)
class Graded:
    """What became of one completion: the answer it gave, None if none, and the verdict on it."""

    answer: str | None
    verdict: Verdict


def extract(text: str) -> str | None:
    r"""The content of the last complete `\boxed{...}`, nested braces and all; None if there is none or it is empty.

    >>> extract(r"so \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    """
    for box in reversed(list(BOX.finditer(text))):
        end = _closing(text, box.end())
        if end is not None:
            return text[box.end() : end].strip() or None
    return None


def _closing(text: str, start: int) -> int | None:
    """Where the brace that was opened before `start` closes; escaped braces are text."""
    depth = 1
    for brace in BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return brace.start()
    return None


def graded(golds: Sequence[str], texts: Sequence[str], truncated: Sequence[bool]) -> list[Graded]:
    """Answer and verdict of each completion; `truncated` says which were cut by the length limit."""
    answers = [extract(text) for text in texts]
    judgements = bounded.judge(list(zip(golds, answers, strict=True)))
    rows = zip(answers, judgements, truncated, strict=True)
    return [Graded(answer, _verdict(answer, same, cut)) for answer, same, cut in rows]


def verdicts(golds: Sequence[str], texts: Sequence[str], truncated: Sequence[bool]) -> list[Verdict]:
    """The verdicts alone, as in `graded`."""
    return [completion.verdict for completion in graded(golds, texts, truncated)]


def _verdict(answer: str | None, same: bool | None, truncated: bool) -> Verdict:
    """A cut completion without an answer is a failure of its own; one with an answer is judged as any other."""
    if answer is None and truncated:
        return Verdict.TRUNCATED
    if same is None:
        return Verdict.UNPARSED
    return Verdict.CORRECT if same else Verdict.WRONG


def grade(answers: Sequence[tuple[str, str | None]]) -> list[bool]:
    """Whether each (gold, given) pair is one and the same answer; what cannot be read is not."""
    return [same is True for same in bounded.judge(answers)]
