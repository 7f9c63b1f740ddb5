"""Whether a reward sees what it should: the area under its ROC curve, and the weight it earns in a panel."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from qup.stats.bootstrap import Bootstrap
from qup.stats.estimates import Estimate
from qup.stats.spread import Array

CHANCE = 0.5
"The area of a reward that knows nothing."


def auc(
    values: Array, positive: Sequence[bool], clusters: Sequence[Hashable], boot: Bootstrap, population: str
) -> Estimate | None:
    """Probability that a positive's value is above a negative's, ties counting half (Mann & Whitney 1947).

    `values` (n,), with a label and a cluster each, NaN where there is none: the interval draws clusters, problems with
    all their samples, and takes percentiles. At 0 or 1, where drawing shows no spread, the other end is that of
    Clopper-Pearson over clusters. n counts clusters; None without both labels.
    """
    there = np.isfinite(values)
    names = [cluster for cluster, kept in zip(clusters, there, strict=True) if kept]
    place = {name: i for i, name in enumerate(dict.fromkeys(names))}
    values, labels = values[there], np.asarray(positive, dtype=bool)[there]
    if not labels.any() or labels.all():
        return None
    order = np.argsort(values, kind="stable")
    ranked = _Ranked(values[order], labels[order], np.array([place[name] for name in names])[order])
    value, n = float(ranked.area(np.ones((1, len(place))))[0]), len(place)
    drawn = np.concatenate([ranked.area(weights) for weights in boot.weights(n, population)])
    drawn = drawn[np.isfinite(drawn)]
    tail = (1 - boot.level) / 2
    low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
    if value in (0.0, 1.0):
        from scipy.stats import binomtest

        exact = binomtest(round(value * n), n).proportion_ci(boot.level)
        low, high = float(exact.low), float(exact.high)
    return Estimate(value, low, high, n, float(drawn.std(ddof=1)))


class _Ranked:
    """Labelled values in ascending order."""

    def __init__(self, values: Array, positive: np.ndarray, cluster: np.ndarray) -> None:
        self.positive, self.cluster = positive, cluster
        self.starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])

    def area(self, weights: Array) -> Array:
        """Of (draws, clusters) weights, (draws,); NaN where a draw has one label only."""
        each = weights[:, self.cluster]
        above = np.add.reduceat(each * self.positive, self.starts, axis=1)
        below = np.add.reduceat(each * ~self.positive, self.starts, axis=1)
        pairs = above.sum(axis=1) * below.sum(axis=1)
        won = (above * (below.cumsum(axis=1) - below / 2)).sum(axis=1)
        out: Array = np.where(pairs > 0, won / np.where(pairs > 0, pairs, 1.0), np.nan)
        return out


def panel(validity: Mapping[str, Estimate]) -> dict[str, float]:
    """Weights of rewards in a panel by their validity, 2 AUC - 1 (Somers' D), that sum to 1.

    A reward whose interval reaches down to chance has weight 0: noise that came out at 0.53 does not move the panel.
    Where none is above chance all weights are 0: there is no panel.
    """
    worth = {name: 2 * area.value - 1 if area.low > CHANCE else 0.0 for name, area in validity.items()}
    total = sum(worth.values())
    return {name: weight / total if total else 0.0 for name, weight in worth.items()}
