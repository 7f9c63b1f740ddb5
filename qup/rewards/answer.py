"""The verifiable reward (RLVR): 1 for a right final answer, 0 for a wrong one, none where there is no answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qup import answers
from qup.records import Problem, Score, Verdict

VALUE = {Verdict.CORRECT: 1.0, Verdict.WRONG: 0.0}


@dataclass(frozen=True)
class Reward:
    """Our own grader as a reward. A trace without a readable answer has no reward: it is counted, not scored 0."""

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order."""
        found = answers.verdicts([p.answer for p in problems], texts, [False] * len(texts))
        return [_score(p.id, verdict) for p, verdict in zip(problems, found, strict=True)]


def _score(problem_id: str, verdict: Verdict) -> Score:
    value = VALUE.get(verdict)
    return Score(problem_id, "answer", value, verdict.value if value is None else None)
