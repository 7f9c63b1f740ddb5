"""The picture of the paradox: how each stream looks against what it trains, a panel per objective and decoding."""

from dataclasses import dataclass
from typing import Any

from qup.report.charts import GREY, INK, LETTERS, stacked
from qup.report.plot_rows import Rows, oracles

ROOM = 0.75
"Of the width of all points: what the names to their right need."


@dataclass(frozen=True)
class Frame:
    """The ends of the axes, which all panels share."""

    left: float
    right: float
    bottom: float
    top: float


def frame(rows: Rows) -> Frame:
    """Wide enough for every interval and name."""
    if not rows:
        return Frame(0.0, 1.0, 0.0, 1.0)
    left, right = min(r["q_low"] for r in rows), max(r["q_high"] for r in rows)
    bottom, top = min(0.0, *(r["u_low"] for r in rows)), max(0.0, *(max(r["u_high"], r["name_at"]) for r in rows))
    wide, high = (right - left) or 1.0, (top - bottom) or 1.0
    return Frame(left - wide / 10, right + ROOM * wide, bottom - high / 20, top + high / 20)


def chart(rows: Rows, reward: str | None, scale: Any, ends: Frame) -> Any:
    """Points with both intervals; a name stands to the right of all that is near its point, tied to it by a line."""
    return stacked(_layers(rows, reward, scale, ends), rows, "panel", "Quality against utility", columns=2)


def _layers(rows: Rows, reward: str | None, scale: Any, ends: Frame) -> list[Any]:
    import altair as alt

    colour = alt.Color("stream:N", scale=scale, legend=None)
    across = alt.Scale(domain=[ends.left, ends.right], nice=False)
    upward = alt.Scale(domain=[ends.bottom, ends.top], nice=True)
    x = alt.X("q_value:Q", title=f"quality Q: mean {reward}", scale=across)
    y = alt.Y("u_value:Q", title="utility U, points over base", scale=upward)
    shape = alt.Shape("oracle:N", legend=None, sort=oracles(rows))
    base = alt.Chart()
    return [
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.YDatum(0)),
        base.mark_rule(strokeWidth=1, opacity=0.55, strokeDash=[1, 2]).encode(
            x=x, x2=alt.X2("name_from:Q"), y=y, y2=alt.Y2("name_at:Q"), color=colour
        ),
        base.mark_rule(strokeWidth=1.5).encode(
            x=alt.X("q_low:Q", scale=across), x2=alt.X2("q_high:Q"), y=y, color=colour
        ),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("u_low:Q"), y2=alt.Y2("u_high:Q"), color=colour),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour, shape=shape),
        base.mark_text(align="left", baseline="middle", dx=3, fontSize=LETTERS, color=INK).encode(
            x=alt.X("name_from:Q"), y=alt.Y("name_at:Q"), text=alt.Text("arm:N")
        ),
    ]
