"""The verifiable reward (RLVR): 1 for a right final answer, 0 for a wrong one, none where there is no answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.graders import verdicts
from qup.records import Problem, Score, Verdict
from qup.settings import STRICT

VALUE = {Verdict.CORRECT: 1.0, Verdict.WRONG: 0.0}


@dataclass(frozen=True, config=STRICT)
class Reward:
    """The problem's own grader. A trace without a readable answer has no reward: it is counted, not scored 0."""

    perceives: ClassVar[bool] = False

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order."""
        judged = verdicts(problems, texts, [False] * len(texts))
        return [_score(p.id, verdict) for p, verdict in zip(problems, judged, strict=True)]


def _score(problem_id: str, verdict: Verdict) -> Score:
    value = VALUE.get(verdict)
    return Score(problem_id, "answer", value, verdict.value if value is None else None)
