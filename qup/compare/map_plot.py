"""The paradox map: what looks better against what trains better, a point per study, Oracle and objective."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from qup.compare.reading import Figure, Line, Published
from qup.records import GREEDY, SAMPLED
from qup.report import charts, plots
from qup.report.charts import COLOURS, GREY, LETTERS
from qup.report.plot_rows import Rows
from qup.report.plots import Drawing, Plot

SIDE = 270
"Of a panel, pixels."
ASIDE = 0.02
"Of a panel's width: how far points of equal quality step aside each other."
FARTHEST = 0.05
"Of a panel's width: how far a point stands beside its place at most, however many share it."
ROOM = 1.12
"How far a panel reaches beyond the end of the widest interval."
CORNER = "looks better,\ntrains worse"
TEXT = (
    "A point per study, Oracle and objective: how much better refined traces look across, how much better they train "
    "upward, each with its interval."
)


def draw(published: Iterable[Published]) -> dict[str, Plot]:
    """A panel per reward and decoding, as rewards have units of their own; none without points."""
    points = rows(published)
    studies = list(dict.fromkeys(point["study"] for point in points))
    panels = list(dict.fromkeys((point["reward"], point["decoding"]) for point in points))
    return plots.render(
        {
            f"map-{reward}-{decoding}": Drawing(
                [point for point in points if (point["reward"], point["decoding"]) == (reward, decoding)],
                partial(_chart, studies=studies),
                TEXT,
            )
            for reward, decoding in panels
        },
        pixels=False,
    )


def rows(published: Iterable[Published]) -> Rows:
    """A row per point that has both differences: quality in the reward's unit, utility in accuracy points.

    What is not replicated has no interval: that of its report knows nothing of another training set.
    """
    points = [
        _point(each, line, decoding, gap)
        for each in published
        for line in each.lines
        for decoding, gap in ((SAMPLED, line.sampled.gap), (GREEDY, line.greedy.gap))
        if line.quality.value is not None and gap.value is not None
    ]
    return _aside(points)


def _point(each: Published, line: Line, decoding: str, gap: Figure) -> dict[str, Any]:
    replicated = (each.replicates or 1) > 1
    where: dict[str, Any] = {"study": each.name, "objective": line.objective.upper(), "oracle": line.oracle}
    where |= {"reward": each.reward, "decoding": decoding, "replicated": replicated}
    return where | _ends("x", line.quality, 1, replicated) | _ends("y", gap.negated, 100, replicated)


def _ends(axis: str, figure: Figure, scale: float, replicated: bool) -> dict[str, float]:
    """A difference with its ends; without an interval these are the value itself."""
    value = figure.value or 0.0
    low, high = (figure.low, figure.high) if replicated else (None, None)
    ends = {axis: value, f"{axis}_low": value if low is None else low, f"{axis}_high": value if high is None else high}
    return {name: round(scale * end, 4) for name, end in ends.items()}


def _aside(points: Rows) -> Rows:
    """The points with where they are drawn, `at` to `at_high`: those of equal quality would lie on each other."""
    placed, seen, often = [], Counter[tuple[Any, ...]](), Counter(map(_spot, points))
    for point in points:
        key = _spot(point)
        wide = 2 * _reach([p for p in points if _spot(p)[:2] == key[:2]], "x")
        others = often[key] - 1
        step = wide * min(ASIDE, 2 * FARTHEST / max(1, others)) * (seen[key] - others / 2)
        drawn = {"at": point["x"], "at_low": point["x_low"], "at_high": point["x_high"]}
        placed.append(point | {name: round(end + step, 4) for name, end in drawn.items()})
        seen[key] += 1
    return placed


def _spot(point: Mapping[str, Any]) -> tuple[Any, ...]:
    """A panel, and the quality in it."""
    return point["reward"], point["decoding"], point["x"]


def _reach(points: Rows, axis: str) -> float:
    """How far a panel goes to either side of 0."""
    return ROOM * max(abs(point[f"{axis}_{end}"]) for point in points for end in ("low", "high")) or 1.0


def _chart(points: Rows, studies: list[str]) -> Any:
    import altair as alt

    first, (wide, high) = points[0], (_reach(points, axis) for axis in "xy")
    colour = alt.Color("study:N", title="study", scale=alt.Scale(domain=studies, range=list(COLOURS[: len(studies)])))
    shape = alt.Shape("objective:N", title="objective", sort=None, legend=alt.Legend(orient="top", columns=0))
    x = alt.X(
        "at:Q",
        title=f"Q(Refined) - Q(RFT), mean {first['reward']}",
        scale=alt.Scale(domain=[-wide, wide], nice=False),
    )
    y = alt.Y("y:Q", title="U(Refined) - U(RFT), accuracy points", scale=alt.Scale(domain=[-high, high], nice=False))
    base = alt.Chart(alt.Data(values=points))
    corner = alt.Chart(alt.Data(values=[{"left": 0, "right": wide, "top": 0, "bottom": -high}]))
    layers = [
        corner.mark_rect(color=COLOURS[1], opacity=0.07).encode(
            x=alt.X("left:Q", title=""), x2=alt.X2("right:Q"), y=alt.Y("bottom:Q", title=""), y2=alt.Y2("top:Q")
        ),
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.YDatum(0)),
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.XDatum(0)),
        base.mark_rule(strokeWidth=1.5, opacity=0.7).encode(
            x=x, y=alt.Y("y_low:Q"), y2=alt.Y2("y_high:Q"), color=colour
        ),
        base.mark_rule(strokeWidth=1.5, opacity=0.7).encode(
            x=alt.X("at_low:Q"), x2=alt.X2("at_high:Q"), y=y, color=colour
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour, shape=shape),
        corner.mark_text(
            lineBreak="\n", align="left", baseline="bottom", dx=5, dy=-18, fontSize=LETTERS, fontStyle="italic"
        ).encode(x=alt.X("left:Q"), y=alt.Y("bottom:Q"), text=alt.TextValue(CORNER), color=alt.ColorValue(GREY)),
    ]
    chart = alt.layer(*layers).properties(width=SIDE, height=SIDE)
    return charts.finish(chart, f"By {first['reward']}, {first['decoding']} answers")
