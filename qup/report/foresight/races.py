"""Races of a study: arms that were trained alike, two by two, with what was known of them before and what came out."""

import dataclasses
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qup.compat import Role
from qup.measured import Measured, by_trace
from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.numbers import Missing
from qup.report.sections import adaptation
from qup.stats import Array, Estimate, judge

NLL, TRACES, REWARD = "nll", "null.traces", "reward."
"""Surprisal of a whole trace, nats, mean over a problem's: of two streams' traces of one problem its difference is the
excess surprisal of the one over the other. Traces of a stream. What stands before a reward's name."""

Share = tuple[dict[str, float], int]
"Metric to its mean difference on the problems that two arms share, and how many of these there are."


@dataclass(frozen=True)
class Entry:
    """One arm in a race."""

    name: str
    refiner: str
    means: Mapping[str, float]
    "Metric, or `reward.<name>`, to its mean over the arm's traces."
    outcomes: Mapping[str, float]
    "`U.<objective>.<decoding>`, and each measured cost of adaptation, to its mean over replicates."


@dataclass(frozen=True)
class Pair:
    """Two arms of a race under one objective and decoding."""

    race: str
    study: str
    objective: str
    decoding: str
    arms: tuple[str, str]
    fingerprint: str
    "Equal where two studies trained the same learners on the same traces: that is one experiment."
    gap: float
    "U(first) - U(second), a difference of shares."
    resolved: bool
    "After Holm's correction over the pairs of the race under this objective and decoding."
    gaps: Mapping[str, float]
    "Metric to its mean of the first minus that of the second, on the problems that both have a value of."
    shared: int
    "Problems of which both have a trace."


@dataclass(frozen=True)
class Race:
    """Arms trained alike."""

    name: str
    study: str
    entries: list[Entry]
    pairs: list[Pair]
    roles: Mapping[str, str]
    "Metric to its role, `drift` or `null`; `reward` of a reward."
    plugs: Mapping[str, str]
    "Metric to the plug that it is of; a reward to itself."


def of_study(study: str, evidence: Evidence) -> list[Race]:
    """The races of a study's arms; an arm that no other was trained like is in none."""
    costs = adaptation.numbers(evidence)
    grouped: dict[tuple[object, ...], list[str]] = {}
    for name, arm in evidence.arms.items():
        grouped.setdefault(_recipe(evidence, arm), []).append(name)
    named = ((f"{study}: {', '.join(names[:2])}, ...", names) for names in grouped.values() if len(names) > 1)
    return [_race(race, study, evidence, names, costs) for race, names in named]


def _recipe(evidence: Evidence, arm: Measured) -> tuple[object, ...]:
    """What two arms must have in common to be compared: problems, replicates, training settings."""
    study = evidence.study
    declared = study.further.get(arm.name) or study.main_arm(arm.oracle, arm.refiner)
    return declared.training_set, tuple(sorted(set(arm.replicates))), repr(declared.training)


def _race(
    name: str,
    study: str,
    evidence: Evidence,
    names: Sequence[str],
    costs: Mapping[str, adaptation.Adaptation],
) -> Race:
    columns = {arm: known(evidence.arms[arm]) for arm in names}
    arms = [evidence.arms[arm] for arm in names]
    shares = {pair: _gaps(evidence, columns, *pair) for pair in itertools.combinations(columns, 2)}
    pairs = [
        pair
        for objective in evidence.objectives
        for decoding in (SAMPLED, GREEDY)
        for pair in _pairs(name, study, evidence, shares, objective, decoding)
    ]
    entries = [
        Entry(arm.name, arm.refiner, _means(columns[arm.name]), _outcomes(evidence, arm.name, costs)) for arm in arms
    ]
    roles = {metric: role for arm in arms for metric, role in arm.roles.items() if role != Role.TRUTH}
    roles |= {NLL: str(Role.DRIFT), TRACES: str(Role.NULL)}
    roles |= {f"{REWARD}{reward}": "reward" for arm in arms for reward in arm.rewards}
    plugs = {metric: plug for arm in arms for metric, plug in arm.plugs.items()}
    return Race(name, study, entries, pairs, roles, {metric: plugs.get(metric, metric) for metric in roles})


def known(arm: Measured) -> dict[str, Array]:
    """All that is known of an arm's traces before training, over its problems; what reads the truth off is not."""
    columns = {metric: values for metric, values in arm.metrics.items() if arm.roles[metric] != Role.TRUTH}
    rewards = {f"{REWARD}{reward}": values for reward, values in arm.rewards.items()}
    return {**columns, **rewards, NLL: by_trace.nll(arm), TRACES: by_trace.counts(arm)}


def _means(columns: Mapping[str, Array]) -> dict[str, float]:
    """Means over problems; of `null.traces` the sum, all that the arm trains on."""
    there = {metric: values[np.isfinite(values)] for metric, values in columns.items()}
    means = {metric: float(values.mean()) for metric, values in there.items() if len(values)}
    return means | {TRACES: float(there[TRACES].sum())}


def _outcomes(evidence: Evidence, arm: str, costs: Mapping[str, adaptation.Adaptation]) -> dict[str, float]:
    """Utilities and costs that were measured."""
    numbers = {
        f"U.{objective}.{decoding}": crossed.estimate(evidence.level)
        for objective in evidence.objectives
        for decoding in (SAMPLED, GREEDY)
        if (crossed := evidence.held.utility(arm, objective, decoding))
    }
    return {name: number.value for name, number in (numbers | _estimates(costs[arm])).items() if number is not None}


def _estimates(told: object, name: str = "") -> dict[str, Estimate]:
    """All estimates in what a section tells of an arm, by the names of their fields: costs come and go there alone."""
    if isinstance(told, Estimate):
        return {name: told}
    parts: Mapping[str, object] = told if isinstance(told, Mapping) else {}
    if dataclasses.is_dataclass(told):
        parts = {each.name: getattr(told, each.name) for each in dataclasses.fields(told)}
    below = ((f"{name}.{key}" if name else key, part) for key, part in parts.items())
    return {place: each for own, part in below for place, each in _estimates(part, own).items()}


def _pairs(  # noqa: PLR0917 - a race under one objective and decoding
    race: str,
    study: str,
    evidence: Evidence,
    shares: Mapping[tuple[str, str], Share],
    objective: str,
    decoding: str,
) -> list[Pair]:
    """The pairs that share problems and were both evaluated, judged as one family."""
    there: list[tuple[str, str]] = []
    numbers: list[Estimate] = []
    for (first, second), (_, shared) in shares.items():
        crossed = evidence.difference(first, second, objective, decoding)
        number = crossed and evidence.held.number(crossed, Missing("no shared problem"))
        if shared and isinstance(number, Estimate):
            there.append((first, second))
            numbers.append(number)
    arms = dict.fromkeys(arm for pair in there for arm in pair)
    prints = {arm: _fingerprint(evidence, arm, objective, decoding) for arm in arms}
    return [
        Pair(
            race=race,
            study=study,
            objective=objective,
            decoding=decoding,
            arms=pair,
            fingerprint="-".join(sorted(prints[arm] for arm in pair)),
            gap=judged.estimate.value,
            resolved=judged.resolved,
            gaps=shares[pair][0],
            shared=shares[pair][1],
        )
        for pair, judged in zip(there, judge(numbers, evidence.level), strict=True)
    ]


def _gaps(evidence: Evidence, columns: Mapping[str, Mapping[str, Array]], first: str, second: str) -> Share:
    """Of two arms."""
    place = {problem: i for i, problem in enumerate(evidence.arms[second].problems)}
    rows = [(i, place[p]) for i, p in enumerate(evidence.arms[first].problems) if p in place]
    a, b = (np.array([row[side] for row in rows], dtype=np.intp) for side in (0, 1))
    gaps: dict[str, float] = {}
    for metric in columns[first].keys() & columns[second].keys():
        both = columns[first][metric][a] - columns[second][metric][b]
        if (there := np.isfinite(both)).any():
            gaps[metric] = float(both[there].mean())
    shared = int(np.isfinite(columns[first][TRACES][a] + columns[second][TRACES][b]).sum())
    totals = [float(np.nansum(columns[arm][TRACES])) for arm in (first, second)]
    return dict(sorted((gaps | {TRACES: totals[0] - totals[1]}).items())), shared


def _fingerprint(evidence: Evidence, arm: str, objective: str, decoding: str) -> str:
    """A hash of an arm's traces, of how its learners trained on them and of what they answered.

    Answers alone would not do: learners of a low rate answer greedily as the untrained one does, whatever their budget.
    """
    answers = evidence.held.learners[arm].get((objective, decoding))
    curves = [
        (each.replicate, each.tokens, each.loss) for each in evidence.arms[arm].curves if each.objective == objective
    ]
    told = [objective, decoding, evidence.arms[arm].traces, curves, answers.correct.tolist() if answers else None]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
