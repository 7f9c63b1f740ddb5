"""Compatibility before training: every metric's mean over the traces of each arm."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qup.report.evidence import Evidence
from qup.report.numbers import Missing, Number
from qup.report.view import Cell, Section, Table, number


@dataclass(frozen=True)
class Metrics:
    """Means over traces."""

    by_arm: dict[str, dict[str, Number]]
    "Arm to metric to its mean; a metric that an arm has not has no key."
    nulls: list[str]
    "Those that know nothing of the learner."


def numbers(evidence: Evidence, arms: Iterable[str]) -> Metrics:
    """The metrics of these arms."""
    drawn = evidence.traces.metrics
    means: dict[str, dict[str, Number]] = {arm: {} for arm in arms}
    for arm, name in sorted(drawn):
        if arm in means:
            means[arm][name] = evidence.boot.estimate(drawn[arm, name])
    return Metrics(means, sorted(evidence.traces.nulls))


def show(metrics: Metrics, labels: Mapping[str, str]) -> Section:
    """A column per arm; null metrics stand last."""
    absent, columns = Missing("not measured"), metrics.by_arm.values()
    names = sorted({name for means in columns for name in means}, key=lambda name: (name in metrics.nulls, name))
    rows = [[Cell(name), *(number(means.get(name, absent), 3) for means in columns)] for name in names]
    text = "Means over traces, from one forward pass of the untrained learner; null metrics stand last."
    table = Table(["metric", *(labels[arm] for arm in metrics.by_arm)], rows)
    return Section("Compatibility before training", [text], tables=[table] if rows else [], folded=True)
