"""One arm from stream to measured, in one process: what the arms beside the main ones are made by.

Main arms have a stage per step instead, so that a changed step repeats no other; here each step is kept, for the same.
"""

import dataclasses
import gc
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qup import compat, evals, kept, measured, repository, rewards, seeds, training, uses
from qup.arms import Arm
from qup.chain.mixtures import mixed, turns
from qup.chain.steps import Made, Step
from qup.evals import Asked, cells, laid
from qup.measured import Measured
from qup.records import LEARNER, Compat, Problem, Refined, Trace, due, of_set
from qup.refiners import Pool, make_stream
from qup.study import Study

__all__ = ["Shared", "make", "mixed", "turns"]


@dataclass(frozen=True)
class Shared:
    """What all arms of a study start from."""

    study: Study
    problems: Sequence[Problem]
    "To train on, of all training sets."
    evaluation: Path
    "Folder of the evaluation sets; further arms answer the one that utility is of."
    traces: Sequence[Trace]
    "The learner's samples."
    streams: Mapping[str, Sequence[Refined]]
    "The main arms' streams by arm, for refiners that choose from them."
    models: Path
    "Folder of the study's models."
    hashes: Mapping[str, str] = field(default_factory=dict)
    "Of `problems`, `traces`, each main arm's stream by its name, and `models/<name>`; with none no step is kept."


def make(arm: Arm, shared: Shared, folder: Path) -> Measured:
    """All records of an arm, written to `folder` as the stages of a main arm write them; weights are not kept.

    A step that was taken before, of the same things by the same code, is not taken again.
    """
    print(f"{arm.name}:")
    before = _before_training(arm, shared, folder)
    after = _trained(arm, shared, before["stream"], folder)
    stream, scores, rows = (before[name] for name in ("stream", "scores", "compat"))
    steps, runs, answers, tasks = (after[name] for name in ("trajectory", "runs", "evals", "tasks"))
    return measured.measure(arm, shared.study.compat, stream, scores, rows, steps, runs, answers, tasks)


def _before_training(arm: Arm, shared: Shared, folder: Path) -> Made:
    """Stream, rewards and metrics; Oracle and scoring learner are let go of, so that training has the memory."""
    study, made = shared.study, _refined(arm, shared, folder)
    stream = made["stream"]
    # Two engines at once may not fit; one that nobody holds still lives in its own circles.
    gc.collect()
    known = _known(shared, folder)
    judges = _models(shared, uses.models_run(study.rewards.values()))
    reward = Step(("reward",), arm, study, known | judges, {"streams": None})
    scored = reward.take(
        folder,
        ("scores",),
        lambda: [rewards.score(study.rewards, shared.problems, stream, shared.models, shared.traces)],
    )
    metrics = Step(("compat",), arm, study, known | _models(shared, [LEARNER]), {"streams": None})
    return made | scored | metrics.take(folder, ("compat",), lambda: [_measured(shared, stream)])


def _refined(arm: Arm, shared: Shared, folder: Path) -> Made:
    """The arm's stream; a mixture's costs nothing."""
    unkept = Step((), arm, shared.study, {}, {})
    if arm.shares:
        return unkept.take(folder, ("stream",), lambda: [_mixture(arm, shared)])
    step = _refining(arm, shared) if shared.hashes else unkept
    return step.take(folder, ("stream",), lambda: [_asked(arm, shared)])


def _refining(arm: Arm, shared: Shared) -> Step:
    """The step that makes a stream, by whom it asks and what it may choose from."""
    study = shared.study
    streams = dataclasses.replace(study.streams, scope=arm.scope, per_problem=arm.per_problem, refiners={})
    refiner = study.refiner_of(arm)
    known = _known(shared) | _models(shared, uses.models_of(study, arm.oracle, refiner))
    if refiner.pool in (Pool.STREAMS, Pool.ANY):
        known |= {name: shared.hashes[name] for name in shared.streams}
    own = {"streams": streams, "set": arm.training_set, "uses": uses.of(study, arm.oracle, refiner)}
    return Step(("refine",), arm, study, known, own)


def _asked(arm: Arm, shared: Shared) -> list[Refined]:
    """What the refiner makes; whom it asked, with the models that they have loaded, is let go of at the end."""
    study, problems = shared.study, of_set(shared.problems, arm.training_set)
    streams = dataclasses.replace(study.streams, scope=arm.scope, per_problem=arm.per_problem)
    refiner, desk = study.refiner_of(arm), study.desk(arm.oracle, arm.refiner, shared.models)
    return make_stream(refiner, desk, problems, shared.traces, streams, study.seed, shared.streams)


def _mixture(arm: Arm, shared: Shared) -> list[Refined]:
    problems = of_set(shared.problems, arm.training_set)
    keys = due.stream(problems, shared.traces, arm.scope, arm.per_problem)
    return mixed(arm.shares, shared.streams, keys, shared.study.seed)


def _measured(shared: Shared, stream: Sequence[Refined]) -> list[Compat]:
    """The metrics of each trace."""
    study = shared.study
    # The native traces are the same in most arms: one scores them for all.
    scorer = cells.Cells(study.learner(shared.models), study.threads, repository.root() / cells.FOLDER)
    metrics = list(study.compat.values())
    return compat.measure(scorer.learner, metrics, shared.problems, shared.traces, stream, scorer.score)


def _trained(arm: Arm, shared: Shared, stream: Sequence[Refined], folder: Path) -> Made:
    """Curves and accounts of the runs, and what their learners answer: one step, for the weights are not kept."""
    paper = _paper(shared)
    known = _known(shared, folder) | _models(shared, [LEARNER]) | _asked_of(shared, paper)
    own = {"training": arm.training, "evaluation": [_terms(asked) for asked in paper.tasks], "streams": None}
    files = ("trajectory", "runs", "evals", "tasks")
    step = Step(("train", "evaluate"), arm, shared.study, known, own)
    return step.take(folder, files, lambda: _learnt(arm, shared, stream, paper))


def _learnt(arm: Arm, shared: Shared, stream: Sequence[Refined], paper: evals.Paper) -> list[Sequence[Any]]:
    """Steps, runs, answers and lm-eval's scores."""
    study = shared.study
    # A fresh one: a learner that has scored holds its weights, which would travel to each process that evaluates.
    learner = study.learner(shared.models)
    with tempfile.TemporaryDirectory() as weights:
        trained = Path(weights)
        start = training.Start(learner.folder, study.prompt, study.seed, shared.problems, shared.traces)
        steps, runs = training.fine_tune(start, stream, arm.training, trained, study.threads, arm=arm.name)
        results = evals.evaluate(learner, evals.examinees(runs, trained), paper, study.threads)
    return [steps, runs, results.answers, results.scores]


def _paper(shared: Shared) -> evals.Paper:
    """The one task that utility is of."""
    study = shared.study
    every = study.evaluation.asked(laid.sets(shared.evaluation))
    asked = [each for each in every if each.entry.task == study.evaluation.main]
    problems, seed = laid.graded(shared.evaluation, asked), seeds.derive(study.seed, "evaluate")
    return evals.Paper(asked, problems, seed, shared.evaluation, repository.root() / cells.FOLDER)


def _terms(asked: Asked) -> list[Any]:
    """How a task is put; a task of lm-eval with all that its YAML says, wherever the file stands."""
    return [dataclasses.replace(asked, leaf=None), asked.leaf and (asked.leaf.name, asked.leaf.config)]


def _asked_of(shared: Shared, paper: evals.Paper) -> dict[str, str]:
    """Hashes of the tasks' problems and data, and of the folders of lm-eval's tasks, which may hold code."""
    known: dict[str, str] = {}
    for asked in paper.tasks:
        graded = [*shared.evaluation.glob(f"{asked.name}.jsonl")]
        known |= {f"evaluation/{file.name}": kept.of_file(file) for file in graded}
        if asked.leaf is not None:
            known[f"evaluation/{asked.name}"] = kept.of_folder(shared.evaluation / asked.name)
            known[f"task/{asked.name}"] = kept.of_folder(asked.leaf.path.parent)
    return known


def _known(shared: Shared, folder: Path | None = None) -> dict[str, str]:
    """Hashes of what each step reads; with the arm's stream where there is one."""
    if not shared.hashes:
        return {}
    known = {name: shared.hashes[name] for name in ("problems", "traces")}
    return known | ({"stream": kept.of_file(folder / "stream.jsonl")} if folder else {})


def _models(shared: Shared, names: Iterable[str]) -> dict[str, str]:
    """Hashes of some of the study's models."""
    return {f"models/{name}": shared.hashes[f"models/{name}"] for name in names} if shared.hashes else {}
