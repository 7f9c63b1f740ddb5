"""One arm from stream to measured, in one process: what the arms beside the main ones are made by.

Main arms have a stage per step instead, so that a changed step repeats no other.
"""

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import compat, evals, measured, records, rewards, seeds, settings, training
from qup.arms import Arm
from qup.measured import Measured
from qup.records import Problem, Refined, Trace
from qup.refiners import make_stream
from qup.study import Study


@dataclass(frozen=True)
class Shared:
    """What all arms of a study start from."""

    study: Study
    problems: Sequence[Problem]
    "To train on."
    heldout: Sequence[Problem]
    "Of the task that utility is of: further arms answer no other."
    traces: Sequence[Trace]
    "The learner's samples."
    streams: Mapping[str, Sequence[Refined]]
    "The main arms' streams by arm, for refiners that choose from them."
    models: Path
    "Folder of the study's models."


def make(arm: Arm, shared: Shared, folder: Path) -> Measured:
    """All records of an arm, written to `folder` as the stages of a main arm write them; weights are not kept."""
    study, learner = shared.study, shared.study.learner(shared.models)
    scope = dataclasses.replace(study.streams, scope=arm.scope)
    refiner, oracle = settings.load("refiners", arm.refiner)(), study.speaker(arm.oracle, shared.models)
    print(f"{arm.name}:")
    stream = make_stream(refiner, oracle, shared.problems, shared.traces, scope, study.seed, shared.streams)
    scores = rewards.score(study.rewards, shared.problems, stream, shared.models)
    rows = compat.measure(learner, list(study.compat.values()), shared.problems, shared.traces, stream)
    with tempfile.TemporaryDirectory() as name:
        trained = Path(name)
        steps, runs = training.fine_tune(
            learner.folder, study.prompt, shared.problems, stream, arm.training, trained, study.threads
        )
        main = dataclasses.replace(study.evaluation, tasks=(study.evaluation.main,))
        examined, sets = evals.examinees(runs, trained), {main.main: shared.heldout}
        draw = seeds.derive(study.seed, "evaluate")
        answers = evals.evaluate(learner, examined, sets, main, draw, study.threads)
    files: dict[str, Sequence[Any]] = {"stream": stream, "scores": scores, "compat": rows, "evals": answers}
    files |= {"trajectory": steps, "runs": runs}
    for file, written in files.items():
        records.write(folder / f"{file}.jsonl", written)
    return measured.measure(arm, study.compat, stream, scores, rows, steps, runs, answers)
