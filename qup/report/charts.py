"""The charts of the report, one function each: rows of plain numbers in, a Vega-Lite chart out.

A panel is narrow enough for a phone, and no letter is smaller than `LETTERS`: the page shows charts at their own size.
"""

import textwrap
from collections.abc import Mapping
from typing import Any

from qup.report import adaptation_plot, dial_plot, map_plot
from qup.report.plot_rows import Rows
from qup.report.sections.dose import TITLES
from qup.report.strokes import by_oracle

FONT = "Liberation Sans"
"Ships inside vl-convert, so that widths and bytes do not depend on the machine's fonts."
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#7F7F7F", "#8C510A", "#5E3C99")
"Okabe and Ito's colour-blind-safe set, its yellow darkened, and three more."
WIDTH, HEIGHT = 270, 200
GREY = "#8a8a8a"
INK = "#1c2024"
"Of names beside points; the page gives it the colour of its own letters."
LETTERS = 12
DOSED = "utility U, points"
TITLE = 42
"Characters of a line of a chart's title: what a panel's width holds."


def finish(chart: Any, title: str) -> Any:
    """A chart as all of ours look."""
    # Each of Altair's own `configure_` methods copies the whole chart.
    return chart.properties(title=textwrap.wrap(title, TITLE), background="white", config=_config())


def _config() -> Any:
    import altair as alt

    small = {"labelFontSize": LETTERS, "titleFontSize": LETTERS}
    return alt.Config(
        font=FONT,
        padding=4,
        axis=alt.AxisConfig(**small, titleFontWeight="normal", gridColor="#e4e4e4", tickCount=5),
        legend=alt.LegendConfig(**small, orient="bottom", columns=2, symbolSize=70, symbolBaseFillColor=GREY),
        header=alt.HeaderConfig(
            labelFontSize=LETTERS, labelFontWeight="bold", titleFontSize=0, labelOrient="top", labelAnchor="start"
        ),
        title=alt.TitleConfig(fontSize=13, anchor="start", offset=8),
        view=alt.ViewConfig(stroke="#cccccc"),
    )


def quarters(rows: Rows, scale: Any) -> Any:
    """PPL by quarter of the trace, a panel per Oracle."""
    import altair as alt

    kind = "log" if max(r["high"] for r in rows) > 10 * min(r["low"] for r in rows) else "linear"
    y = alt.Y("value:Q", title="perplexity, untrained learner", scale=alt.Scale(zero=False, type=kind))
    x = alt.X("quarter:O", title="quarter of the trace", axis=alt.Axis(labelAngle=0))
    colour = alt.Color("stream:N", scale=scale, title="stream")
    base = alt.Chart()
    layers = [
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        base.mark_point(filled=True, size=45, opacity=1).encode(x=x, y=y, color=colour),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q", title=""), y2=alt.Y2("high:Q"), color=colour),
    ]
    return stacked(layers, rows, "group", "Perplexity by quarter of the trace, per Oracle")


def curves(rows: Rows, scale: Any) -> Any:
    """Loss against tokens, a panel per objective."""
    import altair as alt

    nats = {row["objective"] for row in rows} <= {"SFT", "DFT"}
    title = "loss, nats (DFT: weighted)" if nats else "loss, each objective's own"
    line = (
        alt.Chart()
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("tokens:Q", title="completion tokens trained on", axis=alt.Axis(format="~s")),
            y=alt.Y("loss:Q", title=title, scale=alt.Scale(zero=False)),
            color=alt.Color("stream:N", scale=scale, title="stream"),
            strokeDash=by_oracle(rows),
        )
    )
    return stacked([line], rows, "objective", "Training curves, mean over replicates", independent=True)


def adaptation(rows: Rows, scale: Any) -> Any:
    """Held-out NLL while SFT learners train, and their costs beside RFT's."""
    return finish(adaptation_plot.chart(rows, scale), "Adaptation of the SFT learners; below: costs beside RFT's")


def dial(rows: Rows, scale: Any) -> Any:
    """Utility over the objective's a, a panel per decoding."""
    return stacked(dial_plot.layers(rows, scale), rows, "decoding", "Utility by the objective's a")


def maps(rows: Rows, reach: float) -> Any:
    """A square per cell of each map; `reach` is the difference at the ends of the colours."""
    predicted = "; dashed: V = C as predicted" * any(row["predicted"] is not None for row in rows)
    return finish(map_plot.chart(rows, reach), f"Refined traces against RFT; brackets: not resolved{predicted}")


def pretraining(rows: Rows) -> Any:
    """How the learner that the study made learnt."""
    import altair as alt

    line = (
        alt.Chart()
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("step:Q", title="optimizer step"), y=alt.Y("value:Q", title=""), color=alt.ColorValue(COLOURS[0])
        )
    )
    return stacked([line], rows, "quantity", "Pretraining of the learner", independent=True)


def doses(rows: Rows) -> Any:
    """Perplexity, cost and utility over the dose of the Oracle's style."""
    import altair as alt

    groups = {title: [row for row in rows if dosed(row) == title] for title in (*TITLES.values(), DOSED)}
    panels = [_dose_panel(shown, title) for title, shown in groups.items() if shown]
    return finish(alt.vconcat(*panels, spacing=14), "Response to the dose of the Oracle's style")


def dosed(row: Mapping[str, Any]) -> str:
    """The panel of a dose's row: objectives share one."""
    return TITLES.get(row["quantity"], DOSED)


def _dose_panel(rows: Rows, title: str) -> Any:
    """One quantity by dose; several only where they are objectives, which get a colour and step aside each other."""
    import altair as alt

    objectives = list(dict.fromkeys(row["objective"] for row in rows))
    shown = alt.Color(
        "objective:N", scale=alt.Scale(domain=objectives, range=COLOURS[: len(objectives)]), title="objective"
    )
    colour = shown if len(objectives) > 1 else alt.ColorValue(COLOURS[0])
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
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q", title=""), y2=alt.Y2("high:Q"), color=colour),
        base.mark_point(filled=True, size=55, opacity=1).encode(x=x, y=y, color=colour),
    ]
    return alt.layer(*layers, data=alt.Data(values=moved)).properties(width=WIDTH, height=HEIGHT * 2 // 3)


def stacked(  # noqa: PLR0917 - what is drawn, of what, in what panels
    layers: list[Any], rows: Rows, by: str, title: str, independent: bool = False, columns: int = 1
) -> Any:
    """One panel per value of `by`, under each other, so that a phone can show them at full width."""
    import altair as alt

    panels = list(dict.fromkeys(row[by] for row in rows))
    chart = alt.layer(*layers, data=alt.Data(values=rows)).properties(width=WIDTH, height=HEIGHT)
    chart = chart.facet(alt.Facet(f"{by}:N", sort=panels, title=None), columns=columns, spacing=18)
    return finish(chart.resolve_scale(y="independent") if independent else chart, title)
