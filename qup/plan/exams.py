"""What the learners are asked in evaluation, task by task: how many problems, how often, how long an answer may be."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import problems
from qup.evals import Asked
from qup.evals.settings import Decoding
from qup.plan.spans import Span, exactly
from qup.records import HELDOUT
from qup.study import Study

UNKNOWN = Span(30, 500, 5000)
"Problems of a task whose data are not here and that says no number [assumed]."
CHOICES = 4
"Texts a problem that a task of log-likelihoods compares [assumed]."


@dataclass(frozen=True)
class Exam:
    """One task as each learner takes it."""

    task: str
    problems: Span
    decodings: tuple[Decoding, ...]
    "Where one's `max_tokens` is 0 nothing is written, given texts are scored."
    shots: int = 0
    "Examples that a prompt shows before the question."

    @property
    def answers(self) -> Span:
        """Generations that one learner is asked for."""
        return self.problems * sum(decoding.repeats for decoding in self.decodings if decoding.max_tokens)


def exams(study: Study, folder: Path) -> list[Exam]:
    """The study's tasks, in order; `folder` is that in which the prepare stage leaves evaluation sets."""
    prepared = _prepared(folder.parent / "checks.json")
    return [Exam(each.name, _count(study, each.name, prepared), each.decodings, _shots(each)) for each in study.asked]


def _shots(asked: Asked) -> int:
    """Examples in a task's prompts: none in those of a set of the study."""
    return int(asked.leaf.config.get("num_fewshot") or 0) if asked.leaf else 0


def _prepared(path: Path) -> dict[str, int]:
    """Task to problems, as the prepare stage has counted them; nothing before it has run."""
    try:
        counted = json.loads(path.read_text(encoding="utf-8"))["evaluation"]
        return {task: int(of["count"]) for task, of in counted.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        # What else stands there is for the stages to say.
        return {}


def _count(study: Study, task: str, prepared: Mapping[str, int]) -> Span:
    """Problems of a task: as set, as they were prepared, or as its published description says."""
    if task == HELDOUT:
        return exactly(study.problems.heldout)
    own = study.problems.sets.get(task)
    if own is not None and own.count is not None:
        return exactly(own.count)
    if task in prepared:
        return exactly(prepared[task])
    rows = [_rows(weighted.source) for weighted in own.sources] if own is not None else [None]
    known = [count for count in rows if count is not None]
    return exactly(sum(known)) if len(known) == len(rows) else UNKNOWN


def _rows(source: Any) -> int | None:
    """Rows of a published set, as its file in qup/problems/benchmarks has them; None of other sources."""
    name = getattr(source, "set", None)
    if name is None:
        return None
    known = problems.benchmarks()[name]
    # A file of another hash is most like the files; the hub's copy may be a part of the set.
    files = sorted(known.files, key=lambda file: source.sha256 not in (None, file.sha256)) if source.file else []
    counts = [*(file.rows for file in files), known.hub.rows]
    return next((count for count in counts if count is not None), None)


def main_exam(study: Study, folder: Path) -> Exam:
    """The task that utility is of, which is all that further arms are asked."""
    return next(exam for exam in exams(study, folder) if exam.task == study.evaluation.main)
