"""The report: tables, plots and a page from the records of all arms. Equal records give equal bytes.

>>> report = build(study, {"rejection_sampling": arm, ...}, base_evals, checks, traces, {})  # doctest: +SKIP
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qup.params import Study, control_arms, parse_arm
from qup.records import Eval, Step, Trace
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


def build(  # noqa: PLR0917 - the records of seven kinds, and no two of them travel together
    study: Study,
    arms: Mapping[str, ArmData],
    base_evals: Sequence[Eval],
    checks: dict[str, Any],
    traces: Sequence[Trace],
    controls: Mapping[str, ArmData],
    pretraining: Sequence[Step] = (),
) -> Report:
    """Measure all arms and write them up; `checks` are the counts of the problems' own checks.

    `controls` are the arms that only the study's controls name; they stand in a section of their own. `pretraining` is
    the curve of a learner that the study made itself.
    """
    from qup.report import page, plots, tables

    names = {arm: parse_arm(arm, study) for arm in [*arms, *controls, *control_arms(study, [*arms, *controls])]}
    inputs = Inputs(study, dict(arms), names, list(base_evals), checks, list(traces), dict(controls), pretraining)
    summary = tables.summarize(inputs)
    drawn = {name: Plot(svg, spec, png) for name, (svg, spec, png) in plots.draw(inputs, summary).items()}
    return Report(summary, page.markdown(summary, drawn), page.html(summary, drawn), drawn)
