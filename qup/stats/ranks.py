"""Rank statistics between two quantities over arms."""

from typing import Any

import numpy as np

from qup.stats.spread import Array


def tau(first: Array, second: Array) -> Array:
    """Kendall's tau-a between the rows of two (..., arms) arrays: mean sign product over pairs of arms."""
    i, j = np.triu_indices(first.shape[-1], k=1)
    agree: Any = np.sign(first[..., i] - first[..., j]) * np.sign(second[..., i] - second[..., j])
    out: Array = agree.mean(axis=-1)
    return out


def spearman(first: Array, second: Array) -> Array:
    """Spearman's rank correlation between the rows of two (..., arms) arrays; 0 where a row is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(x, axis=-1) - (x.shape[-1] + 1) / 2 for x in (first, second))
    scale = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    out: Array = np.where(scale > 0, (a * b).sum(axis=-1) / np.where(scale > 0, scale, 1.0), 0.0)
    return out


def midranks(values: Array) -> Array:
    """Ranks from 1 of a few values, (arms,); those that tie have the mean of theirs.

    SciPy's `rankdata` takes ten times as long for so few, and foresight ranks thousands of times.
    """
    below, level = (compare(values, values[:, None]).sum(axis=1) for compare in (np.less, np.equal))
    out: Array = below + (level + 1) / 2
    return out
