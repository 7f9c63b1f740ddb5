"""Adaptation cost: nats a learner pays for a stream while it learns it, as an excess prequential code length.

AC-prequential is the code length of the first epoch, each batch coded before the update on it (Blier & Ollivier 2018,
arXiv 1802.07044), less what the same tokens would cost at the loss that training ends with. That floor is the mean loss
of the run's own last epoch: in-sample, so it takes memorized traces for learnt ones.
"""

from collections.abc import Iterable, Mapping, Sequence

from qup.records import Step
from qup.report.entries import Found, entry, missing
from qup.stats import Estimate, t_interval

OBJECTIVE = "sft"
"Only this loss is a code length; that of `dft` is weighted by probability."
SLACK = 1e-5
"Epochs are rounded in the records."


def costs(steps: Iterable[Step]) -> dict[int, float]:
    """Training seed to the cost of its run, nats; a run of fewer than two epochs has none."""
    by_seed: dict[int, list[Step]] = {}
    for step in steps:
        if step.objective == OBJECTIVE:
            by_seed.setdefault(step.seed, []).append(step)
    found = {seed: prequential(sorted(run, key=lambda s: s.step)) for seed, run in sorted(by_seed.items())}
    return {seed: cost for seed, cost in found.items() if cost is not None}


def prequential(run: Sequence[Step]) -> float | None:
    """Sum over the first epoch's steps of (loss before the update - floor) x tokens; a step counts where it starts."""
    length = run[-1].epoch
    if length < 2 - SLACK:
        return None
    starts = [0.0, *(step.epoch for step in run[:-1])]
    before = [0, *(step.tokens for step in run[:-1])]
    rows = [(start, step.loss, step.tokens - b) for start, step, b in zip(starts, run, before, strict=True)]
    last = [(loss, tokens) for start, loss, tokens in rows if start > length - 1 - SLACK]
    floor = sum(loss * tokens for loss, tokens in last) / sum(tokens for _, tokens in last)
    return sum((loss - floor) * tokens for start, loss, tokens in rows if start < 1 - SLACK)


def found(by_seed: Mapping[int, float], level: float) -> Found:
    """An arm's cost for the summary: mean over training seeds with a t interval; n counts seeds."""
    return entry(t_interval(list(by_seed.values()), level)) if by_seed else missing("no SFT run of two epochs or more")


def gap(first: Mapping[int, float], second: Mapping[int, float], level: float) -> Estimate | None:
    """The difference of two arms' costs, paired by training seed; None if they share none."""
    gaps = [first[seed] - second[seed] for seed in first if seed in second]
    return t_interval(gaps, level) if gaps else None
