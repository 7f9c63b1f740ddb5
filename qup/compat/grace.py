"""GRACE (2511.02833): how well the gradients of some traces of a stream span those of others.

As its authors' code has it (abhishekpanigrahi1996/GRACE, GRACE_computation.py): with G the projected gradients of the
mean loss of each trace of nine tenths of the problems, each scaled to length 1, and K = G'G / n,
    GRACE = trace(K^-1 K_test), K_test that of the other traces, not scaled,
where each eigenvalue w of K is (1 - s) w + s mean(w), s = 0.001. Ours differs in three ways: one trace a problem where
they have four, each problem left out once where they draw ten random tenths, and another projection
(qup/backends/_gradients.py). A trace's value is g' K^-1 g, of which theirs is the mean.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import NonNegativeInt
from pydantic.dataclasses import dataclass

from qup import seeds
from qup.compat import Pass, Role, Seen
from qup.settings import STRICT

FOLDS = 10
SMOOTHING = 1e-3
LEAST = 1e-12
"What lengths and eigenvalues are at least."
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, config=STRICT)
class Metric:
    """g' K^-1 g of each trace's gradient, K of the problems of the other folds."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    dimension: NonNegativeInt = 0
    "Of the projected gradients, 1024 as its authors have it; 0: none, for a backward pass a trace is no small cost."

    def over(self, stream: Sequence[Seen]) -> list[dict[str, float]]:
        """`grace`, of a stream of twenty traces or more; no value unless it has a dimension."""
        gradients = [seen.gradient for seen in stream if seen.gradient is not None]
        if not self.dimension or len(gradients) < len(stream) or len(stream) < 2 * FOLDS:
            return [{} for _ in stream]
        rows = np.array(gradients)
        folds = np.array([seeds.derive(0, "grace", seen.problem.id) % FOLDS for seen in stream])
        values = np.full(len(rows), np.nan)
        for fold in range(FOLDS):
            told = folds == fold
            values[told] = scores(rows[~told], rows[told])
        # What is not a number is no value.
        return [{"grace": float(value)} for value in values]


def scores(taught: Matrix, told: Matrix) -> Matrix:
    """g' K^-1 g of each row of `told`, K of the rows of `taught`: arrays of (traces, dimension)."""
    from threadpoolctl import threadpool_limits

    scaled = taught / np.maximum(np.linalg.norm(taught, axis=1, keepdims=True), LEAST)
    # One thread: how a sum is split would move its last digits.
    with threadpool_limits(1):
        sizes, directions = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        sizes = np.maximum(sizes, LEAST)
        smooth = (1 - SMOOTHING) * sizes + SMOOTHING * sizes.mean()
        found: Matrix = ((told @ directions) ** 2 / smooth).sum(axis=1)
    return found
