"""What the learners are asked in evaluation, task by task: how many problems, how often, how long an answer may be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import problems
from qup.evals import Asked
from qup.plan.spans import Span, exactly
from qup.records import HELDOUT
from qup.study import Study

UNKNOWN = Span(30, 500, 5000)
"Problems of a task whose data are not here and that says no number [assumed]."
CHOICES = 4
"Texts a problem that a task of log-likelihoods compares [assumed]."


@dataclass(frozen=True)
class Decoding:
    """One way in which a task's problems are answered."""

    repeats: int
    "Answers a problem."
    max_tokens: int
    "0: nothing is written, given texts are scored."


@dataclass(frozen=True)
class Exam:
    """One task as each learner takes it."""

    task: str
    problems: Span
    decodings: tuple[Decoding, ...]

    @property
    def answers(self) -> Span:
        """Generations that one learner is asked for."""
        return self.problems * sum(decoding.repeats for decoding in self.decodings if decoding.max_tokens)


def exams(study: Study, folder: Path) -> list[Exam]:
    """The study's tasks, in order; `folder` is that in which the prepare stage leaves evaluation sets."""
    return [Exam(each.name, _count(study, each.name, folder), _decodings(each)) for each in study.asked]


def _decodings(asked: Asked) -> tuple[Decoding, ...]:
    return tuple(Decoding(each.repeats, each.max_tokens) for each in asked.decodings)


def _count(study: Study, task: str, folder: Path) -> Span:
    """Problems of a task: as set, as they lie on disk, or as its published description says."""
    if task == HELDOUT:
        return exactly(study.problems.heldout)
    own = study.problems.sets.get(task)
    if own is not None and own.count is not None:
        return exactly(own.count)
    file = folder / f"{task}.jsonl"
    if file.is_file():
        with file.open("rb") as lines:
            return exactly(sum(1 for _ in lines))
    rows = [_rows(weighted.source) for weighted in own.sources] if own is not None else [None]
    known = [count for count in rows if count is not None]
    return exactly(sum(known)) if len(known) == len(rows) else UNKNOWN


def _rows(source: Any) -> int | None:
    """Rows of a published set, as its file in qup/problems/benchmarks has them; None of other sources."""
    name = getattr(source, "set", None)
    if name is None:
        return None
    known = problems.benchmarks()[name]
    of_files = [file.rows for file in known.files if source.sha256 in (None, file.sha256)]
    counts = [*(of_files if source.file else []), known.hub.rows]
    return next((count for count in counts if count is not None), None)


def main_exam(study: Study, folder: Path) -> Exam:
    """The task that utility is of, which is all that further arms are asked."""
    return next(exam for exam in exams(study, folder) if exam.task == study.evaluation.main)
