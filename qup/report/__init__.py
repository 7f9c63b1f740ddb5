"""The report: tables, plots and a page from the records of all arms. Equal records give equal bytes.

>>> report = build(study, {"rejection_sampling": arm, ...}, base_evals, checks, traces)  # doctest: +SKIP
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qup.params import Study, parse_arm
from qup.records import Eval, Trace
from qup.report.data import ArmData, Inputs

__all__ = ["ArmData", "Plot", "Report", "build"]


@dataclass(frozen=True)
class Plot:
    """One plot in the three forms it is kept in."""

    svg: str
    spec: dict[str, Any]
    "Vega-Lite, with its data."
    png: bytes


@dataclass(frozen=True)
class Report:
    """Numbers, words and pictures of a study."""

    summary: dict[str, Any]
    markdown: str
    html: str
    plots: dict[str, Plot]


def build(
    study: Study,
    arms: Mapping[str, ArmData],
    base_evals: Sequence[Eval],
    checks: dict[str, Any],
    traces: Sequence[Trace],
) -> Report:
    """Measure all arms and write them up; `checks` are the counts of the problems' own checks."""
    from qup.report import measure, page, plots, tables

    names = {arm: parse_arm(arm, study) for arm in arms}
    inputs = Inputs(study, dict(arms), names, list(base_evals), checks, list(traces))
    summary = tables.summarize(inputs, measure.measure(inputs))
    drawn = {name: Plot(svg, spec, png) for name, (svg, spec, png) in plots.draw(inputs, summary).items()}
    return Report(summary, page.markdown(summary, drawn), page.html(summary, drawn), drawn)
