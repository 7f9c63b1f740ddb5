"""The plots as SVG, Vega-Lite and PNG, drawn without a browser."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from qup.report import adaptation_plot, charts, dial_plot, drift_plot, factorial_plot, map_plot, painter, quality_plot
from qup.report.charts import COLOURS, FONT
from qup.report.contents import Numbers
from qup.report.evidence import Evidence
from qup.report.painter import Painter, Picture
from qup.report.plot_rows import (
    Rows,
    curve_rows,
    dose_rows,
    pretraining_rows,
    quality_rows,
    quarter_rows,
    stream_label,
)
from qup.report.sections import dial, ways
from qup.report.sections.oracle import Row


@dataclass(frozen=True)
class Drawing:
    """What is to be drawn."""

    rows: Rows
    chart: Callable[[Rows], Any]
    text: str
    "What it shows, for who does not see it."
    panel: Callable[[Mapping[str, Any]], str] = lambda _: ""
    "Of a row: the page has a picture per panel, so that they find their places on a screen of any width."


@dataclass(frozen=True)
class View:
    """One picture on the page."""

    name: str
    "Of its panel; empty of a plot that is one."
    text: str
    svg: str


@dataclass(frozen=True)
class Plot:
    """One plot in the forms it is kept in."""

    svg: str
    spec: dict[str, Any]
    "Vega-Lite, with its data."
    png: bytes
    "Empty where none was asked for."
    rows: Rows
    "The data alone."
    views: tuple[View, ...] = ()
    "As the page has it."

    @property
    def title(self) -> str:
        """As it stands above it."""
        written = self.spec.get("title", "")
        return " ".join(written) if isinstance(written, list) else str(written)

    def files(self, name: str) -> dict[str, bytes]:
        """Its files in the report's folder."""
        spec = json.dumps(self.spec) + "\n"
        return {f"{name}.svg": self.svg.encode(), f"{name}.png": self.png, f"{name}.vl.json": spec.encode()}


def by(*keys: str) -> Callable[[Mapping[str, Any]], str]:
    """The panel of a row that its values of these keys name."""
    return lambda row: ", ".join(str(row[key]) for key in keys)


def draw(evidence: Evidence, numbers: Numbers) -> dict[str, Plot]:
    """The plots there is data for, by name."""
    tables, refiners = numbers.tables, [arm.refiner for arm in evidence.arms.values()]
    scale, beside = _colours(refiners), _ways(numbers)
    curves, alphas = curve_rows(evidence.arms.values(), evidence.objectives), dial.alphas(evidence)
    quarters = quarter_rows(tables.rows, tables.groups)
    return render(
        {
            "quality-utility": _quality(
                quality_rows(tables, beside), tables.primary, _colours([*refiners, *(row.refiner for row in beside)])
            ),
            "two-by-two": _factorial(factorial_plot.rows(numbers.logic, tables)),
            "ppl-quarters": Drawing(quarters, partial(charts.quarters, scale=scale), QUARTERS),
            "drift-split": Drawing(
                drift_plot.rows(numbers.main.compat.by_arm, numbers.labels), drift_plot.chart, SPLIT
            ),
            "training-curves": Drawing(curves, partial(charts.curves, scale=scale), CURVES, by("objective")),
            "adaptation": Drawing(adaptation_plot.rows(evidence), partial(charts.adaptation, scale=scale), HELD),
            "maps": _maps(map_plot.rows(numbers.maps)),
            dial.PLOT: Drawing(
                dial_plot.rows(tables.rows, alphas), partial(charts.dial, scale=scale), DIAL, by("decoding")
            ),
            "dose-response": Drawing(
                dose_rows(numbers.controls.values(), evidence.objectives), charts.doses, DOSES, charts.dosed
            ),
            "pretraining": Drawing(
                pretraining_rows(evidence.base.pretraining), charts.pretraining, PRETRAINING, by("quantity")
            ),
        }
    )


QUARTERS = "A line per stream: perplexity of its traces, quarter by quarter, under the untrained learner."
SPLIT = "By stream: nats more than the learner's own trace, of edited logic, of edited style and of kept context."
CURVES = "A line per stream: training loss over the completion tokens trained on."
HELD = "A line per stream: loss on held-out traces over tokens trained on; below, each cost less that of RFT."
DIAL = "A line per stream: utility over the objective's a, with intervals."
DOSES = "Perplexity, adaptation cost and utility over the dose of the Oracle's style, with intervals."
PRETRAINING = "A line over optimizer steps: how the learner learnt before the study."
QUALITY = "A point per stream: perceived quality across, utility upward, each with its interval."
FACTORIAL = (
    "Two lines, logic as written and repaired, from the learner's words to the Oracle's: utility with intervals."
)
MAPS = "A square per cell of two dials: utility of refined traces less that of RFT; in brackets what is not resolved."


def _quality(rows: Rows, reward: str | None, scale: Any) -> Drawing:
    drawn = partial(quality_plot.chart, reward=reward, scale=scale, ends=quality_plot.frame(rows))
    return Drawing(rows, drawn, QUALITY, by("panel"))


def _factorial(rows: Rows) -> Drawing:
    return Drawing(rows, partial(factorial_plot.chart, ends=factorial_plot.frame(rows)), FACTORIAL, by("panel"))


def _maps(rows: Rows) -> Drawing:
    return Drawing(rows, partial(charts.maps, reach=map_plot.reach(rows)), MAPS, by("map", "decoding"))


def render(drawings: Mapping[str, Drawing], *, pixels: bool = True) -> dict[str, Plot]:
    """Charts of rows as plots, by name; one without rows is left out. Without `pixels` no PNG, which takes longest."""
    painted = painter.ready()
    # Each is painted while the next is laid out.
    begun = [_begin(painted, name, drawing, pixels) for name, drawing in drawings.items() if drawing.rows]
    return {each.name: each.plot() for each in begun}


@dataclass(frozen=True)
class _Begun:
    """A plot that is being painted."""

    name: str
    drawing: Drawing
    spec: dict[str, Any]
    whole: Future[Picture]
    panels: dict[str, Future[Picture]]
    "Empty where the whole is the one panel."

    def plot(self) -> Plot:
        painted = self.whole.result()
        svg, rows = _named(self.name, painted.svg), self.drawing.rows
        views = tuple(
            View(panel, self.drawing.text, _named(f"{self.name}-{at}", picture.result().svg))
            for at, (panel, picture) in enumerate(self.panels.items())
        )
        alone = View(self.drawing.panel(rows[0]), self.drawing.text, svg)
        return Plot(svg, self.spec, painted.png, rows, views or (alone,))


def _begin(painted: Painter, name: str, drawing: Drawing, pixels: bool) -> _Begun:
    spec = drawing.chart(drawing.rows).to_dict()
    whole, panels = painted.paint(spec, pixels=pixels), _panels(drawing)
    # The title stands once above them all.
    specs = {panel: drawing.chart(rows).properties(title="").to_dict() for panel, rows in panels.items()}
    return _Begun(name, drawing, spec, whole, {panel: painted.paint(own, pixels=False) for panel, own in specs.items()})


def _panels(drawing: Drawing) -> dict[str, Rows]:
    """The rows of each panel; none where there is but one."""
    panels: dict[str, Rows] = {}
    for row in drawing.rows:
        panels.setdefault(drawing.panel(row), []).append(row)
    return panels if len(panels) > 1 else {}


def _named(name: str, svg: str) -> str:
    """A drawn chart, its ids beginning with a name."""
    svg = svg.replace(f'font-family="{FONT}"', f'font-family="{FONT}, Arial, Helvetica, sans-serif"')
    # Gradients are numbered over the whole process, so a second report would have other bytes.
    gradients = list(dict.fromkeys(re.findall(r'id="(gradient_\d+)"', svg)))
    svg = re.sub(r"\bgradient_\d+", lambda match: f"gradient-{gradients.index(match[0])}", svg)
    # Clip paths are numbered from 0 in each SVG; inline in one page, the first would cut all the others.
    return re.sub(r'(\bid="|url\(#)', rf"\g<1>{name}-", svg)


def _ways(numbers: Numbers) -> list[Row]:
    """The further arms that differ from the main ones in their traces alone."""
    return [numbers.further.rows[arm] for arm in ways.beside(numbers.ways)]


def _colours(refiners: Iterable[str]) -> Any:
    import altair as alt

    names = list(dict.fromkeys(map(stream_label, refiners)))
    return alt.Scale(domain=names, range=[COLOURS[i % len(COLOURS)] for i in range(len(names))])
