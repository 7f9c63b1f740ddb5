"""Every measured quantity of every arm, each with its bootstrap replicates, computed once and read by the tables."""

import re
from dataclasses import dataclass

import numpy as np

from qup.report import data
from qup.report.data import Inputs, Outcomes
from qup.stats import Array, Bootstrap, Draws

QUARTER = re.compile(r"^quarters?\.([1-4])$")
NATIVE = "rejection_sampling"
EXCESS = "excess_surprisal"
"NLL of a trace minus that of the native trace of the same problem, nats; where both exist."
TRAIN, HELDOUT = "train", "heldout"
"The two populations that are drawn, independently of each other."


@dataclass(frozen=True, eq=False)
class Measures:
    """Quantities by name; a missing key means that the quantity was not measured."""

    boot: Bootstrap
    base: dict[tuple[str, str], Outcomes]
    outcomes: dict[str, dict[tuple[str, str], Outcomes]]
    rewards: dict[tuple[str, str], Draws]
    "(arm, reward) to Q, the mean reward."
    reward_columns: dict[tuple[str, str], Array]
    ppl: dict[tuple[str, str], Draws]
    "(arm, `micro`, `macro` or quarter `1`..`4`)."
    compat: dict[tuple[str, str], Draws]
    "(arm, metric) to the metric's mean over traces."
    utility: dict[tuple[str, str], Draws]
    "(arm, objective) to U, a difference of shares."

    def accuracy(self, arm: str, objective: str) -> Array | None:
        """Share of correct samples, (seeds, problems), under sampled decoding."""
        found = self.outcomes[arm].get((objective, "sampled"))
        return None if found is None else found.shares["accuracy"]


def measure(inputs: Inputs) -> Measures:
    """Measure all arms of the study."""
    settings = inputs.study.report
    boot = Bootstrap(inputs.study.seed, settings.resamples, settings.level)
    problems = data.training_problems(inputs.arms)
    every = [e for arm in inputs.arms.values() for e in arm.evals]
    held = data.heldout([*inputs.base, *every])
    base = data.outcomes(inputs.base, held)
    results = {arm: data.outcomes(records.evals, held) for arm, records in inputs.arms.items()}
    columns = data.reward_columns(inputs, problems)
    ppl, compat = _compat(boot, inputs, problems)
    return Measures(boot, base, results, _means(boot, columns), columns, ppl, compat, _utility(boot, base, results))


def _means(boot: Bootstrap, columns: dict[tuple[str, str], Array]) -> dict[tuple[str, str], Draws]:
    if not columns:
        return {}
    drawn = boot.means(np.array(list(columns.values())).T, TRAIN)
    return {key: draws for key, draws in zip(columns, drawn, strict=True) if draws}


def _compat(
    boot: Bootstrap, inputs: Inputs, problems: list[str]
) -> tuple[dict[tuple[str, str], Draws], dict[tuple[str, str], Draws]]:
    """Perplexities and means of all metrics; a micro or quarter perplexity weighs traces by their tokens."""
    ppl: dict[tuple[str, str], Draws] = {}
    metrics: dict[tuple[str, str], Array] = {}
    native = data.compat_columns(inputs.arms[NATIVE], problems).get("_nll") if NATIVE in inputs.arms else None
    for arm, records in inputs.arms.items():
        columns = data.compat_columns(records, problems)
        if native is not None and "_nll" in columns:
            metrics[arm, EXCESS] = columns["_nll"] - native
        metrics |= {(arm, name): x for name, x in columns.items() if not name.startswith("_")}
        if columns:
            ppl |= {(arm, name): draws for name, draws in _perplexities(boot, columns).items()}
    return ppl, _means(boot, metrics)


def _perplexities(boot: Bootstrap, columns: dict[str, Array]) -> dict[str, Draws]:
    tokens, nll = columns["_tokens"], columns["_nll"]
    above, below = {"micro": nll}, {"micro": tokens}
    for name, values in columns.items():
        if found := QUARTER.match(name):
            q = int(found[1])
            part = q * tokens // 4 - (q - 1) * tokens // 4
            above[found[1]], below[found[1]] = values * part, np.where(np.isfinite(values), part, np.nan)
    tops, bottoms = (np.nan_to_num(np.array(list(x.values())).T) for x in (above, below))
    drawn = boot.ratios(tops, bottoms, TRAIN)
    out = {name: draws.exp() for name, draws in zip(above, drawn, strict=True) if draws}
    macro = boot.means(np.exp(nll / tokens)[:, None], TRAIN)[0]
    return out | ({"macro": macro} if macro else {})


def _utility(
    boot: Bootstrap, base: dict[tuple[str, str], Outcomes], results: dict[str, dict[tuple[str, str], Outcomes]]
) -> dict[tuple[str, str], Draws]:
    """U of each arm and objective; empty if the base learner was not evaluated."""
    if ("base", "sampled") not in base:
        return {}
    before = base["base", "sampled"].shares["accuracy"].mean(axis=0)
    keys, pairs = [], []
    for arm, found in results.items():
        for objective in (o for o, decoding in found if decoding == "sampled"):
            after = found[objective, "sampled"].shares["accuracy"]
            keys.append((arm, objective))
            pairs.append((after, np.broadcast_to(before, after.shape)))
    return {key: draws for key, draws in zip(keys, boot.contrasts(pairs, HELDOUT), strict=True) if draws}
