"""A scripted Oracle for tests and the smoke study: it knows the gold answer and writes by rule."""

from collections.abc import Sequence
from dataclasses import dataclass

from qup.oracles import Reply, Setting
from qup.records import Problem


@dataclass(frozen=True)
class Oracle:
    """Answers are right except where `breaks` says; `phrase` is its style."""

    phrase: str = "so the answer is"
    breaks: int = 0
    "First calls, per batch, whose answer is broken (a retry mends it)."

    def start(self, setting: Setting) -> "Oracle":
        """Itself: a script needs no model."""
        return self

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """The phrase and the boxed gold answer."""
        return [self._say("", problem, self._broken(i, attempt)) for i, problem in enumerate(problems)]

    def repair(self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int) -> list[Reply]:
        """The draft's first half, then the answer: in the Oracle's phrase unless style is to be kept."""
        halves = [draft[: len(draft) // 2] if keep_style else "" for draft in drafts]
        return [
            self._say(half, problem, self._broken(i, attempt))
            for i, (half, problem) in enumerate(zip(halves, problems, strict=True))
        ]

    def _broken(self, i: int, attempt: int) -> bool:
        return attempt == 0 and i < self.breaks

    def _say(self, start: str, problem: Problem, broken: bool) -> Reply:
        lead = f"{start}\n" if start else f"{self.phrase} "
        text = f"{lead}\\boxed{{{'none' if broken else problem.answer}}}"
        return Reply(text, tokens=len(text))
