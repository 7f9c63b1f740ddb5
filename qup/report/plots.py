"""The plots as SVG, Vega-Lite and PNG, drawn without a browser."""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qup.report import adaptation_plot, dial_plot, map_plot
from qup.report.contents import Numbers
from qup.report.evidence import Evidence
from qup.report.plot_rows import (
    Rows,
    curve_rows,
    dose_rows,
    oracles,
    pretraining_rows,
    quality_rows,
    quarter_rows,
    stream_label,
)
from qup.report.sections import dial
from qup.report.sections.dose import TITLES

FONT = "Liberation Sans"
"Ships inside vl-convert, so that widths and bytes do not depend on the machine's fonts."
FONTCONFIG = "FONTCONFIG_FILE"
"Environment variable: which fonts there are, as fontconfig reads it."
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#7F7F7F", "#8C510A", "#5E3C99")
"Okabe and Ito's colour-blind-safe set, its yellow darkened, and three more."
WIDTH, HEIGHT = 360, 220
GREY = "#8a8a8a"


@dataclass(frozen=True)
class Plot:
    """One plot in the forms it is kept in."""

    svg: str
    spec: dict[str, Any]
    "Vega-Lite, with its data."
    png: bytes
    rows: Rows
    "The data alone."

    def files(self, name: str) -> dict[str, bytes]:
        """Its files in the report's folder."""
        spec = json.dumps(self.spec) + "\n"
        return {f"{name}.svg": self.svg.encode(), f"{name}.png": self.png, f"{name}.vl.json": spec.encode()}


def draw(evidence: Evidence, numbers: Numbers) -> dict[str, Plot]:
    """The plots there is data for, by name."""
    tables, scale = numbers.tables, _colours(evidence)
    drawings: dict[str, tuple[Rows, Callable[[Rows], Any]]] = {
        "quality-utility": (quality_rows(tables), partial(_quality_utility, reward=tables.primary, scale=scale)),
        "ppl-quarters": (quarter_rows(tables.rows, tables.groups), partial(_quarters, scale=scale)),
        "training-curves": (curve_rows(evidence.arms.values(), evidence.objectives), partial(_curves, scale=scale)),
        "adaptation": (adaptation_plot.rows(evidence), partial(_adaptation, scale=scale)),
        "maps": (map_plot.rows(numbers.maps), _maps),
        dial.PLOT: (dial_plot.rows(tables.rows, dial.alphas(evidence)), partial(_dial, scale=scale)),
        "dose-response": (dose_rows(numbers.controls.values(), evidence.objectives), _doses),
        "pretraining": (pretraining_rows(evidence.base.pretraining), _pretraining),
    }
    return render(drawings)


def render(drawings: Mapping[str, tuple[Rows, Callable[[Rows], Any]]]) -> dict[str, Plot]:
    """Charts of rows as plots, by name; one without rows is left out."""
    with _shipped_fonts():
        return {name: _render(name, chart(rows), rows) for name, (rows, chart) in drawings.items() if rows}


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


def _render(name: str, chart: Any, rows: Rows) -> Plot:
    import vl_convert

    spec: dict[str, Any] = chart.to_dict()
    svg = vl_convert.vegalite_to_svg(spec)
    # What `vegalite_to_png` makes too, without laying the chart out a second time.
    png = bytes(vl_convert.svg_to_png(svg, scale=2))
    svg = svg.replace(f'font-family="{FONT}"', f'font-family="{FONT}, Arial, Helvetica, sans-serif"')
    # Gradients are numbered over the whole process, so a second report would have other bytes.
    gradients = list(dict.fromkeys(re.findall(r'id="(gradient_\d+)"', svg)))
    svg = re.sub(r"\bgradient_\d+", lambda match: f"gradient-{gradients.index(match[0])}", svg)
    # Clip paths are numbered from 0 in each SVG; inline in one page, the first would cut all the others.
    svg = re.sub(r'(\bid="|url\(#)', rf"\g<1>{name}-", svg)
    return Plot(svg, spec, png, rows)


def _colours(evidence: Evidence) -> Any:
    import altair as alt

    names = list(dict.fromkeys(stream_label(arm.refiner) for arm in evidence.arms.values()))
    return alt.Scale(domain=names, range=[COLOURS[i % len(COLOURS)] for i in range(len(names))])


def finish(chart: Any, title: str) -> Any:
    """A chart as all of ours look."""
    return (
        chart.properties(title=title, background="white")
        .configure(font=FONT, padding=6)
        .configure_axis(labelFontSize=11, titleFontSize=12, titleFontWeight="normal", gridColor="#e4e4e4", tickCount=6)
        .configure_legend(
            labelFontSize=11, titleFontSize=11, orient="bottom", columns=2, symbolSize=70, symbolBaseFillColor=GREY
        )
        .configure_header(
            labelFontSize=12, labelFontWeight="bold", titleFontSize=0, labelOrient="top", labelAnchor="start"
        )
        .configure_title(fontSize=13, anchor="start", offset=8)
        .configure_view(stroke="#cccccc")
    )


def _quality_utility(rows: Rows, reward: str | None, scale: Any) -> Any:
    import altair as alt

    colour = alt.Color("stream:N", scale=scale, title="stream")
    left, right = min(r["q_low"] for r in rows), max(r["q_high"] for r in rows)
    # The names beside the points need space at the right.
    room = 0.45 * (right - left) or 1.0
    scale_x = alt.Scale(domain=[left - room / 4, right + room], nice=False)
    x = alt.X("q_value:Q", title=f"perceived quality Q: mean {reward}", scale=scale_x)
    height = "utility U, accuracy points over base"
    y = alt.Y("u_value:Q", title=height)
    base = alt.Chart()
    layers = [
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.datum(0)),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("q_low:Q", scale=scale_x), x2="q_high:Q", y=y, color=colour),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y="u_low:Q", y2="u_high:Q", color=colour),
        base.mark_point(filled=True, size=80, opacity=1).encode(
            x=x, y=y, color=colour, shape=alt.Shape("oracle:N", title="Oracle", sort=oracles(rows))
        ),
        base.mark_text(align="left", dx=7, dy=-7, fontSize=11).encode(
            x=x, y=alt.Y("name_at:Q", title=height), text="arm:N", color=colour
        ),
    ]
    return _stacked(layers, rows, "panel", "Quality against utility", columns=2)


def _quarters(rows: Rows, scale: Any) -> Any:
    import altair as alt

    kind = "log" if max(r["high"] for r in rows) > 10 * min(r["low"] for r in rows) else "linear"
    y = alt.Y("value:Q", title="perplexity of the untrained learner", scale=alt.Scale(zero=False, type=kind))
    x = alt.X("quarter:O", title="quarter of the trace", axis=alt.Axis(labelAngle=0))
    colour = alt.Color("stream:N", scale=scale, title="stream")
    base = alt.Chart()
    layers = [
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        base.mark_point(filled=True, size=45, opacity=1).encode(x=x, y=y, color=colour),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q", title=""), y2="high:Q", color=colour),
    ]
    return _stacked(layers, rows, "group", "Perplexity by quarter of the trace, per Oracle")


def _curves(rows: Rows, scale: Any) -> Any:
    import altair as alt

    nats = {row["objective"] for row in rows} <= {"SFT", "DFT"}
    title = "loss, nats per token (DFT: weighted)" if nats else "loss per token, each objective's own"
    line = (
        alt.Chart()
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("tokens:Q", title="completion tokens trained on", axis=alt.Axis(format="~s")),
            y=alt.Y("loss:Q", title=title, scale=alt.Scale(zero=False)),
            color=alt.Color("stream:N", scale=scale, title="stream"),
            strokeDash=alt.StrokeDash("oracle:N", title="Oracle", sort=oracles(rows)),
        )
    )
    return _stacked([line], rows, "objective", "Training curves, mean over replicates", independent=True)


def _adaptation(rows: Rows, scale: Any) -> Any:
    return finish(adaptation_plot.chart(rows, scale), "Adaptation of the SFT learners; below: costs beside RFT's")


def _dial(rows: Rows, scale: Any) -> Any:
    return _stacked(dial_plot.layers(rows, scale), rows, "decoding", "Utility by the objective's a", columns=2)


def _maps(rows: Rows) -> Any:
    predicted = "; dashed: V = C as predicted" * any(row["predicted"] is not None for row in rows)
    return finish(map_plot.chart(rows), f"Refined traces against RFT; brackets: not resolved{predicted}")


def _pretraining(rows: Rows) -> Any:
    import altair as alt

    line = (
        alt.Chart()
        .mark_line(strokeWidth=1.6)
        .encode(x=alt.X("step:Q", title="optimizer step"), y=alt.Y("value:Q", title=""), color=alt.value(COLOURS[0]))
    )
    return _stacked([line], rows, "quantity", "Pretraining of the learner", independent=True)


def _doses(rows: Rows) -> Any:
    import altair as alt

    groups = {title: [r for r in rows if r["quantity"] == key] for key, title in TITLES.items()}
    groups["utility U, accuracy points"] = [r for r in rows if r["quantity"] not in TITLES]
    panels = [_dose_panel(shown, title) for title, shown in groups.items() if shown]
    return finish(alt.vconcat(*panels, spacing=14), "Response to the dose of the Oracle's style")


def _dose_panel(rows: Rows, title: str) -> Any:
    """One quantity by dose; several only where they are objectives, which get a colour and step aside each other."""
    import altair as alt

    objectives = list(dict.fromkeys(row["objective"] for row in rows))
    shown = alt.Color(
        "objective:N", scale=alt.Scale(domain=objectives, range=COLOURS[: len(objectives)]), title="objective"
    )
    colour = shown if len(objectives) > 1 else alt.value(COLOURS[0])
    # Intervals at equal doses would lie on each other.
    moved = [
        row | {"at": row["dose"] + 0.012 * (objectives.index(row["objective"]) - (len(objectives) - 1) / 2)}
        for row in rows
    ]
    doses = sorted({row["dose"] for row in rows})
    x = alt.X("at:Q", title="dose", axis=alt.Axis(values=doses, format=".3~g"), scale=alt.Scale(nice=False, padding=12))
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False))
    base = alt.Chart()
    layers = [
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q", title=""), y2="high:Q", color=colour),
        base.mark_point(filled=True, size=55, opacity=1).encode(x=x, y=y, color=colour),
    ]
    return alt.layer(*layers, data=alt.Data(values=moved)).properties(width=WIDTH, height=HEIGHT * 2 // 3)


def _stacked(  # noqa: PLR0917 - what is drawn, of what, in what panels
    layers: list[Any], rows: Rows, by: str, title: str, independent: bool = False, columns: int = 1
) -> Any:
    """One panel per value of `by`, under each other, so that a phone can show them at full width."""
    import altair as alt

    panels = list(dict.fromkeys(row[by] for row in rows))
    chart = alt.layer(*layers, data=alt.Data(values=rows)).properties(width=WIDTH, height=HEIGHT)
    chart = chart.facet(alt.Facet(f"{by}:N", sort=panels, title=None), columns=columns, spacing=18)
    return finish(chart.resolve_scale(y="independent") if independent else chart, title)
