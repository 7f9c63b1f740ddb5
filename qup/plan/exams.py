"""What the learners are asked in evaluation, task by task: how many problems, how often, how long an answer may be."""

from dataclasses import dataclass

from qup.plan.spans import Span, exactly
from qup.records import HELDOUT
from qup.study import Study


@dataclass(frozen=True)
class Exam:
    """One task as each learner takes it."""

    task: str
    problems: Span
    k: int
    "Drawn answers a problem."
    greedy: bool
    max_tokens: int

    @property
    def decodings(self) -> list[int]:
        """Answers a problem of each decoding."""
        return [self.k, *[1] * self.greedy]

    @property
    def answers(self) -> Span:
        """Generations that one learner is asked for."""
        return self.problems * sum(self.decodings)


def exams(study: Study) -> list[Exam]:
    """The study's tasks, in order."""
    asked = study.evaluation
    counts = {HELDOUT: study.problems.heldout} | {name: own.count for name, own in study.problems.sets.items()}
    return [Exam(task, exactly(counts[task]), asked.k, asked.greedy, asked.max_tokens) for task in asked.tasks]


def main_exam(study: Study) -> Exam:
    """The task that utility is of, which is all that further arms are asked."""
    return next(exam for exam in exams(study) if exam.task == study.evaluation.main)
