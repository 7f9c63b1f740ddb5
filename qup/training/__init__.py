"""Fine-tuning of the learner on a stream: one run per objective and replicate."""

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qup import seeds
from qup.lm import workers
from qup.lm.checkpoint import open_chat
from qup.records import Objective, Problem, Refined, Step, Trace, TrainRun, Verdict, traces_of
from qup.training.examples import Example, examples
from qup.training.probes import Heldout
from qup.training.settings import Budget, TrainingSettings
from qup.training.trainer import Cell, train

__all__ = ["Budget", "Start", "TrainingSettings", "fine_tune"]


@dataclass(frozen=True)
class Start:
    """What every run of a study starts from."""

    learner: Path
    "Folder of the untrained learner."
    prompt: str
    "How the learner is asked."
    seed: int
    "The study's; with the replicate's number it gives a run's own."
    problems: Sequence[Problem]
    traces: Sequence[Trace]
    "The learner's samples."


def fine_tune(
    start: Start, stream: Sequence[Refined], settings: TrainingSettings, out: Path, threads: int | None
) -> tuple[list[Step], list[TrainRun]]:
    """A fine-tuned learner per objective and replicate in `out`, with curves and accounts of all runs, in that order.

    A run trains on its replicate's traces and is probed on those of the others.
    """
    replicates = list(dict.fromkeys(refined.replicate for refined in stream))
    cells = [(objective, replicate) for objective in settings.objectives for replicate in replicates]
    share = functools.partial(_runs, start, stream, settings, out)
    runs = workers.spread(share, cells, threads)
    return [step for curve, _ in runs for step in curve], [account for _, account in runs]


def _runs(
    start: Start,
    stream: Sequence[Refined],
    settings: TrainingSettings,
    out: Path,
    cells: Sequence[tuple[Objective, int]],
) -> list[tuple[list[Step], TrainRun]]:
    """Curve and account of each cell; the traces are tokenized once."""
    problems, texts = traces_of(stream, start.problems)
    own = _by_replicate(start, list(zip(problems, texts, strict=True)), settings)
    native = _by_replicate(start, _correct(start), settings)
    runs = []
    for objective, replicate in cells:
        folder = out / f"{objective}-{replicate}"
        others = [other for other in own if other != replicate]
        heldout = Heldout(_joined(own, others), _joined(native, others), settings.probes)
        cell = Cell(objective, replicate, seeds.derive(start.seed, "train", replicate))
        curve, account = train(start.learner, own.get(replicate, []), settings, cell, folder, heldout)
        print(f"{folder.name}: {account.steps} steps, {account.tokens} tokens, {account.truncated} traces truncated")
        runs.append((curve, account))
    return runs


def _by_replicate(
    start: Start, traces: Sequence[tuple[Problem, str]], settings: TrainingSettings
) -> dict[int, list[Example]]:
    """Replicate to its traces as training examples."""
    grouped: dict[int, list[tuple[Problem, str]]] = {}
    for problem, text in traces:
        grouped.setdefault(problem.replicate or 0, []).append((problem, text))
    encoder = open_chat(start.learner)
    return {replicate: examples(encoder, own, start.prompt, settings.max_length) for replicate, own in grouped.items()}


def _correct(start: Start) -> list[tuple[Problem, str]]:
    """The learner's first correct sample of each problem that it solved."""
    first: dict[str, str] = {}
    for trace in start.traces:
        if trace.verdict is Verdict.CORRECT:
            first.setdefault(trace.problem_id, trace.text)
    return [(problem, first[problem.id]) for problem in start.problems if problem.id in first]


def _joined(examples: Mapping[int, Sequence[Example]], replicates: Sequence[int]) -> list[Example]:
    """The traces of some replicates, a trace of each in turn, so that the first few are of all."""
    turns = itertools.zip_longest(*(examples.get(replicate, ()) for replicate in replicates))
    return [example for turn in turns for example in turn if example is not None]
