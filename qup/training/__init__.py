"""Fine-tuning of the learner on a stream: one run per objective and training seed."""

import functools
from collections.abc import Sequence
from pathlib import Path

from qup.lm import workers
from qup.records import Objective, Problem, Refined, Step, TrainRun
from qup.training.examples import examples
from qup.training.settings import Budget, TrainingSettings
from qup.training.trainer import tokenizer, train

__all__ = ["Budget", "TrainingSettings", "fine_tune"]

Cell = tuple[Objective, int]
"An objective and a training seed."


def fine_tune(  # noqa: PLR0917 - whom, on what, how, where to
    learner: Path,
    prompt: str,
    problems: Sequence[Problem],
    stream: Sequence[Refined],
    settings: TrainingSettings,
    out: Path,
    threads: int | None,
) -> tuple[list[Step], list[TrainRun]]:
    """A fine-tuned learner per objective and seed in `out`, with the curves and accounts of all runs, in that order.

    `learner` is the folder of the untrained one, `prompt` how it is asked.
    """
    cells = [(objective, seed) for objective in settings.objectives for seed in settings.seeds]
    share = functools.partial(_runs, learner, prompt, problems, stream, settings, out)
    runs = workers.spread(share, cells, threads)
    return [step for curve, _ in runs for step in curve], [account for _, account in runs]


def _runs(  # noqa: PLR0917 - as above
    learner: Path,
    prompt: str,
    problems: Sequence[Problem],
    stream: Sequence[Refined],
    settings: TrainingSettings,
    out: Path,
    cells: Sequence[Cell],
) -> list[tuple[list[Step], TrainRun]]:
    """Curve and account of each cell; the traces are tokenized once."""
    traces = examples(tokenizer(learner), problems, stream, prompt, settings.max_length)
    runs = []
    for objective, seed in cells:
        folder = out / f"{objective}-{seed}"
        curve, account = train(learner, traces, settings, objective, seed, folder)
        print(f"{folder.name}: {account.steps} steps, {account.tokens} tokens, {account.truncated} traces truncated")
        runs.append((curve, account))
    return runs
