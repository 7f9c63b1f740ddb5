"""Graded answers as counts over replicates and problems, and what k answers to a problem come to together."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qup.records import Eval, Verdict

Column = npt.NDArray[np.float64]
"A value per problem; NaN where there is none."
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """Graded answers of the learners of one objective to one task under one decoding: (replicates, problems)."""

    task: str
    decoding: str
    "`sampled` or `greedy`."
    objective: str
    "`base` for the untrained learner."
    replicates: list[int]
    "`[0]` for the untrained learner."
    problems: list[str]
    answers: Counts
    "Answers given; 0 where a learner has none."
    correct: Counts
    truncated: Counts
    unparsed: Counts
    majority: Column
    "Share of the most frequent answers that is right: 1 or 0 but for ties; NaN where no answer was given."

    def share(self, name: str) -> Column:
        """`correct`, `truncated`, `unparsed` as shares of answers, `majority` (maj@k), `passed` (pass@k), by problem.

        NaN without any answer; `passed` is 1 where any answer is right.
        """
        if name == "majority":
            return self.majority
        counts: Counts = self.answers * (self.correct > 0) if name == "passed" else getattr(self, name)
        shares: Column = np.where(self.answers > 0, counts, np.nan) / np.maximum(self.answers, 1)
        return shares


def answers_of(evals: Iterable[Eval]) -> list[Answers]:
    """Graded answers as counts, a record per task, decoding and objective."""
    groups: dict[tuple[str, str, str], list[Eval]] = {}
    for answer in evals:
        groups.setdefault((answer.task, answer.decoding, answer.objective), []).append(answer)
    return [_answers(key, groups[key]) for key in sorted(groups)]


def _answers(key: tuple[str, str, str], evals: Sequence[Eval]) -> Answers:
    replicates = sorted({answer.replicate for answer in evals})
    problems = sorted({answer.problem_id for answer in evals})
    counts = Counter((answer.replicate, answer.problem_id, answer.verdict) for answer in evals)
    given: dict[tuple[int, str], list[Eval]] = {}
    for answer in evals:
        given.setdefault((answer.replicate, answer.problem_id), []).append(answer)

    def table(*verdicts: Verdict) -> Counts:
        rows = [[sum(counts[r, problem, v] for v in verdicts) for problem in problems] for r in replicates]
        return np.array(rows, dtype=np.int64)

    return Answers(
        *key,
        replicates=replicates,
        problems=problems,
        answers=table(*Verdict),
        correct=table(Verdict.CORRECT),
        truncated=table(Verdict.TRUNCATED),
        unparsed=table(Verdict.UNPARSED),
        majority=np.array([[_majority(given.get((r, problem), [])) for problem in problems] for r in replicates]),
    )


def _majority(answers: Sequence[Eval]) -> float:
    """maj@k of one problem: the share of right ones among the most frequent answers; unreadable ones have no vote."""
    votes = Counter(answer.answer for answer in answers if answer.verdict in (Verdict.CORRECT, Verdict.WRONG))
    if not votes:
        return 0.0 if answers else math.nan
    most = [text for text, count in votes.items() if count == max(votes.values())]
    right = {answer.answer for answer in answers if answer.verdict is Verdict.CORRECT}
    return sum(text in right for text in most) / len(most)
