"""A scripted Oracle for tests and the smoke study: it knows the gold answer and writes by rule."""

from collections.abc import Sequence

from pydantic.dataclasses import dataclass

from qup.answers import extract
from qup.oracles import Reply, Setting
from qup.records import Problem
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
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
        return self._say([""] * len(problems), [p.answer for p in problems], attempt)

    def repair(
        self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int, fewest: bool = False
    ) -> list[Reply]:
        """The draft's first half, then the answer: in the Oracle's phrase unless style is to be kept."""
        halves = [draft[: len(draft) // 2] if keep_style else "" for draft in drafts]
        return self._say(halves, [p.answer for p in problems], attempt)

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """The phrase and the draft's own answer, right or wrong."""
        return self._say([""] * len(drafts), [extract(draft) or "none" for draft in drafts], attempt)

    def locate(self, problems: Sequence[Problem], drafts: Sequence[Sequence[str]], attempt: int) -> list[Reply]:
        """The last step, whatever it says."""
        return [Reply(str(len(steps)), tokens=1) for steps in drafts]

    def proceed(self, problems: Sequence[Problem], prefixes: Sequence[str], attempt: int) -> list[Reply]:
        """The phrase and the boxed gold answer."""
        return self.solve(problems, attempt)

    def _say(self, starts: Sequence[str], answers: Sequence[str], attempt: int) -> list[Reply]:
        replies = []
        for i, (start, answer) in enumerate(zip(starts, answers, strict=True)):
            broken = attempt == 0 and i < self.breaks
            lead = f"{start}\n" if start else f"{self.phrase} "
            text = f"{lead}\\boxed{{{'none' if broken else answer}}}"
            replies.append(Reply(text, tokens=len(text)))
        return replies
