"""Means over held-out problems and replicates, which add and subtract with all that their standard errors need."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from qup.stats.estimates import Estimate, student_estimate
from qup.stats.spread import Array, Spread

Key = Hashable
"Which replicates a group is of, a tuple of their numbers: equal keys are the same replicates, in the same order."


@dataclasses.dataclass(frozen=True, eq=False)
class Crossed:
    """A linear combination of accuracies, each (R, P) of R replicates and the same P problems in the same order.

    NaN marks a problem without an answer; only problems that every part has an answer to count. Groups of different
    keys are independent samples of replicates, paired by problem; within a key replicates are paired too.

    >>> trained = Crossed.random(np.array([[1.0, 0.5], [0.5, 0.5]]), key=(1, 2))
    >>> trained.minus(Crossed.fixed(np.array([0.25, 0.25]))).estimate(0.95).value
    0.375
    """

    groups: Mapping[Key, Array]
    "Key to its (R, P) part."
    constant: Array
    "The part that no replicate is of, (P,)."

    @classmethod
    def random(cls, values: Array, key: Key) -> "Crossed":
        """Of (R, P) accuracies of R replicates."""
        return cls({key: values}, np.zeros(values.shape[-1]))

    @classmethod
    def fixed(cls, values: Array) -> "Crossed":
        """Of one accuracy per problem, (P,), of a learner of which there is but one: the untrained."""
        return cls({}, values)

    @classmethod
    def macro(cls, sets: Sequence["Crossed"]) -> "Crossed":
        """Their mean, each set of problems counting alike, of the same learners: the macro-average of benchmarks.

        Over all problems, each a P / (S P_s) of S sets and P problems in all. A set's problems vary about the set's own
        mean: the benchmarks are as they are and would not be drawn anew, their problems would.

        >>> Crossed.macro([Crossed.fixed(np.array([1.0, 0.0])), Crossed.fixed(np.array([0.0]))]).estimate(0.95).value
        0.25

        Raises:
            ValueError: the sets were not answered by the same replicates.
        """
        sets = [each._answered() for each in sets]
        if any(each.groups.keys() != sets[0].groups.keys() for each in sets):
            raise ValueError("a mean of sets needs the same replicates in each")
        return cls(
            {key: _joined([each.groups[key] for each in sets]) for key in sets[0].groups},
            _joined([each.constant for each in sets]),
        )

    def _answered(self) -> "Crossed":
        """The same on the problems that every part has an answer to."""
        there = np.isfinite(self.by_problem())
        return Crossed({key: values[:, there] for key, values in self.groups.items()}, self.constant[there])

    def plus(self, other: "Crossed") -> "Crossed":
        """The sum."""
        groups = dict(self.groups)
        for key, values in other.groups.items():
            if key in groups and groups[key].shape != values.shape:
                raise ValueError(f"replicates {key!r}: shapes {groups[key].shape} and {values.shape} must be the same")
            groups[key] = groups[key] + values if key in groups else values
        return Crossed(groups, self.constant + other.constant)

    def minus(self, other: "Crossed") -> "Crossed":
        """The difference."""
        return self.plus(other.scaled(-1.0))

    def scaled(self, factor: float) -> "Crossed":
        """Times a number."""
        return Crossed({key: factor * values for key, values in self.groups.items()}, factor * self.constant)

    @property
    def replicates(self) -> int | None:
        """Of the group that has fewest; None where nothing was trained."""
        return min((len(values) for values in self.groups.values()), default=None)

    def by_problem(self) -> Array:
        """The value of each problem, (P,); NaN where a part has none."""
        return self.constant + sum((values.mean(axis=0) for values in self.groups.values()), np.zeros(()))

    def estimate(self, level: float) -> Estimate | None:
        """The mean with its interval; None if no problem has all parts.

        With one replicate, or none, it is over problems only: Student's t with P - 1 degrees of freedom.
        """
        shared = np.isfinite(self.by_problem())
        n = int(shared.sum())
        if not n:
            return None
        value, spread = two_parts([values[:, shared] for values in self.groups.values()], self.constant[shared])
        if n == 1:
            return Estimate(float(value), -np.inf, np.inf, 1, np.inf, self.replicates)
        if not any(len(values) > 1 for values in self.groups.values()):
            plain = student_estimate(float(value), n, float(spread.se), n - 1, level)
            return dataclasses.replace(plain, replicates=self.replicates)
        bare = Estimate(
            float(value), 0.0, 0.0, n, float(spread.se), self.replicates, float(spread.df(level)), _as_floats(spread)
        )
        low, high = bare.interval(level)
        return dataclasses.replace(bare, low=low, high=high)

    def rate(self, level: float) -> Estimate | None:
        """`estimate` of a rate, kept within 0 and 1; at 0 or 1, where nothing varies, Clopper-Pearson over problems."""
        mean = self.estimate(level)
        if mean is None or mean.value not in (0.0, 1.0):
            return mean and dataclasses.replace(mean, low=max(mean.low, 0.0), high=min(mean.high, 1.0))
        from scipy.stats import binomtest

        exact = binomtest(round(mean.value * mean.n), mean.n).proportion_ci(level)
        return dataclasses.replace(mean, low=float(exact.low), high=float(exact.high))


def _joined(sets: Sequence[Array]) -> Array:
    """(..., P_s) values of S sets as (..., P), whose mean is the mean of the sets' means.

    About that mean they vary by so much that the variance of all P, over P, is the mean of sets': the sum of each
    set's own, over P_s, by S squared.
    """
    total = sum(values.shape[-1] for values in sets)
    means = [values.mean(axis=-1, keepdims=True) for values in sets]
    scaled = []
    for values, mean in zip(sets, means, strict=True):
        size = values.shape[-1]
        unbiased = np.sqrt(size / (size - 1) * (total - 1) / total) if size > 1 else 1.0
        scaled.append((values - mean) * unbiased * total / (len(sets) * size))
    out: Array = np.concatenate(scaled, axis=-1) + sum(means) / len(sets)
    return out


def two_parts(groups: Sequence[Array], constant: Array) -> tuple[Array, Spread]:
    """The mean and the parts of its squared standard error, of (..., R, P) groups and a (..., P) constant.

    Leading axes are as many studies. Of P = 1 the parts are 0.
    """
    size = constant.shape[-1]
    by_problem = constant + sum((values.mean(axis=-2) for values in groups), np.zeros(()))
    value = by_problem.mean(axis=-1)
    total = by_problem.var(axis=-1, ddof=1) / size if size > 1 else np.zeros_like(value)
    seen = [_mean_squares(values) for values in groups if values.shape[-2] > 1 and size > 1]
    inner = sum((noise for _, noise, _ in seen), np.zeros_like(value))
    return value, Spread(
        (np.maximum(0.0, total - inner), float(max(size - 1, 1))), tuple((rows, float(df)) for rows, _, df in seen)
    )


def _as_floats(spread: Spread) -> Spread:
    parts = [(float(variance), float(df)) for variance, df in (spread.problems, *spread.groups)]
    return Spread(parts[0], tuple(parts[1:]))


def _mean_squares(values: Array) -> tuple[Array, Array, int]:
    """MS_R / (R P) and MS_RP / (R P) of (..., R, P), and R - 1."""
    count, size = values.shape[-2:]
    rows, columns = values.mean(axis=-1, keepdims=True), values.mean(axis=-2, keepdims=True)
    left = values - rows - columns + values.mean(axis=(-2, -1), keepdims=True)
    noise = (left**2).sum(axis=(-2, -1)) / ((count - 1) * (size - 1))
    return rows[..., 0].var(axis=-1, ddof=1) / count, noise / (count * size), count - 1
