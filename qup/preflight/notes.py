"""What a study will not be able to tell, as far as that follows from its settings: worth knowing, stops nothing."""

import os
from collections.abc import Iterator

from qup.preflight.ahead import Ahead
from qup.preflight.endpoints import called, has_answered


def notes(ahead: Ahead) -> Iterator[str]:
    """A line each: a key that may be wanted, no intervals, no adaptation cost, one that reads too small."""
    yield from _keyless(ahead)
    if not ahead.runs("train", "train-native"):
        return
    training, problems = ahead.study.training, ahead.study.problems
    if problems.replicates < 2:
        yield (
            "one replicate: nothing is resolved and no adaptation cost is told, for want of traces that a run does not "
            "train on: set problems.replicates to 3 or more"
        )
        return
    passes = _passes(ahead)
    if passes is not None and passes < 2:
        yield (
            f"a run passes over its traces {passes:g} times: the floor that the adaptation cost is counted from is "
            f"hardly reached, and the cost reads too small: set training.budget to 2 epochs or more to read it"
        )
    steps = training.budget.steps
    if steps is not None and steps < training.probes.count:
        yield (
            f"a run of {steps} steps is probed {steps + 1} times, not {training.probes.count}: speed and recovery are "
            f"told by probes: more steps, or a smaller training.batch, tell them finer"
        )


def _keyless(ahead: Ahead) -> Iterator[str]:
    """A line for each endpoint that has answered before and whose key is not there now."""
    for name, api in called(ahead).items():
        if not os.environ.get(api.key_env, "").strip() and has_answered(api):
            yield f"Oracle {name}: {api.key_env} is not set: stored answers need no key, a new question stops the run"


def _passes(ahead: Ahead) -> float | None:
    """Passes over the traces, at most; None where the budget is of tokens, which say nothing of it beforehand."""
    budget = ahead.study.training.budget
    if budget.epochs is not None:
        return budget.epochs
    if budget.steps is not None:
        return budget.steps * ahead.study.training.batch / ahead.study.problems.train
    return None
