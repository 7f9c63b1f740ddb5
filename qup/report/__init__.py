"""The report: tables, plots and a page from measured arms. Equal measurements give equal bytes.

A section of the page is one file of `sections`: its numbers and its words. `contents` has their order, `page` makes
Markdown and HTML of them, `summary` makes report.json.

>>> report = build(study, base, [native, refined, aligned])  # doctest: +SKIP
>>> print(report.headlines[0])  # doctest: +SKIP
sft, Oracle home: Not resolved: no declared contrast is told from zero and above its MDE, so no winner is declared.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qup.arms import ALIGNED, HOME
from qup.measured import Base, Measured
from qup.report import contents, metrics, page, painter, plots
from qup.report.contents import Numbers
from qup.report.evidence import Evidence
from qup.report.metrics import Metrics
from qup.report.plots import Plot
from qup.report.summary import summary
from qup.study import Study

__all__ = ["Plot", "Report", "build"]


@dataclass(frozen=True)
class Report:
    """Numbers, words and pictures of a study."""

    numbers: Numbers
    metrics: Metrics
    "At most a dozen, for the refiner under comparison."
    markdown: str
    html: str
    "One page that loads nothing."
    plots: dict[str, Plot]

    @property
    def summary(self) -> dict[str, Any]:
        """The numbers as report.json has them."""
        return summary(self.numbers)

    @property
    def headlines(self) -> list[str]:
        """For the terminal: a line per verdict and per control."""
        controls = [f"control {name}: {control.outcome}" for name, control in self.numbers.controls.items()]
        verdicts = self.numbers.verdicts
        return [*(f"{each.objective}, Oracle {each.oracle}: {each.headline}" for each in verdicts), *controls]

    def files(self) -> dict[str, bytes]:
        """All files of the report, by their names in its folder."""
        numbers = json.dumps(self.summary, indent=1, ensure_ascii=False) + "\n"
        texts = {"report.json": numbers, "report.md": self.markdown, "index.html": self.html}
        drawn = [file for name, plot in self.plots.items() for file in plot.files(name).items()]
        return {name: text.encode() for name, text in texts.items()} | dict(drawn)


def build(
    study: Study,
    base: Base,
    arms: Sequence[Measured],
    further: Sequence[Measured] = (),
    *,
    oracle: str = HOME,
    refiner: str = ALIGNED,
) -> Report:
    """Compute all sections and write them up.

    `arms` are the main ones in table order, the native one first; `further` those that the study lists beside them.
    `oracle` and `refiner` say which arm is under comparison.
    """
    # It is ready by the time that there are numbers to draw.
    painter.ready()
    evidence = Evidence(study, base, {arm.name: arm for arm in arms})
    every = Evidence(study, base, {arm.name: arm for arm in [*arms, *further]}) if further else evidence
    numbers = contents.numbers(evidence, every)
    drawn = plots.draw(evidence, numbers)
    return Report(
        numbers=numbers,
        metrics=metrics.metrics(evidence, numbers, oracle, refiner),
        markdown=page.markdown(numbers, drawn),
        html=page.html(numbers, drawn),
        plots=drawn,
    )
