"""Differences between arms: declared contrasts with Holm, the paradox index, rank agreement over arms."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from qup import stats
from qup.report.data import Inputs
from qup.report.entries import entry, missing
from qup.report.measure import HELDOUT, TRAIN, Measures
from qup.stats import Array, Draws, Estimate

NATIVE, RESTYLED = "rejection_sampling", "restyled"
ALIGNED, REFINED = "style_aligned", "oracle_refined"
DECLARED = ((ALIGNED, REFINED), (NATIVE, REFINED))
"Primary contrasts, declared before any run: SAR - Refined and RFT - Refined, per Oracle and objective."
SHORT = {
    NATIVE: "RFT",
    RESTYLED: "Restyled",
    ALIGNED: "SAR",
    REFINED: "Refined",
    "oracle_synthesized": "Synthesized",
    "unfiltered": "Unfiltered",
}
MIN_ARMS = 3
"Fewest arms over which a rank correlation is printed."


def label(inputs: Inputs, arm: str) -> str:
    """The arm's name in tables: the paper's short name, and the Oracle if it is not the study's first."""
    refiner, oracle = inputs.names[arm]
    short = SHORT.get(refiner, refiner)
    return short if oracle == next(iter(inputs.study.oracles)) else f"{short} ({oracle})"


def find(inputs: Inputs, group: Sequence[str], refiner: str) -> str | None:
    """The arm of a refiner within one Oracle's group; the Oracle's own before a shared one."""
    arms = [a for a in group if inputs.names[a][0] == refiner]
    return min(arms, key=lambda a: "-" not in a, default=None)


def all_contrasts(inputs: Inputs, m: Measures) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Oracle to objective to contrasts: the declared ones first, then each arm against RFT as exploration."""
    out: dict[str, dict[str, list[dict[str, Any]]]] = {
        oracle: {str(o): _one_group(inputs, m, oracle, o) for o in inputs.study.training.objectives}
        for oracle in inputs.oracles()
    }
    declared = [c for by in out.values() for cs in by.values() for c in cs if c["declared"] and "p" in c]
    adjusted = stats.holm([c["p"] for c in declared])
    for contrast, p_holm in zip(declared, adjusted, strict=True):
        contrast["p_holm"] = p_holm
        contrast["family"] = len(declared)
        contrast["resolved"] = contrast["resolved"] and p_holm <= 1 - inputs.study.report.level + 1e-12
    return out


def _one_group(inputs: Inputs, m: Measures, oracle: str, objective: str) -> list[dict[str, Any]]:
    group = inputs.group(oracle)
    pairs = [(a, b, True) for a, b in DECLARED]
    found = [(find(inputs, group, a), find(inputs, group, b), declared) for a, b, declared in pairs]
    native = find(inputs, group, NATIVE)
    taken = {frozenset(x[:2]) for x in found} | {frozenset([native])}
    found += [(arm, native, False) for arm in group if frozenset([arm, native]) not in taken]
    names = [(SHORT[a], SHORT[b]) for a, b in DECLARED]
    out = []
    for i, (first, second, declared) in enumerate(found):
        if first is None or second is None:
            if declared:
                what = names[i][first is not None]
                out.append({"name": " - ".join(names[i]), "declared": True, "estimate": missing(f"no {what} arm")})
            continue
        out.append(contrast(inputs, m, (first, second), objective, declared))
    return out


def contrast(inputs: Inputs, m: Measures, arms: tuple[str, str], objective: str, declared: bool) -> dict[str, Any]:
    """U(first) - U(second) on the held-out problems both answered, with its MDE; Holm is applied by the caller."""
    first, second = arms
    name = f"{label(inputs, first)} - {label(inputs, second)}"
    out: dict[str, Any] = {"name": name, "first": first, "second": second, "declared": declared}
    draws = difference(m, first, second, objective)
    if draws is None:
        return out | {"estimate": missing(f"an arm has no {objective} evaluation")}
    estimate = m.boot.estimate(draws)
    out |= {"estimate": entry(estimate), "p": draws.p_value(), "same_traces": same_traces(inputs, first, second)}
    return out | judged(inputs, estimate)


def judged(inputs: Inputs, estimate: Estimate) -> dict[str, Any]:
    """A difference's MDE, and whether it is resolved: told from zero and not below the MDE.

    Where few problems differ at all, a percentile interval alone is too short.
    """
    settings = inputs.study.report
    floor = stats.mde(estimate.se, settings.level, settings.power)
    return {
        "mde": {"value": floor}
        if estimate.se > stats.ZERO
        else missing("no variation between draws, so no detectable effect can be given"),
        "resolved": estimate.excludes_zero() and abs(estimate.value) >= floor,
    }


def difference(m: Measures, first: str, second: str, objective: str) -> Draws | None:
    """The paired utility difference; None if either arm was not evaluated."""
    a, b = m.accuracy(first, objective), m.accuracy(second, objective)
    return None if a is None or b is None else m.boot.contrasts([(a, b)], HELDOUT)[0]


def same_traces(inputs: Inputs, first: str, second: str) -> dict[str, int]:
    """On how many of the problems that both streams cover the two train on the very same text."""
    a, b = ({r.problem_id: r.text for r in inputs.arms[arm].stream if r.text is not None} for arm in (first, second))
    both = a.keys() & b.keys()
    return {"same": sum(a[p] == b[p] for p in both), "of": len(both)}


def paired(
    m: Measures, pairs: Sequence[tuple[str, str]], columns: dict[tuple[str, str], Array], key: str
) -> dict[tuple[str, str], Estimate]:
    """Mean of a reward or metric, first minus second, on the problems of which both have a value."""
    known = [(a, b) for a, b in pairs if (a, key) in columns and (b, key) in columns]
    if not known:
        return {}
    drawn = m.boot.means(np.array([columns[a, key] - columns[b, key] for a, b in known]).T, TRAIN)
    return {pair: m.boot.estimate(d) for pair, d in zip(known, drawn, strict=True) if d}


def paradox_index(
    inputs: Inputs, m: Measures, group: Sequence[str], objective: str, rewards: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """PI per reward: of all pairs in a group of arms, the share whose Q and U differences are resolved and disagree."""
    arms = [a for a in group if (a, objective) in m.held.utility]
    pairs = list(itertools.combinations(arms, 2))
    sides = [(m.accuracy(a, objective), m.accuracy(b, objective)) for a, b in pairs]
    drawn = m.boot.contrasts([(a, b) for a, b in sides if a is not None and b is not None], HELDOUT)
    utility = {pair: m.boot.estimate(d) for pair, d in zip(pairs, drawn, strict=True) if d}
    return {reward: _index(inputs, m, (arms, objective, reward), utility) for reward in rewards}


def _index(
    inputs: Inputs, m: Measures, what: tuple[list[str], str, str], utility: dict[tuple[str, str], Estimate]
) -> dict[str, Any]:
    group, objective, reward = what
    arms = [a for a in group if (a, reward) in m.rewards]
    pairs = list(itertools.combinations(arms, 2))
    if not pairs:
        return {"pairs": 0, "resolved": 0, "disagree": 0, "index": None, "reason": "fewer than two arms with both"}
    quality = paired(m, pairs, m.reward_columns, reward)
    known = [pair for pair in pairs if pair in quality and pair in utility]
    both = [p for p in known if all(judged(inputs, found[p])["resolved"] for found in (quality, utility))]
    against = [pair for pair in both if quality[pair].value * utility[pair].value < 0]
    named = [" / ".join(label(inputs, arm) for arm in pair) for pair in against]
    counts = {"pairs": len(pairs), "resolved": len(both), "disagree": len(against), "index": len(against) / len(pairs)}
    tau = rank(m, [m.rewards[a, reward] for a in arms], [m.held.utility[a, objective] for a in arms], stats.tau)
    return counts | {"disagreeing": named, "tau": tau}


def rank(m: Measures, first: Sequence[Draws | None], second: Sequence[Draws | None], how: Any) -> dict[str, Any]:
    """A rank statistic between two quantities over arms, with the interval its bootstrap replicates give."""
    known = [(a, b) for a, b in zip(first, second, strict=True) if a and b]
    if len(known) < MIN_ARMS:
        return missing(f"needs {MIN_ARMS} arms with both, has {len(known)}")
    points: list[Array] = [np.array([pair[side].value for pair in known]) for side in (0, 1)]
    if any(np.ptp(x) < stats.ZERO for x in points):
        return missing("equal in all arms")
    a, b = (np.array([pair[side].replicates for pair in known]).T for side in (0, 1))
    draws = Draws(float(how(points[0], points[1])), how(a, b), len(known))
    return entry(m.boot.estimate(draws))
