"""Every measured quantity of every arm, each with its bootstrap replicates, computed once and read by the tables."""

import re
from dataclasses import dataclass

import numpy as np

from qup.report import adaptation, data
from qup.report.data import Inputs, Outcomes
from qup.stats import Array, Bootstrap, Draws

QUARTER = re.compile(r"^quarters?\.([1-4])$")
NATIVE = "rejection_sampling"
EXCESS = "excess_surprisal"
"NLL of a trace minus that of the native trace of the same problem, nats; where both exist."
TRAIN, HELDOUT = "train", "heldout"
"The two populations that are drawn, independently of each other."


@dataclass(frozen=True, eq=False)
class Answers:
    """What all learners answered on one task."""

    population: str
    base: dict[tuple[str, str], Outcomes]
    learners: dict[str, dict[tuple[str, str], Outcomes]]
    "By arm."
    utility: dict[tuple[str, str], Draws]
    "(arm, objective) to U, a difference of shares."


@dataclass(frozen=True, eq=False)
class Measures:
    """Quantities by name; a missing key means that the quantity was not measured."""

    boot: Bootstrap
    held: Answers
    "On the task that utility, contrasts and indices are of."
    sets: dict[str, Answers]
    "On each other task."
    rewards: dict[tuple[str, str], Draws]
    "(arm, reward) to Q, the mean reward."
    reward_columns: dict[tuple[str, str], Array]
    ppl: dict[tuple[str, str], Draws]
    "(arm, `micro`, `macro` or quarter `1`..`4`)."
    compat: dict[tuple[str, str], Draws]
    "(arm, metric) to the metric's mean over traces."
    compat_columns: dict[tuple[str, str], Array]
    adaptation: dict[str, dict[int, float]]
    "Arm to training seed to adaptation cost, nats."

    def accuracy(self, arm: str, objective: str) -> Array | None:
        """Share of correct samples, (seeds, problems), under sampled decoding."""
        found = self.held.learners.get(arm, {}).get((objective, "sampled"))
        return None if found is None else found.shares["accuracy"]


def measure(inputs: Inputs) -> Measures:
    """Measure all arms of the study."""
    settings = inputs.study.report
    boot = Bootstrap(inputs.study.seed, settings.resamples, settings.level)
    problems = data.training_problems(inputs.arms)
    main, others = inputs.tasks
    rewards = data.reward_columns(inputs, problems)
    ppl, metrics = _compat(boot, inputs, problems)
    return Measures(
        boot=boot,
        held=_answers(boot, inputs, main, HELDOUT),
        sets={task: _answers(boot, inputs, task, task) for task in others},
        rewards=_means(boot, rewards),
        reward_columns=rewards,
        ppl=ppl,
        compat=_means(boot, metrics),
        compat_columns=metrics,
        adaptation={arm: adaptation.costs(records.steps) for arm, records in inputs.arms.items()},
    )


def _answers(boot: Bootstrap, inputs: Inputs, task: str, population: str) -> Answers:
    base = [e for e in inputs.base if e.task == task]
    evals = {arm: [e for e in records.evals if e.task == task] for arm, records in inputs.arms.items()}
    problems = sorted({e.problem_id for found in (base, *evals.values()) for e in found})
    before = data.outcomes(base, problems)
    after = {arm: data.outcomes(found, problems) for arm, found in evals.items()}
    return Answers(population, before, after, _utility(boot, before, after, population))


def _means(boot: Bootstrap, columns: dict[tuple[str, str], Array]) -> dict[tuple[str, str], Draws]:
    if not columns:
        return {}
    drawn = boot.means(np.array(list(columns.values())).T, TRAIN)
    return {key: draws for key, draws in zip(columns, drawn, strict=True) if draws}


def _compat(
    boot: Bootstrap, inputs: Inputs, problems: list[str]
) -> tuple[dict[tuple[str, str], Draws], dict[tuple[str, str], Array]]:
    """Perplexities, and all metrics over problems; a micro or quarter perplexity weighs traces by their tokens."""
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
    return ppl, metrics


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
    boot: Bootstrap,
    base: dict[tuple[str, str], Outcomes],
    results: dict[str, dict[tuple[str, str], Outcomes]],
    population: str,
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
    return {key: draws for key, draws in zip(keys, boot.contrasts(pairs, population), strict=True) if draws}
