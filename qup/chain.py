"""One arm from stream to measured, in one process: what the arms beside the main ones are made by.

Main arms have a stage per step instead, so that a changed step repeats no other.
"""

import dataclasses
import gc
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from qup import compat, evals, measured, records, repository, rewards, seeds, training
from qup.arms import Arm
from qup.evals import cells, laid
from qup.measured import Measured
from qup.records import Compat, Problem, Refined, Score, Trace, due, of_set
from qup.refiners import make_stream
from qup.study import Study
from qup.training.live import NOBODY, Live


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
    live: Live = NOBODY
    "Who is told of runs while they train."


def make(arm: Arm, shared: Shared, folder: Path) -> Measured:
    """All records of an arm, written to `folder` as the stages of a main arm write them; weights are not kept."""
    print(f"{arm.name}:")
    study = shared.study
    stream, scores, rows = _before_training(arm, shared)
    # A fresh one: a learner that has scored holds its weights, which would travel to each process that evaluates.
    learner = study.learner(shared.models)
    with tempfile.TemporaryDirectory() as weights:
        trained = Path(weights)
        start = training.Start(learner.folder, study.prompt, study.seed, shared.problems, shared.traces, shared.live)
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
    # The native traces are the same in most arms: one scores them for all.
    kept = cells.Cells(learner, study.threads, repository.root() / cells.FOLDER)
    return stream, scores, compat.measure(learner, metrics, shared.problems, shared.traces, stream, kept.score)


def _stream(arm: Arm, shared: Shared) -> list[Refined]:
    """The arm's stream; whom its refiner asked, with the models that they have loaded, is let go of at the end."""
    study = shared.study
    problems = of_set(shared.problems, arm.training_set)
    if arm.shares:
        keys = due.stream(problems, shared.traces, arm.scope, arm.per_problem)
        return mixed(arm.shares, shared.streams, keys, study.seed)
    streams = dataclasses.replace(study.streams, scope=arm.scope, per_problem=arm.per_problem)
    refiner, desk = study.refiner_of(arm), study.desk(arm.oracle, arm.refiner, shared.models)
    return make_stream(refiner, desk, problems, shared.traces, streams, study.seed, shared.streams)


def mixed(
    shares: Mapping[str, float],
    streams: Mapping[str, Sequence[Refined]],
    keys: Sequence[tuple[Any, ...]],
    seed: int,
) -> list[Refined]:
    """A mixture's stream: of each problem the records of one arm, each with its `origin`, in the order of `keys`.

    It writes nothing anew, so at a share of 1 it is that arm's. An arm that has no trace of a problem leaves the
    mixture without one too, counted as that arm counted it: another's in its place would shift the shares, and the more
    so the more problems the learner fails. `streams` are by arm, as the shares are, and each has all of these keys,
    which are those due of the mixture's stream.
    """
    origins = _origins(shares, keys, seed)
    records = {
        (arm, own.problem_id, own.slot): dataclasses.replace(own, origin=arm) for arm in shares for own in streams[arm]
    }
    counts = Counter(origins.values())
    print(f"{len(origins)} problems:", ", ".join(f"of {arm} {counts[arm]}" for arm in shares))
    return [records[origins[problem], problem, slot] for problem, _, _, slot in keys]


def _origins(shares: Mapping[str, float], keys: Sequence[tuple[Any, ...]], seed: int) -> dict[str, str]:
    """Problem to the arm that its traces are of; the problems of a replicate take turns in random order."""
    by_replicate: dict[int, dict[str, str]] = {}
    for problem, replicate, stratum, _ in keys:
        by_replicate.setdefault(replicate, {})[problem] = stratum
    origins: dict[str, str] = {}
    for replicate, strata in by_replicate.items():
        # Solved problems first, so that an arm has its share of either stratum: of failed ones it may have no trace.
        order = sorted(strata, key=lambda own: (strata[own] != "solved", seeds.derive(seed, "mixture", own)))
        origins |= zip(order, turns(shares, len(order), seeds.derive(seed, "mixture", replicate)), strict=True)
    return origins


def turns(shares: Mapping[str, float], count: int, seed: int) -> list[str]:
    """Whose turn each of so many is: of any first n, each has its share of n, rounded up or down.

    The quota method (Balinski & Young 1975): of those that are below their share the one that has the fewest for it,
    counted with one more. The seed decides between those that are equal.
    """
    exact = {name: Fraction(str(share)) for name, share in shares.items()}
    whole = sum(exact.values())
    taken: Counter[str] = Counter()
    order = []
    for n in range(1, count + 1):
        below = [name for name, share in exact.items() if taken[name] < share / whole * n]
        turn = max(below, key=lambda name: (exact[name] / (taken[name] + 1), seeds.derive(seed, name)))
        taken[turn] += 1
        order.append(turn)
    return order
