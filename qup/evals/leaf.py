"""One task of lm-eval put to one learner: lm-eval's own scores, and beside them our verdicts on what was said."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from qup.answers import extract
from qup.backends import Completion
from qup.evals import tasks
from qup.evals.cells import Cells
from qup.evals.model import harness_model
from qup.evals.settings import COMPLETION, LOGLIKELIHOOD, Asked, Decoding
from qup.evals.tasks import Answered
from qup.graders import graded
from qup.records import Eval, Finish, Problem, TaskScore


@dataclasses.dataclass(frozen=True)
class Said:
    """What a learner's answers to a task come to; its records name no learner yet."""

    answers: list[Eval]
    scores: list[TaskScore]


def examine(  # noqa: PLR0917 - who, what, how, from where, drawn how
    cells: Cells, weights: Path | None, asked: Asked, problems: Sequence[Problem], folder: Path, seed: int
) -> Said:
    """A learner's answers under each of the task's decodings; without `problems` they are scored and not graded."""
    assert asked.leaf is not None
    answers: list[Eval] = []
    scores: list[TaskScore] = []
    with tasks.opened(asked.leaf, folder) as task:
        for decoding in asked.decodings:
            model = harness_model(cells, weights, seed, decoding)
            answered = tasks.put(task, model, asked.prompt or COMPLETION, decoding.repeats)
            own = _scores(answered, asked, decoding, together=asked.leaf.repeats > 1)
            shortened = _shortened(answered, model.shortened, decoding.repeats)
            scores += [dataclasses.replace(score, shortened=shortened) for score in own]
            if problems and decoding.name != LOGLIKELIHOOD:
                answers += _answers(answered, model.completions, problems, asked.name, decoding)
    return Said(answers, scores)


def _shortened(answered: Answered, requests: Sequence[bool], repeats: int) -> int:
    """Documents with a request whose context lost its beginning; each request was put so many times in a row."""
    rows = zip(answered.task.instances, requests[::repeats], strict=True)
    return len({instance.doc_id for instance, cut in rows if cut})


def _scores(answered: Answered, asked: Asked, decoding: Decoding, *, together: bool) -> list[TaskScore]:
    """lm-eval's metrics: of each repeat, averaged; or of all together where the task votes among its own repeats."""
    repeats = [None] if together else list(range(decoding.repeats))
    rounds = [answered.scores(repeat) for repeat in repeats]
    scores = []
    size = len(answered.task.eval_docs)
    for metric, name in dict.fromkeys(key for each in rounds for key in each):
        # A task's own rules may give a metric to some answers only.
        values = [each[metric, name] for each in rounds if (metric, name) in each]
        even = len(values) == len(rounds) and all(len(own) == size for own in values)
        documents = _by_document(answered.task, metric, values) if even else None
        # Over means of repeats a document's draw counts once: the error is over documents.
        totals = [tasks.aggregated(answered.task, metric, own) for own in ([documents] if documents else values)]
        value, error = fmean(total for total, _ in totals), totals[0][1] if len(totals) == 1 else None
        at = ("", 0, asked.name, decoding.name, metric, name)
        scores.append(TaskScore(*at, _finite(value), _finite(error), len(values[0]), documents))
    return scores


def _by_document(task: Any, metric: str, rounds: Sequence[Sequence[Any]]) -> list[float] | None:
    """A metric's mean over repeats of each document; None where it is no mean of numbers over documents."""
    if not tasks.is_mean(task, metric) or not all(isinstance(v, int | float) for own in rounds for v in own):
        return None
    means = [fmean(float(value) for value in own) for own in zip(*rounds, strict=True)]
    return means if all(map(math.isfinite, means)) else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _answers(
    answered: Answered, completions: Sequence[Completion], problems: Sequence[Problem], task: str, decoding: Decoding
) -> list[Eval]:
    """Graded records, ordered by document, then repeat."""
    rows = [problem for problem in problems for _ in range(decoding.repeats)]
    texts = [text for own in answered.responses for text in own]
    cut = [completion.finish is Finish.LENGTH for completion in completions]
    # lm-eval says where an answer stands that is in no box, our grader whether it is right.
    boxed = [text if extract(text) else _box(found) for text, found in zip(texts, answered.found(), strict=True)]
    verdicts = graded(rows, boxed, cut)
    return [
        Eval(row.id, "", 0, task, decoding.name, number % decoding.repeats, text, c.tokens, g.verdict, g.answer)
        for number, (row, text, c, g) in enumerate(zip(rows, texts, completions, verdicts, strict=True))
    ]


def _box(found: str | None) -> str:
    return f"\\boxed{{{found}}}" if found else ""
