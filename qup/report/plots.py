"""Three plots as SVG, Vega-Lite and PNG, drawn without a browser: quality-utility, PPL by quarter, training curves."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from qup.records import Step
from qup.report.contrasts import label
from qup.report.data import Inputs

FONT = "Liberation Sans"
"Ships inside vl-convert, so that widths and bytes do not depend on the machine's fonts."
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#7F7F7F", "#8C510A", "#5E3C99")
"Okabe and Ito's colour-blind-safe set, its yellow darkened, and three more."
WIDTH, HEIGHT = 360, 220
BINS = 60
"Points of a training curve; longer runs are averaged within bins."
GREY = "#8a8a8a"
NO_ORACLE = "none (native)"
Rows = list[dict[str, Any]]
Drawn = tuple[str, dict[str, Any], bytes]


def draw(inputs: Inputs, summary: dict[str, Any]) -> dict[str, Drawn]:
    """The plots there is data for, by name."""
    scale = _colours(inputs, summary)
    charts = {
        "quality-utility": _quality_utility(quality_rows(summary), summary, scale),
        "ppl-quarters": _quarters(quarter_rows(summary), scale),
        "training-curves": _curves(curve_rows(inputs), scale),
    }
    return {name: _render(name, chart) for name, chart in charts.items() if chart is not None}


def _render(name: str, chart: Any) -> Drawn:
    import vl_convert

    spec: dict[str, Any] = chart.to_dict()
    svg = vl_convert.vegalite_to_svg(spec)
    svg = svg.replace(f'font-family="{FONT}"', f'font-family="{FONT}, Arial, Helvetica, sans-serif"')
    # Clip paths are numbered from 0 in each SVG; inline in one page, the first would cut all the others.
    svg = re.sub(r'(\bid="|url\(#)', rf"\g<1>{name}-", svg)
    return svg, spec, bytes(vl_convert.vegalite_to_png(spec, scale=2))


def _colours(inputs: Inputs, summary: dict[str, Any]) -> Any:
    import altair as alt

    names = list(dict.fromkeys(_stream(inputs, arm) for arm in summary["arms"]))
    return alt.Scale(domain=names, range=[COLOURS[i % len(COLOURS)] for i in range(len(names))])


def _stream(inputs: Inputs, arm: str) -> str:
    """The stream's name without its Oracle: arms of one refiner share a colour."""
    return label(inputs, arm).split(" (")[0]


def _place(summary: dict[str, Any], arm: str) -> dict[str, str]:
    found = summary["arms"][arm]
    return {"stream": found["label"].split(" (")[0], "oracle": found["oracle"] or NO_ORACLE, "arm": found["label"]}


def quality_rows(summary: dict[str, Any]) -> Rows:
    """One point per arm and objective that has both Q, of the first reward model, and U."""
    rows: Rows = []
    reward = summary["primary_reward"]
    for arm, found in summary["arms"].items():
        quality = found["rewards"].get(reward, {"value": None})
        for objective, learner in found["learners"].items():
            utility = learner["utility"]
            if quality["value"] is not None and utility["value"] is not None:
                ends = {f"q_{k}": quality[k] for k in ("value", "low", "high")}
                ends |= {f"u_{k}": round(100 * utility[k], 4) for k in ("value", "low", "high")}
                rows.append(_place(summary, arm) | ends | {"objective": objective.upper()})
    return rows


def quarter_rows(summary: dict[str, Any]) -> Rows:
    """PPL of each quarter, per Oracle's group of arms."""
    return [
        _place(summary, arm)
        | {"group": oracle, "quarter": int(quarter)}
        | {k: summary["arms"][arm]["ppl"][quarter][k] for k in ("value", "low", "high")}
        for oracle, group in summary["oracles"].items()
        for arm in group["arms"]
        for quarter in "1234"
        if summary["arms"][arm]["ppl"][quarter]["value"] is not None
    ]


def curve_rows(inputs: Inputs) -> Rows:
    """Loss against tokens trained on, averaged over seeds at equal steps and within `BINS` bins."""
    rows: Rows = []
    for arm, data in inputs.arms.items():
        oracle = NO_ORACLE if inputs.shared(arm) else inputs.names[arm][1]
        place = {"stream": _stream(inputs, arm), "oracle": oracle}
        by_objective: dict[str, list[Step]] = defaultdict(list)
        for step in data.steps:
            by_objective[step.objective].append(step)
        for objective in inputs.study.training.objectives:
            points = _averaged(by_objective[objective]) if by_objective[objective] else []
            rows += [place | {"objective": objective.upper()} | point for point in points]
    return rows


def _averaged(steps: Sequence[Step]) -> Rows:
    last = max(s.step for s in steps)
    bins: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        bins[step.step * BINS // (last + 1) if last >= BINS else step.step].append(step)
    return [
        {
            "tokens": round(sum(s.tokens for s in group) / len(group), 2),
            "loss": round(sum(s.loss for s in group) / len(group), 6),
        }
        for _, group in sorted(bins.items())
    ]


def oracles(rows: Rows) -> list[str]:
    """The Oracles of `rows`; none at all first, so that native streams have the plain line and the first shape."""
    return sorted(dict.fromkeys(row["oracle"] for row in rows), key=lambda name: name != NO_ORACLE)


def _finish(chart: Any, title: str) -> Any:
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


def _quality_utility(rows: Rows, summary: dict[str, Any], scale: Any) -> Any:
    if not rows:
        return None
    import altair as alt

    reward = summary["primary_reward"]
    colour = alt.Color("stream:N", scale=scale, title="stream")
    left, right = min(r["q_low"] for r in rows), max(r["q_high"] for r in rows)
    # The names beside the points need space at the right.
    room = 0.45 * (right - left) or 1.0
    scale_x = alt.Scale(domain=[left - room / 4, right + room], nice=False)
    x = alt.X("q_value:Q", title=f"perceived quality Q: mean {reward}", scale=scale_x)
    y = alt.Y("u_value:Q", title="utility U, accuracy points over base")
    base = alt.Chart()
    layers = [
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.datum(0)),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("q_low:Q", scale=scale_x), x2="q_high:Q", y=y, color=colour),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y="u_low:Q", y2="u_high:Q", color=colour),
        base.mark_point(filled=True, size=80, opacity=1).encode(
            x=x, y=y, color=colour, shape=alt.Shape("oracle:N", title="Oracle", sort=oracles(rows))
        ),
        base.mark_text(align="left", dx=7, dy=-7, fontSize=11).encode(x=x, y=y, text="arm:N", color=colour),
    ]
    return _stacked(layers, rows, "objective", "Quality against utility")


def _quarters(rows: Rows, scale: Any) -> Any:
    if not rows:
        return None
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
    if not rows:
        return None
    import altair as alt

    line = (
        alt.Chart()
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("tokens:Q", title="completion tokens trained on", axis=alt.Axis(format="~s")),
            y=alt.Y("loss:Q", title="loss, nats per token (DFT: weighted)", scale=alt.Scale(zero=False)),
            color=alt.Color("stream:N", scale=scale, title="stream"),
            strokeDash=alt.StrokeDash("oracle:N", title="Oracle", sort=oracles(rows)),
        )
    )
    return _stacked([line], rows, "objective", "Training curves, mean over seeds", independent=True)


def _stacked(layers: list[Any], rows: Rows, by: str, title: str, independent: bool = False) -> Any:
    """One panel per value of `by`, under each other, so that a phone can show them at full width."""
    import altair as alt

    panels = list(dict.fromkeys(row[by] for row in rows))
    chart = alt.layer(*layers, data=alt.Data(values=rows)).properties(width=WIDTH, height=HEIGHT)
    chart = chart.facet(row=alt.Row(f"{by}:N", sort=panels, title=None), spacing=18)
    return _finish(chart.resolve_scale(y="independent") if independent else chart, title)
