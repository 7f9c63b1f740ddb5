"""Fine-tuning of the learner on a stream: one run per objective and replicate."""

import functools
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qup import seeds
from qup.errors import SettingsError
from qup.lm import workers
from qup.lm.checkpoint import open_chat
from qup.records import Mask, Problem, Refined, Step, Trace, TrainRun, Verdict, traces_of
from qup.training.examples import Example, examples, trainable
from qup.training.live import NOBODY, Live
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
    live: Live = NOBODY
    "Who is told of runs while they train; nothing of them depends on it."


def fine_tune(
    start: Start,
    stream: Sequence[Refined],
    settings: TrainingSettings,
    out: Path,
    threads: int | None,
    *,
    arm: str = "",
) -> tuple[list[Step], list[TrainRun]]:
    """A fine-tuned learner per objective and replicate in `out`, with curves and accounts of all runs, in that order.

    A run trains on its replicate's traces and is probed on those of the others.

    Raises:
        SettingsError: a replicate has nothing to train on, told with the name of `arm` before any run begins.
    """
    replicates = list(dict.fromkeys(refined.replicate for refined in stream))
    for replicate in _without_draft(stream, start.problems):
        _require([], f"{arm or 'stream'}, replicate {replicate}")
    for replicate in replicates:
        _require_traces([refined for refined in stream if refined.replicate == replicate], arm or "stream")
    cells = [(objective, replicate) for objective in settings.objective_names for replicate in replicates]
    share = functools.partial(_runs, start, stream, settings, out, arm=arm)
    with start.live.swept():
        runs = workers.spread(share, cells, threads)
    return [step for curve, _ in runs for step in curve], [account for _, account in runs]


def _runs(
    start: Start,
    stream: Sequence[Refined],
    settings: TrainingSettings,
    out: Path,
    cells: Sequence[tuple[str, int]],
    *,
    arm: str,
) -> list[tuple[list[Step], TrainRun]]:
    """Curve and account of each cell; the traces are tokenized once."""
    problems, texts = traces_of(stream, start.problems)
    masks = [refined.mask for refined in stream if refined.text is not None]
    own = _by_replicate(start, list(zip(problems, texts, strict=True)), masks, settings)
    correct = _correct(start)
    native = _by_replicate(start, correct, [None] * len(correct), settings)
    for _, replicate in cells:
        _require(own.get(replicate, []), f"{arm or 'stream'}, replicate {replicate}")
    runs = []
    for objective, replicate in cells:
        folder = out / f"{objective}-{replicate}"
        others = [other for other in own if other != replicate]
        heldout = Heldout(_joined(own, others), _joined(native, others), settings.probes)
        cell = Cell(objective, replicate, seeds.derive(start.seed, "train", replicate))
        try:
            with start.live.run(arm or "stream", folder.name) as told:
                curve, account = train(start.learner, own.get(replicate, []), settings, cell, folder, heldout, told)
        except SettingsError as error:
            raise error.below(arm or "stream") from error
        print(f"{folder.name}: {account.steps} steps, {account.tokens} tokens, {account.truncated} traces truncated")
        if account.left_out:
            print(f"{folder.name}: {account.left_out} traces left out: prompts fill max_length, or masks all of them")
        runs.append((curve, account))
    return runs


def _without_draft(stream: Sequence[Refined], problems: Sequence[Problem]) -> list[int]:
    """Replicates of the stream's training set that it has nothing of: no problem of theirs had a draft."""
    covered = {refined.problem_id for refined in stream}
    sets = {problem.training_set for problem in problems if problem.id in covered} - {None}
    all_of = {problem.replicate or 0 for problem in problems if problem.training_set in sets}
    return sorted(all_of - {refined.replicate for refined in stream})


def _require_traces(drafts: Sequence[Refined], whose: str) -> None:
    """Do nothing if a refiner came to a trace for any of one replicate's drafts."""
    if any(refined.text is not None for refined in drafts):
        return
    counts = Counter(refined.outcome for refined in drafts)
    told = ", ".join(f"{outcome} {count}" for outcome, count in sorted(counts.items()))
    remedy = (
        "see what the refine stage prints of its replies; a clearer prompt, a larger max_tokens of the Oracle or more "
        "streams.retries may help"
        if counts["failed"]
        else "this refiner has none for such problems: widen streams.scope or sample more problems"
    )
    raise SettingsError(
        f"{whose}, replicate {drafts[0].replicate}: none of {len(drafts)} drafts came to a trace to train on ({told}): "
        f"{remedy}"
    )


def _require(traces: Sequence[Example], whose: str) -> None:
    """Do nothing if there is a trace to train on."""
    try:
        trainable(traces)
    except SettingsError as error:
        raise error.below(whose) from error


def _by_replicate(
    start: Start, traces: Sequence[tuple[Problem, str]], masks: Sequence[Mask | None], settings: TrainingSettings
) -> dict[int, list[Example]]:
    """Replicate to its traces as training examples."""
    made = examples(open_chat(start.learner), traces, start.prompt, settings.max_length, masks)
    grouped: dict[int, list[Example]] = {}
    for (problem, _), example in zip(traces, made, strict=True):
        grouped.setdefault(problem.replicate or 0, []).append(example)
    return grouped


def _correct(start: Start) -> list[tuple[Problem, str]]:
    """The learner's first correct sample of each problem that it solved."""
    first: dict[str, str] = {}
    for trace in start.traces:
        if trace.verdict is Verdict.CORRECT and trace.ended:
            first.setdefault(trace.problem_id, trace.text)
    return [(problem, first[problem.id]) for problem in start.problems if problem.id in first]


def _joined(examples: Mapping[int, Sequence[Example]], replicates: Sequence[int]) -> list[Example]:
    """The traces of some replicates, a trace of each in turn, so that the first few are of all."""
    turns = itertools.zip_longest(*(examples.get(replicate, ()) for replicate in replicates))
    return [example for turn in turns for example in turn if example is not None and example.trained]
