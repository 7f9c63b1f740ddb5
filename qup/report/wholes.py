"""Predictors that only a whole stream has, put together from what its traces have: as their authors define them.

`car.<reward>`: compatibility-adjusted reward (2411.07133), r / (1 + beta L) with r the mean reward, L the mean over
traces of their mean NLL per token under the untrained learner, and beta = 3, as 2502.11779's code has it
(XuanRen4470/SPPL, other_metrics_calculation.py). It presumes rewards above 0: below, a larger loss raises it.

`rsr.set`: the rank-surprisal ratio of a set (2601.14249): the mean over traces of the mean clipped rank, over L.
"""

from collections.abc import Callable

import numpy as np

from qup.report.traces import MACRO, Drawn, Traces
from qup.stats import Draws
from qup.stats.spread import Array

BETA = 3.0
RANK, SET = "rsr.rank", "rsr.set"


def drawn(traces: Traces) -> Drawn:
    """(Arm, name) to the predictor, draw by draw: rewards, ranks and losses are of the same problems."""
    losses = {arm: log for (arm, kind), draws in traces.ppl.items() if kind == MACRO for log in [_log(draws)]}
    found: Drawn = {}
    for (arm, reward), quality in traces.rewards.items():
        if arm in losses and traces.perceives(reward):
            found[arm, f"car.{reward}"] = _of_both(quality, losses[arm], lambda r, loss: r / (1 + BETA * loss))
    for (arm, metric), rank in traces.metrics.items():
        if arm in losses and metric == RANK and losses[arm].value > 0:
            found[arm, SET] = _of_both(rank, losses[arm], lambda ranks, loss: ranks / loss)
    return found


def _log(draws: Draws) -> Draws:
    """L, of which `exp` is the perplexity."""
    return Draws(float(np.log(draws.value)), np.log(draws.replicates), draws.n, draws.seeds)


def _of_both(one: Draws, two: Draws, formula: Callable[[Array, Array], Array]) -> Draws:
    (value,) = formula(np.array([one.value]), np.array([two.value])).tolist()
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = formula(one.replicates, two.replicates)
    return Draws(value, replicates, min(one.n, two.n), one.seeds)
