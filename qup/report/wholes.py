"""Predictors that only a whole stream has, put together from what its traces have: as their authors define them.

`car.<reward>`: compatibility-adjusted reward (2411.07133), r / (1 + beta L) with r the mean reward, L the mean over
traces of their mean NLL per token under the untrained learner, and beta = 3, as 2502.11779's code has it
(XuanRen4470/SPPL, other_metrics_calculation.py). It presumes rewards above 0: below, a larger loss raises it.

`rsr.set`: the rank-surprisal ratio of a set (2601.14249): the mean over traces of the mean clipped rank, over L.
"""

import functools
from collections.abc import Callable

import numpy as np

from qup.report.drawn import Drawn
from qup.report.traces import MACRO, Traces
from qup.stats import Draws
from qup.stats.spread import Array

BETA = 3.0
CAR, RANK, SET = "car.", "rsr.rank", "rsr.set"


def drawn(traces: Traces) -> Drawn:
    """(Arm, name) to the predictor, draw by draw: rewards, ranks and losses are of the same problems."""
    lost = {arm for (arm, kind), found in traces.perplexity.items() if kind == MACRO}
    ranked = {arm for arm in lost if (arm, RANK) in traces.metrics and traces.perplexity[arm, MACRO].value > 1}
    rewards = [(arm, reward) for arm, reward in traces.rewards if arm in lost and traces.perceives(reward)]
    keys = [
        *((arm, f"{CAR}{reward}") for arm, reward in rewards),
        *((arm, SET) for arm in traces.arms if arm in ranked),
    ]

    def of(arm: str) -> dict[str, Draws]:
        loss = _log(traces.ppl[arm, MACRO])
        found = {
            f"{CAR}{reward}": _of_both(traces.rewards[own, reward], loss, lambda r, loss: r / (1 + BETA * loss))
            for own, reward in rewards
            if own == arm
        }
        ranks = (
            {SET: _of_both(traces.metrics[arm, RANK], loss, lambda ranks, loss: ranks / loss)} if arm in ranked else {}
        )
        return found | ranks

    return Drawn(keys, functools.cache(of))


def _log(draws: Draws) -> Draws:
    """L, of which `exp` is the perplexity."""
    return Draws(float(np.log(draws.value)), np.log(draws.replicates), draws.n, draws.seeds)


def _of_both(one: Draws, two: Draws, formula: Callable[[Array, Array], Array]) -> Draws:
    (value,) = formula(np.array([one.value]), np.array([two.value])).tolist()
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = formula(one.replicates, two.replicates)
    return Draws(value, replicates, min(one.n, two.n), one.seeds)
