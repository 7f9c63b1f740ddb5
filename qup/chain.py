"""One arm from stream to measured, in one process: what the arms beside the main ones are made by.

Main arms have a stage per step instead, so that a changed step repeats no other.
"""

import dataclasses
import gc
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import compat, evals, measured, records, repository, rewards, seeds, settings, training
from qup.arms import Arm
from qup.evals import cells, laid
from qup.measured import Measured
from qup.records import Compat, Problem, Refined, Score, Trace, of_set
from qup.refiners import make_stream
from qup.study import Study


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


def make(arm: Arm, shared: Shared, folder: Path) -> Measured:
    """All records of an arm, written to `folder` as the stages of a main arm write them; weights are not kept."""
    print(f"{arm.name}:")
    study = shared.study
    stream, scores, rows = _before_training(arm, shared)
    # A fresh one: a learner that has scored holds its weights, which would travel to each process that evaluates.
    learner = study.learner(shared.models)
    with tempfile.TemporaryDirectory() as weights:
        trained = Path(weights)
        start = training.Start(learner.folder, study.prompt, study.seed, shared.problems, shared.traces)
        steps, runs = training.fine_tune(start, stream, arm.training, trained, study.threads, arm=arm.name)
        results = evals.evaluate(learner, evals.examinees(runs, trained), _paper(shared), study.threads)
    files: dict[str, Sequence[Any]] = {"stream": stream, "scores": scores, "compat": rows, "evals": results.answers}
    files |= {"tasks": results.scores, "trajectory": steps, "runs": runs}
    for file, written in files.items():
        records.write(folder / f"{file}.jsonl", written)
    return measured.measure(arm, study.compat, stream, scores, rows, steps, runs, results.answers, results.scores)


def _paper(shared: Shared) -> evals.Paper:
    """The one task that utility is of."""
    study = shared.study
    every = study.evaluation.asked(laid.sets(shared.evaluation))
    asked = [each for each in every if each.entry.task == study.evaluation.main]
    problems, seed = laid.graded(shared.evaluation, asked), seeds.derive(study.seed, "evaluate")
    return evals.Paper(asked, problems, seed, shared.evaluation, repository.root() / cells.FOLDER)


def _before_training(arm: Arm, shared: Shared) -> tuple[list[Refined], list[Score], list[Compat]]:
    """Stream, rewards and metrics; Oracle and scoring learner are let go of, so that training has the memory."""
    study, stream = shared.study, _stream(arm, shared)
    # Two engines at once may not fit; one that nobody holds still lives in its own circles.
    gc.collect()
    scores = rewards.score(study.rewards, shared.problems, stream, shared.models, shared.traces)
    learner, metrics = study.learner(shared.models), list(study.compat.values())
    return stream, scores, compat.measure(learner, metrics, shared.problems, shared.traces, stream)


def _stream(arm: Arm, shared: Shared) -> list[Refined]:
    """The arm's stream; its Oracle, with the model that it may have loaded, is let go of at the end."""
    study = shared.study
    streams = dataclasses.replace(study.streams, scope=arm.scope)
    refiner, oracle = settings.load("refiners", arm.refiner)(), study.speaker(arm.oracle, shared.models)
    problems = of_set(shared.problems, arm.training_set)
    return make_stream(refiner, oracle, problems, shared.traces, streams, study.seed, shared.streams)
