"""The paradox map: what looks better against what trains better, a point per study, Oracle, objective and decoding."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

from qup.compare.reading import Figure, Line, Published
from qup.report import plots
from qup.report.plot_rows import Rows
from qup.report.plots import COLOURS, GREY, HEIGHT, WIDTH, Plot

NAME = "paradox-map"
ASIDE = 0.022
"Of a panel's width: how far points of equal value step aside."
CORNER = "looks better, trains worse"
TITLE = "Refined traces against RFT: what looks better against what trains better"


def draw(published: Iterable[Published]) -> dict[str, Plot]:
    """The map, if there is anything on it."""
    points = rows(published)
    studies = list(dict.fromkeys(point["study"] for point in points))
    return plots.render({NAME: (points, partial(_chart, studies=studies))})


def rows(published: Iterable[Published]) -> Rows:
    """A row per point that has both differences: quality in the reward's unit, utility in accuracy points.

    Rewards have units of their own, so each has a panel. What is not replicated has no interval: that of its report
    knows nothing of another training set.
    """
    points = [
        _point(each, line, decoding, gap)
        for each in published
        for line in each.lines
        for decoding, gap in (("sampled", line.sampled.gap), ("greedy", line.greedy.gap))
        if line.quality.value is not None and gap.value is not None
    ]
    return _aside(points)


def _point(each: Published, line: Line, decoding: str, gap: Figure) -> dict[str, Any]:
    replicated = (each.replicates or 1) > 1
    where = {"study": each.name, "oracle": line.oracle, "reading": f"{line.objective.upper()}, {decoding}"}
    where |= {"panel": f"by {each.reward}{'' if replicated else ': not replicated, no intervals'}"}
    return where | _ends("x", line.quality, 1, replicated) | _ends("y", gap.negated, 100, replicated)


def _ends(axis: str, figure: Figure, scale: float, replicated: bool) -> dict[str, float]:
    """A difference with its ends; without an interval these are the value itself."""
    value = figure.value or 0.0
    low, high = (figure.low, figure.high) if replicated else (None, None)
    ends = {axis: value, f"{axis}_low": value if low is None else low, f"{axis}_high": value if high is None else high}
    return {name: round(scale * end, 4) for name, end in ends.items()}


def _aside(points: Rows) -> Rows:
    """The points with a place across each, `at`: those of equal value would lie on each other."""
    placed, seen = [], Counter[tuple[Any, ...]]()
    for point in points:
        panel = [other for other in points if other["panel"] == point["panel"]]
        wide = max(0.0, *(p["x_high"] for p in panel)) - min(0.0, *(p["x_low"] for p in panel)) or 1.0
        key = point["panel"], point["x"]
        placed.append(point | {"at": round(point["x"] + ASIDE * wide * seen[key], 4)})
        seen[key] += 1
    return placed


def _chart(points: Rows, studies: list[str]) -> Any:
    import altair as alt

    panels = list(dict.fromkeys(point["panel"] for point in points))
    each = [_panel([point for point in points if point["panel"] == panel], studies) for panel in panels]
    return plots.finish(alt.vconcat(*each, spacing=18), TITLE)


def _panel(points: Rows, studies: list[str]) -> Any:
    import altair as alt

    colour = alt.Color("study:N", title="study", scale=alt.Scale(domain=studies, range=list(COLOURS[: len(studies)])))
    readings = list(dict.fromkeys(point["reading"] for point in points))
    shape = alt.Shape("reading:N", title="read under", sort=readings)
    reward = points[0]["panel"].removeprefix("by ").partition(":")[0]
    x = alt.X("at:Q", title=f"Q(Refined) - Q(RFT), mean {reward}", scale=alt.Scale(padding=24))
    y = alt.Y("y:Q", title="U(Refined) - U(RFT), accuracy points", scale=alt.Scale(padding=16))
    base = alt.Chart(alt.Data(values=points))
    right, low = max(p["x_high"] for p in points), min(p["y_low"] for p in points)
    corner = alt.Chart(alt.Data(values=[{"x": right, "y": low}]))
    layers = [
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.datum(0)),
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=1.5, opacity=0.7).encode(x=x, y="y_low:Q", y2="y_high:Q", color=colour),
        base.mark_rule(strokeWidth=1.5, opacity=0.7).encode(x="x_low:Q", x2="x_high:Q", y=y, color=colour),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour, shape=shape),
        corner.mark_text(align="right", baseline="bottom", fontSize=11, fontStyle="italic", color=GREY).encode(
            x="x:Q", y="y:Q", text=alt.value(CORNER)
        ),
    ]
    title = alt.TitleParams(points[0]["panel"], fontSize=12, anchor="start")
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=title)
