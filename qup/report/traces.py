"""What is known of all streams before training: rewards, metrics and perplexities over problems, with their draws."""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qup import stats
from qup.compat import Role, quarter
from qup.measured import Measured, by_trace
from qup.report.drawn import Drawn, Key
from qup.report.exams import Aligned, Places
from qup.rewards import Reward
from qup.stats import Array, Bootstrap, Crossed, Draws, Estimate

PANEL = "panel"
"The reward that averages a trace's rewards, each in standard deviations over the traces of all arms, by validity."
POPULATION = "train"
"Under which the training problems are drawn."
MICRO, MACRO, MEDIAN = "micro", "macro", "median"
"Perplexity of all tokens; the geometric mean of traces' perplexities, and their median: the plain mean is the tail's."
Columns = dict[Key, Array]
"(Arm, name of a reward or metric) to its values over problems, NaN where there is none."
REWARDS, METRICS, PPL = "rewards", "metrics", "ppl"
"Kinds of what is drawn of an arm."
Kinds = dict[str, dict[str, Draws]]
"Kind to name to draws."
Sums = tuple[Array, Array]
"Above and below, (P,) of an arm's problems: the quantity is a ratio of their sums. 0 where there is none."


@dataclass(frozen=True, eq=False)
class Traces:
    """The streams of all arms."""

    boot: Bootstrap
    judges: Mapping[str, Reward]
    "The study's rewards."
    arms: Mapping[str, Measured]
    weights: Mapping[str, float]
    "Of the rewards in the panel, by their validity."
    beside: Collection[str] = ()
    "The arms beside the main ones. Drawn apart from these: most sections ask for the one or the other."

    @cached_property
    def problems(self) -> list[str]:
        """Ids of the problems of any stream, sorted."""
        return sorted({problem for arm in self.arms.values() for problem in arm.problems})

    @cached_property
    def _onto(self) -> Aligned:
        return Aligned(self.problems)

    def perceives(self, reward: str) -> bool:
        """Whether a reward perceives quality; a grader checks the answer instead, and is no part of the panel."""
        return bool(getattr(self.judges.get(reward), "perceives", True))

    @cached_property
    def reward_names(self) -> list[str]:
        """The study's rewards, then others that arms have, then the panel if there is one."""
        return list(dict.fromkeys(name for _, name in self.reward_columns)) or list(self.judges)

    @property
    def primary(self) -> str | None:
        """The reward that verdicts go by: the first that perceives quality."""
        return next(filter(self.perceives, self.reward_names), next(iter(self.reward_names), None))

    @cached_property
    def reward_columns(self) -> Columns:
        """The values of every reward and of the panel."""
        absent = np.full(len(self.problems), np.nan)
        rewards = [*self.judges, *(name for arm in self.arms.values() for name in arm.rewards)]
        columns = {
            (name, reward): self._over_problems(arm, arm.rewards[reward]) if reward in arm.rewards else absent
            for reward in dict.fromkeys(rewards)
            for name, arm in self.arms.items()
        }
        return columns | self._panel(columns)

    def _panel(self, columns: Columns) -> Columns:
        """The weighted mean of the valid rewards; none where fewer than two are: then there is nothing to average."""
        scaled: dict[str, list[Array]] = {arm: [] for arm in self.arms}
        weights = []
        for reward in filter(self.perceives, dict.fromkeys(name for _, name in columns)):
            values = np.concatenate([columns[arm, reward] for arm in self.arms])
            values = values[np.isfinite(values)]
            weight = self.weights.get(reward, 0.0)
            if weight > 0 and len(values) and values.std() > 0:
                weights.append(weight)
                for arm, parts in scaled.items():
                    parts.append((columns[arm, reward] - values.mean()) / values.std())
        if len(weights) < 2:
            return {}
        return {(arm, PANEL): np.average(parts, axis=0, weights=weights) for arm, parts in scaled.items()}

    def lengths(self, arms: Sequence[str]) -> Array:
        """Completion tokens of a trace, (arms, problems): mean over a problem's traces, as its rewards are."""
        return np.array([self._over_problems(self.arms[arm], by_trace.tokens(self.arms[arm])) for arm in arms])

    @cached_property
    def rewards(self) -> Drawn:
        """Q, the mean reward of a stream's traces."""
        return Drawn(_finite(self.reward_columns), lambda arm: self._drawn(arm)[REWARDS])

    def metric_columns(self, metric: str) -> Columns:
        """The values of one compatibility metric."""
        return {
            (name, metric): self._over_problems(arm, arm.metrics[metric])
            for name, arm in self.arms.items()
            if metric in arm.metrics
        }

    @cached_property
    def metrics(self) -> Drawn:
        """The mean of every compatibility metric over traces."""
        own = {(name, metric): values for name, arm in self.arms.items() for metric, values in arm.metrics.items()}
        return Drawn(_finite(own), lambda arm: self._drawn(arm)[METRICS])

    @cached_property
    def nulls(self) -> set[str]:
        """The metrics that know nothing of the learner and must stand beside those that do."""
        return {metric for arm in self.arms.values() for metric, role in arm.roles.items() if role == Role.NULL}

    @cached_property
    def parser(self) -> str | None:
        """The metric plug that reads logic and style off a trace; None where there is none for these problems."""
        plugs = (arm.plugs[key] for arm in self.arms.values() for key, role in arm.roles.items() if role == Role.TRUTH)
        return next(plugs, None)

    @cached_property
    def perplexity(self) -> dict[tuple[str, str], Estimate]:
        """(Arm, `micro`, `macro`, `median` or quarter `1` to `4`) to the untrained learner's perplexity.

        Intervals are of its logarithm, for a perplexity is skewed.
        """
        return {(name, kind): each for name, arm in self.arms.items() for kind, each in self._perplexity(arm).items()}

    def _perplexity(self, arm: Measured) -> dict[str, Estimate]:
        logs = {kind: stats.ratio(*sums, self.boot.level) for kind, sums in _nats(arm).items()}
        by_trace = _by_trace(arm)
        logs |= {MACRO: stats.mean(by_trace, self.boot.level), MEDIAN: stats.median(by_trace, self.boot.level)}
        return {kind: each.exp() for kind, each in logs.items() if each}

    @cached_property
    def ppl(self) -> Drawn:
        """(Arm, `micro`, `macro` or quarter) to draws of the same, for statistics over arms and paired differences."""
        keys = [
            (name, kind) for name, arm in self.arms.items() for kind, sums in self._logs(arm).items() if any(sums[1])
        ]
        return Drawn(keys, lambda arm: {kind: log.exp() for kind, log in self._drawn(arm)[PPL].items()})

    def _drawn(self, arm: str) -> Kinds:
        """What is drawn of an arm."""
        return self._draw(self._alike[arm])[arm]

    @cached_property
    def _alike(self) -> dict[str, tuple[str, ...]]:
        """Arm to those that are drawn with it: of the same problems, and main ones or not as it is."""
        groups: dict[tuple[bool, bytes], list[str]] = {}
        for name, arm in self.arms.items():
            groups.setdefault((name in self.beside, self._onto.places(arm.problems).tobytes()), []).append(name)
        return {name: tuple(group) for group in groups.values() for name in group}

    @cached_property
    def _draw(self) -> Callable[[tuple[str, ...]], dict[str, Kinds]]:
        """Arms of the same problems to what is drawn of them: made when first asked for, and kept."""
        return functools.cache(self._drawn_together)

    def _drawn_together(self, arms: tuple[str, ...]) -> dict[str, Kinds]:
        """All at once: a pass over the draws costs more than the sums."""
        rows = self._onto.places(self.arms[arms[0]].problems)
        sums = {(arm, *key): own for arm in arms for key, own in self._sums(arm, rows).items()}
        above, below = (np.array(side).T for side in zip(*sums.values(), strict=True))
        among = None if len(rows) == len(self.problems) else (rows, len(self.problems))
        drawn: dict[str, Kinds] = {arm: {REWARDS: {}, METRICS: {}, PPL: {}} for arm in arms}
        for (arm, kind, name), draws in zip(sums, self.boot.ratios(above, below, POPULATION, among), strict=True):
            drawn[arm][kind] |= {name: draws} if draws else {}
        return drawn

    def _sums(self, name: str, rows: Places) -> dict[tuple[str, str], Sums]:
        """(Kind, name) to the ratio, over an arm's own problems, which stand in these `rows`."""
        arm = self.arms[name]
        rewards = {reward: values[rows] for (own, reward), values in self.reward_columns.items() if own == name}
        sums = {(REWARDS, reward): _mean(values) for reward, values in rewards.items()}
        sums |= {(METRICS, metric): _mean(values) for metric, values in arm.metrics.items()}
        return sums | {(PPL, kind): own for kind, own in self._logs(arm).items()}

    def _logs(self, arm: Measured) -> dict[str, Sums]:
        """`micro`, each quarter and `macro` to the ratio that is the logarithm of this perplexity."""
        nats = {kind: (np.nan_to_num(nll), np.nan_to_num(tokens)) for kind, (nll, tokens) in _nats(arm).items()}
        return nats | {MACRO: _mean(_by_trace(arm))}

    def paired(self, columns: Columns, name: str, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Estimate]:
        """Mean of a reward or metric, first minus second, on the problems of which both have a value."""
        there = [(a, b) for a, b in pairs if (a, name) in columns and (b, name) in columns]
        gaps = {(a, b): Crossed.fixed(columns[a, name] - columns[b, name]) for a, b in there}
        estimates = {pair: gap.estimate(self.boot.level) for pair, gap in gaps.items()}
        return {pair: estimate for pair, estimate in estimates.items() if estimate}

    def _over_problems(self, arm: Measured, values: Array) -> Array:
        return self._onto(values, arm.problems)


def _finite(columns: Columns) -> Iterable[Key]:
    """The keys of those that have any value."""
    return (key for key, values in columns.items() if np.isfinite(values).any())


def _mean(values: Array) -> Sums:
    """The mean of what is there as a ratio."""
    there = np.isfinite(values)
    return np.where(there, values, 0.0), there.astype(np.float64)


def _by_trace(arm: Measured) -> Array:
    """NLL per token of each problem's traces, nats."""
    return arm.nll / arm.tokens


def _nats(arm: Measured) -> dict[str, Sums]:
    """`micro` and each quarter to NLL and tokens of the traces; NaN where there is none."""
    return {MICRO: (arm.nll, arm.tokens), **_quarters(arm)}


def _quarters(arm: Measured) -> dict[str, Sums]:
    """Quarter to its NLL and its tokens, the trace's weight: a trace counts by its tokens in that quarter."""
    sums = {}
    for q in quarter.QUARTERS:
        mean = arm.metrics.get(quarter.key(q))
        if mean is not None:
            weight = quarter.tokens_in(q, arm.tokens)
            sums[str(q)] = (mean * weight, np.where(np.isfinite(mean), weight, np.nan))
    return sums
