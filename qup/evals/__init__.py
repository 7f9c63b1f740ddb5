"""Evaluation through lm-eval: what is asked, and the answers of one or many learners, graded and scored.

One task file serves every set of problems of the study; a set is a task by its name. Any task of lm-eval's own stands
beside them, with lm-eval's own scores.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qup import seeds
from qup.backends import Completion, Sampling
from qup.evals.cells import Cells
from qup.evals.settings import Asked, EvaluationSettings, TaskEntry
from qup.graders import graded
from qup.learner import Learner
from qup.lm import workers
from qup.records import BASE, Eval, Finish, Problem, TaskScore, TrainRun

__all__ = ["Asked", "EvaluationSettings", "Examinee", "Paper", "Results", "TaskEntry", "evaluate", "examinees"]


@dataclasses.dataclass(frozen=True)
class Examinee:
    """A learner to evaluate: the untrained one, or what one training run made of it."""

    objective: str = BASE
    replicate: int = 0
    "0 of the untrained learner."
    weights: Path | None = None


@dataclasses.dataclass(frozen=True)
class Paper:
    """What is put to every learner alike."""

    tasks: Sequence[Asked]
    problems: Mapping[str, Sequence[Problem]]
    "Of each task whose answers are graded."
    seed: int
    data: Path = Path()
    "Folder of the evaluation sets, in which a task of lm-eval has a folder of its pinned data."
    cells: Path | None = None
    "Folder of answers that need not be asked for again; None: all are asked for."


@dataclasses.dataclass(frozen=True)
class Results:
    """What learners' answers come to."""

    answers: list[Eval]
    scores: list[TaskScore]
    "lm-eval's own, of its tasks."


def examinees(runs: Sequence[TrainRun], trained: Path) -> list[Examinee]:
    """All learners that the runs account for; `trained` is their folder."""
    return [Examinee(run.objective, run.replicate, trained / run.path) for run in runs]


def evaluate(learner: Learner, examined: Sequence[Examinee], paper: Paper, threads: int | None) -> Results:
    """Answers of each learner to every task: k drawn at the set temperature and, if set, one greedy.

    Learners of one replicate have the same draw, which pairs them; those of another have another, so that what decoding
    draws is in the variance of replicates.
    """
    share = functools.partial(_results, Cells(learner, threads, paper.cells), paper)
    results = workers.spread(share, examined, threads, learner.backend.gpus)
    return Results([a for each in results for a in each.answers], [s for each in results for s in each.scores])


def _results(cells: Cells, paper: Paper, examined: Sequence[Examinee]) -> list[Results]:
    """The results of each learner; the backend is opened once."""
    results = []
    for examinee in examined:
        results.append(_examine(cells, paper, examinee))
        counts = Counter(f"{answer.decoding} {answer.verdict}" for answer in results[-1].answers)
        print(
            f"{examinee.objective} replicate {examinee.replicate}:",
            ", ".join(f"{key} {n}" for key, n in sorted(counts.items())),
        )
    return results


def _examine(cells: Cells, paper: Paper, examinee: Examinee) -> Results:
    from qup.evals import leaf, liveness
    from qup.evals.totals import totals

    answers: list[Eval] = []
    scores: list[TaskScore] = []
    seed = seeds.derive(paper.seed, examinee.replicate)
    for asked in paper.tasks:
        own = paper.problems.get(asked.name, [])
        if asked.leaf is None:
            answers += _answers(cells, examinee.weights, asked, own, seed)
        else:
            said = leaf.examine(cells, examinee.weights, asked, own, paper.data / asked.name, seed)
            answers, scores = answers + said.answers, scores + said.scores
    scores += totals(paper.tasks, scores)
    if examinee.weights is not None:
        graded_ones = next((own for own in paper.problems.values() if own), [])
        scores += liveness.probe(cells, examinee.weights, graded_ones)
    who: dict[str, Any] = {"objective": examinee.objective, "replicate": examinee.replicate}
    return Results([dataclasses.replace(a, **who) for a in answers], [dataclasses.replace(s, **who) for s in scores])


def _answers(cells: Cells, weights: Path | None, asked: Asked, problems: Sequence[Problem], seed: int) -> list[Eval]:
    """A learner's graded answers to a set of the study."""
    from qup.evals import harness

    if asked.prompt not in (None, cells.learner.prompt):
        cells = dataclasses.replace(cells, learner=cells.learner.asking(asked.prompt))
    answers = []
    for decoding in asked.decodings:
        sampling = Sampling(decoding.temperature, decoding.max_tokens, seed)
        done = harness.answers(cells, weights, problems, sampling, decoding.repeats)
        answers += _records(problems, done, asked.name, decoding.name)
    return answers


def _records(
    problems: Sequence[Problem], answers: Sequence[tuple[int, int, Completion]], task: str, decoding: str
) -> list[Eval]:
    """Graded records of one run, ordered by problem, then repeat; they name no learner yet."""
    ordered = sorted(answers, key=lambda row: row[:2])
    verdicts = graded(
        [problems[doc] for doc, _, _ in ordered],
        [completion.text for _, _, completion in ordered],
        [completion.finish is Finish.LENGTH for _, _, completion in ordered],
    )
    return [
        Eval(problems[doc].id, "", 0, task, decoding, repeat, c.text, c.tokens, grade.verdict, grade.answer)
        for (doc, repeat, c), grade in zip(ordered, verdicts, strict=True)
    ]
