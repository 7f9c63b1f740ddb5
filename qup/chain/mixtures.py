"""A mixture's stream: of each problem the traces of one of some main arms, in set shares."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from qup import seeds
from qup.records import Refined


def mixed(
    shares: Mapping[str, float],
    streams: Mapping[str, Sequence[Refined]],
    keys: Sequence[tuple[Any, ...]],
    seed: int,
) -> list[Refined]:
    """A mixture's stream: of each problem the records of one arm, each with its `origin`, in the order of `keys`.

    It writes nothing anew, so at a share of 1 it is that arm's. An arm that has no trace of a problem leaves the
    mixture without one too, counted as that arm counted it: another's in its place would shift the shares, and the more
    so the more problems the learner fails. `streams` are by arm, as the shares are, and each has all of these keys,
    which are those due of the mixture's stream.
    """
    origins = _origins(shares, keys, seed)
    records = {
        (arm, own.problem_id, own.slot): dataclasses.replace(own, origin=arm) for arm in shares for own in streams[arm]
    }
    counts = Counter(origins.values())
    print(f"{len(origins)} problems:", ", ".join(f"of {arm} {counts[arm]}" for arm in shares))
    return [records[origins[problem], problem, slot] for problem, _, _, slot in keys]


def _origins(shares: Mapping[str, float], keys: Sequence[tuple[Any, ...]], seed: int) -> dict[str, str]:
    """Problem to the arm that its traces are of; the problems of a replicate take turns in random order."""
    by_replicate: dict[int, dict[str, str]] = {}
    for problem, replicate, stratum, _ in keys:
        by_replicate.setdefault(replicate, {})[problem] = stratum
    origins: dict[str, str] = {}
    for replicate, strata in by_replicate.items():
        # Solved problems first, so that an arm has its share of either stratum: of failed ones it may have no trace.
        order = sorted(strata, key=lambda own: (strata[own] != "solved", seeds.derive(seed, "mixture", own)))
        origins |= zip(order, turns(shares, len(order), seeds.derive(seed, "mixture", replicate)), strict=True)
    return origins


def turns(shares: Mapping[str, float], count: int, seed: int) -> list[str]:
    """Whose turn each of so many is: of any first n, each has its share of n, rounded up or down.

    The quota method (Balinski & Young 1975): of those that are below their share the one that has the fewest for it,
    counted with one more. The seed decides between those that are equal.
    """
    exact = {name: Fraction(str(share)) for name, share in shares.items()}
    whole = sum(exact.values())
    taken: Counter[str] = Counter()
    order = []
    for n in range(1, count + 1):
        below = [name for name, share in exact.items() if taken[name] < share / whole * n]
        turn = max(below, key=lambda name: (exact[name] / (taken[name] + 1), seeds.derive(seed, name)))
        taken[turn] += 1
        order.append(turn)
    return order
