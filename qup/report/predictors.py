"""Which number known before training goes with utility or with adaptation cost: rank correlations over arms."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from qup import stats
from qup.report.contrasts import rank
from qup.report.data import Inputs, asked
from qup.report.entries import missing
from qup.report.measure import Measures
from qup.stats import Draws

NULL = "null."
"Prefix of the metrics that know nothing of the learner and must stand beside those that do."


def predictors(inputs: Inputs, m: Measures, objective: str) -> dict[str, dict[str, Any]]:
    """Spearman's correlation over all arms between U and each reward, perplexity and compatibility metric."""
    return _against(m, list(inputs.arms), _utilities(m, inputs.arms, objective))


def checks(inputs: Inputs, m: Measures) -> dict[str, Any]:
    """Objective to each static metric against measured cost and U over the arms of the first ordered control.

    The arms differ in dose alone, so a metric that fails to order them can order nothing finer.
    """
    control = next((c for c in inputs.study.controls.values() if c.check == "ordered"), None)
    if control is None:
        return {o: missing("no ordered control") for o in inputs.study.training.objectives}
    known = [arm for arm in control.arms if arm in inputs.arms]
    return {o: _check(m, known, o) for o in asked(inputs, control)}


def _check(m: Measures, known: Sequence[str], objective: str) -> dict[str, Any]:
    """One objective's check, the metrics in the order of how close they come."""
    costs = _against(m, known, [_cost(m, arm) for arm in known])
    utilities = _against(m, known, _utilities(m, known, objective))
    names = sorted(costs, key=lambda name: (-_strength(utilities[name]), -_strength(costs[name]), name))
    return {
        "arms": known,
        "metrics": {n: {"cost": costs[n], "utility": utilities[n], "null": n.startswith(NULL)} for n in names},
        "caution": _caution(len(known)),
    }


def _against(m: Measures, arms: Sequence[str], target: Sequence[Draws | None]) -> dict[str, dict[str, Any]]:
    sources = {f"reward.{r}": (r, m.rewards) for r in dict.fromkeys(r for _, r in m.rewards)}
    sources |= {f"ppl.{k}": (k, m.ppl) for k in ("micro", "macro")}
    sources |= {k: (k, m.compat) for k in sorted({k for _, k in m.compat})}
    return {
        name: rank(m, [table.get((arm, key)) for arm in arms], target, stats.spearman)
        for name, (key, table) in sources.items()
    }


def _utilities(m: Measures, arms: Iterable[str], objective: str) -> list[Draws | None]:
    return [m.held.utility.get((arm, objective)) for arm in arms]


def _cost(m: Measures, arm: str) -> Draws | None:
    found = m.adaptation[arm]
    return m.boot.over_seeds(np.array(list(found.values()))) if found else None


def _strength(found: dict[str, Any]) -> float:
    return -1.0 if found["value"] is None else round(abs(found["value"]), 9)


def _caution(doses: int) -> str:
    if doses < 2:
        return "Fewer than two doses were measured."
    orders = math.factorial(doses)
    return (
        f"{doses} doses can be ordered in {orders} ways only: a metric unrelated to the dose has |rho| = 1 with "
        f"probability {2 / orders:.2g}, and many metrics are tried. The intervals hold the noise of problems and "
        "seeds, not the choice of doses."
    )
