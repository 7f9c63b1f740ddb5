"""One arm from stream to measured, in one process: what the arms beside the main ones are made by.

Main arms have a stage per step instead, so that a changed step repeats no other; here each step is kept, for the same.
"""

import contextlib
import dataclasses
import gc
import io
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qup import compat, evals, kept, measured, records, repository, rewards, seeds, training, uses
from qup.arms import HOME, Arm
from qup.chain.mixtures import mixed, turns
from qup.chain.steps import Made, Step
from qup.evals import Asked, cells, laid, library
from qup.measured import Measured
from qup.records import LEARNER, TRAIN, Compat, Problem, Refined, Score, Trace, due, of_set
from qup.refiners import Pool, make_stream
from qup.study import Study
from qup.training.live import NOBODY, Live

__all__ = ["Shared", "left", "make", "mixed", "opened", "turns", "work"]


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
    live: Live = NOBODY
    "Who is told of runs while they train."


def opened(study: Study, problems: Path, traces: Path, models: Path, streams: Path, *, live: Live = NOBODY) -> Shared:
    """What all arms start from, as the stages before have left it.

    `problems` is the folder of `prepare`, `models` that of `obtain`, `streams` that of the main arms.

    Raises:
        SettingsError: something is not there, or is none of this study.
    """
    known = {"problems": problems / "train.jsonl", "traces": traces}
    main_arms = {arm: streams / arm / "stream.jsonl" for arm in study.main_arms([HOME])}
    given = records.read(known["problems"], Problem)
    samples = records.read(traces, Trace, due.traces(given, study.sampling.n))
    drafts = due.stream(of_set(given, TRAIN), samples, study.streams.scope, study.streams.per_problem)
    folders = [path for path in sorted(models.iterdir()) if path.is_dir() and study.further]
    hashes = {f"models/{path.name}": kept.of_folder(path) for path in folders}
    return Shared(
        study=study,
        problems=given,
        evaluation=problems / "evaluation",
        traces=samples,
        streams={arm: records.read(path, Refined, drafts) for arm, path in main_arms.items()},
        models=models,
        hashes={name: kept.of_file(path) for name, path in (known | main_arms).items()} | hashes,
        live=live,
    )


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


def work(arm: Arm) -> list[str]:
    """The stages of a main arm whose work an arm is; a mixture's stream costs nothing."""
    return [*([] if arm.shares else ["refine"]), "reward", "compat", "train", "evaluate"]


def left(arm: Arm, shared: Shared) -> list[str]:
    """Of `work` what is still to be done, the rest being kept."""
    if not (arm.shares or _refining(arm, shared).kept):
        return work(arm)
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        folder = Path(name)
        _refined(arm, shared, folder)
        following = [_rewarding(arm, shared, folder), _measuring(arm, shared, folder)]
        following.append(_training(arm, shared, folder, _paper(shared)))
    return [stage for step in following if not step.kept for stage in step.stages]


def _before_training(arm: Arm, shared: Shared, folder: Path) -> Made:
    """Stream, rewards and metrics; Oracle and scoring learner are let go of, so that training has the memory."""
    made = _refined(arm, shared, folder)
    stream = made["stream"]
    # Two engines at once may not fit; one that nobody holds still lives in its own circles.
    gc.collect()
    made |= _rewarding(arm, shared, folder).take(folder, ("scores",), lambda: [_scored(shared, stream)])
    return made | _measuring(arm, shared, folder).take(folder, ("compat",), lambda: [_measured(shared, stream)])


def _refined(arm: Arm, shared: Shared, folder: Path) -> Made:
    """The arm's stream; a mixture's costs nothing."""
    make = _mixture if arm.shares else _asked
    return _refining(arm, shared).take(folder, ("stream",), lambda: [make(arm, shared)])


def _rewarding(arm: Arm, shared: Shared, folder: Path) -> Step:
    """The step of the rewards."""
    judges = _models(shared, uses.models_run(shared.study.rewards.values()))
    return Step(("reward",), arm, shared.study, _known(shared, folder) | judges, {"streams": None})


def _measuring(arm: Arm, shared: Shared, folder: Path) -> Step:
    """The step of the metrics."""
    known = _known(shared, folder) | _models(shared, [LEARNER])
    return Step(("compat",), arm, shared.study, known, {"streams": None})


def _training(arm: Arm, shared: Shared, folder: Path, paper: evals.Paper) -> Step:
    """The step of the runs and their learners' answers: one, for the weights are not kept."""
    known = _known(shared, folder) | _models(shared, [LEARNER]) | _asked_of(shared, paper)
    own = {"training": arm.training, "evaluation": [_terms(asked) for asked in paper.tasks], "streams": None}
    return Step(("train", "evaluate"), arm, shared.study, known, own)


def _refining(arm: Arm, shared: Shared) -> Step:
    """The step that makes a stream, by whom it asks and what it may choose from."""
    study = shared.study
    if arm.shares or not shared.hashes:
        return Step((), arm, study, {}, {})
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


def _scored(shared: Shared, stream: Sequence[Refined]) -> list[Score]:
    """The rewards of each trace."""
    return rewards.score(shared.study.rewards, shared.problems, stream, shared.models, shared.traces)


def _measured(shared: Shared, stream: Sequence[Refined]) -> list[Compat]:
    """The metrics of each trace."""
    study = shared.study
    # The native traces are the same in most arms: one scores them for all.
    scorer = cells.Cells(study.learner(shared.models), study.threads, repository.root() / cells.FOLDER)
    metrics = list(study.compat.values())
    return compat.measure(scorer.learner, metrics, shared.problems, shared.traces, stream, scorer.score)


def _trained(arm: Arm, shared: Shared, stream: Sequence[Refined], folder: Path) -> Made:
    """Curves and accounts of the runs, and what their learners answer."""
    paper, files = _paper(shared), ("trajectory", "runs", "evals", "tasks")
    step = _training(arm, shared, folder, paper)
    return step.take(folder, files, lambda: _learnt(arm, shared, stream, paper))


def _learnt(arm: Arm, shared: Shared, stream: Sequence[Refined], paper: evals.Paper) -> list[Sequence[Any]]:
    """Steps, runs, answers and lm-eval's scores."""
    study = shared.study
    # A fresh one: a learner that has scored holds its weights, which would travel to each process that evaluates.
    learner = study.learner(shared.models)
    with tempfile.TemporaryDirectory() as weights:
        trained = Path(weights)
        start = training.Start(learner.folder, study.prompt, study.seed, shared.problems, shared.traces, shared.live)
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
    """Hashes of the tasks' problems and data, and of the folders of lm-eval's own tasks, which may hold code.

    Beside the data of a task of the user's lie the hashes of all that it may use.
    """
    known: dict[str, str] = {}
    for asked in paper.tasks:
        graded = [*shared.evaluation.glob(f"{asked.name}.jsonl")]
        known |= {f"evaluation/{file.name}": kept.of_file(file) for file in graded}
        if asked.leaf is not None:
            known[f"evaluation/{asked.name}"] = kept.of_folder(shared.evaluation / asked.name)
        if asked.leaf is not None and not library.is_file(asked.entry.task):
            folder = asked.leaf.path.parent
            known |= {f"task/{file.relative_to(folder)}": kept.of_file(file) for file in uses.sources([folder])}
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
