"""What the learners are asked in evaluation, task by task: how many problems, how often, how long an answer may be."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import problems
from qup.errors import SettingsError
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
    prepared, files = _prepared(folder.parent / "checks.json"), folder.parent.parent.parent / "problems"
    return [Exam(each.name, _count(study, each, prepared, files), each.decodings, _shots(each)) for each in study.asked]


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


def _count(study: Study, asked: Asked, prepared: Mapping[str, int], files: Path) -> Span:
    """Problems of a task: as set, as they were prepared, as its file has rows, or as its published description says."""
    if asked.name == HELDOUT:
        return exactly(study.problems.heldout)
    own = study.problems.sets.get(asked.name)
    if own is not None and own.count is not None:
        return exactly(own.count)
    if asked.name in prepared:
        return exactly(prepared[asked.name])
    rows = [_rows(weighted.source, files) for weighted in own.sources] if own is not None else [_pinned(asked, files)]
    known = [count for count in rows if count is not None]
    return exactly(sum(known)) if len(known) == len(rows) else UNKNOWN


def _pinned(asked: Asked, files: Path) -> int | None:
    """Rows of the file to which the split that a task evaluates on is pinned; None where there is none here."""
    pin = asked.entry.pins().get(asked.leaf.splits[0]) if asked.leaf and asked.leaf.splits else None
    return None if pin is None else _in_file(files / pin.file)


def _rows(source: Any, files: Path) -> int | None:
    """Rows of a source: of its file where that is here, of a published set else as its description says."""
    file, name = getattr(source, "file", None), getattr(source, "set", None)
    here = file and _in_file(files / file)
    if here or name is None:
        return here and min(here, getattr(source, "first", None) or here)
    known = problems.benchmarks()[name]
    # A file of another hash is most like the files; the hub's copy may be a part of the set.
    described = sorted(known.files, key=lambda each: source.sha256 not in (None, each.sha256)) if source.file else []
    counts = [*(each.rows for each in described), known.hub.rows]
    return next((count for count in counts if count is not None), None)


def _in_file(path: Path) -> int | None:
    """Rows of a file of problems; None where it is not here, or is none, which is for the stages to say."""
    try:
        return _counted(path, path.stat().st_mtime_ns)
    except (OSError, SettingsError):
        return None


@functools.lru_cache(maxsize=32)
def _counted(path: Path, changed: int) -> int:
    """Rows of a file as it was when it was last changed: each learner's tasks are counted by themselves."""
    return len(problems.rows(path.name, path.read_bytes()))


def main_exam(study: Study, folder: Path) -> Exam:
    """The task that utility is of, which is all that further arms are asked."""
    return next(exam for exam in exams(study, folder) if exam.task == study.evaluation.main)
