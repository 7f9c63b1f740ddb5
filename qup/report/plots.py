"""The plots as SVG, Vega-Lite and PNG, drawn without a browser."""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qup.report import adaptation_plot, charts, dial_plot, drift_plot, factorial_plot, map_plot, quality_plot
from qup.report.charts import COLOURS, FONT
from qup.report.contents import Numbers
from qup.report.evidence import Evidence
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

FONTCONFIG = "FONTCONFIG_FILE"
"Environment variable: which fonts there are, as fontconfig reads it."


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
    with _shipped_fonts():
        return {name: _render(name, drawing, pixels) for name, drawing in drawings.items() if drawing.rows}


@contextlib.contextmanager
def _shipped_fonts() -> Iterator[None]:
    """No fonts but those inside vl-convert: a machine's own Liberation Sans, of another version, draws other pixels."""
    with tempfile.TemporaryDirectory() as empty:
        config = Path(empty, "fonts.conf")
        config.write_text(f"<fontconfig><dir>{empty}</dir></fontconfig>", encoding="utf-8")
        before = os.environ.get(FONTCONFIG)
        os.environ[FONTCONFIG] = str(config)
        try:
            yield
        finally:
            del os.environ[FONTCONFIG]
            os.environ.update({} if before is None else {FONTCONFIG: before})


def _render(name: str, drawing: Drawing, pixels: bool) -> Plot:
    import vl_convert

    spec: dict[str, Any] = drawing.chart(drawing.rows).to_dict()
    drawn: str = vl_convert.vegalite_to_svg(spec)
    svg = _named(name, drawn)
    # What `vegalite_to_png` makes too, without laying the chart out a second time.
    png = bytes(vl_convert.svg_to_png(drawn, scale=2)) if pixels else b""
    return Plot(svg, spec, png, drawing.rows, _views(name, drawing, svg))


def _views(name: str, drawing: Drawing, whole: str) -> tuple[View, ...]:
    """A picture per panel, or the whole."""
    import vl_convert

    panels: dict[str, Rows] = {}
    for row in drawing.rows:
        panels.setdefault(drawing.panel(row), []).append(row)
    if len(panels) < 2:
        return (View(next(iter(panels)), drawing.text, whole),)
    # The title stands once above them all.
    specs = {panel: drawing.chart(rows).properties(title="").to_dict() for panel, rows in panels.items()}
    return tuple(
        View(panel, drawing.text, _named(f"{name}-{at}", vl_convert.vegalite_to_svg(spec)))
        for at, (panel, spec) in enumerate(specs.items())
    )


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
