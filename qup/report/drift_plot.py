"""Where the surprise comes from: the nats that a stream's traces cost more than the learner's own, by what was changed.

Logic and style are edits; context is what both texts have, and what became likelier or less by what stands before it.
"""

from collections.abc import Mapping
from typing import Any

from qup.report.charts import GREY, WIDTH, finish
from qup.report.numbers import Missing, Number
from qup.report.plot_rows import Rows, scaled

SPLIT = "drift_split"
KINDS = {"logic": "#0072B2", "style": "#D55E00", "context": "#7F7F7F"}
LINE = 14
"Height of one kind of an arm, pixels."
TITLE = "Where the surprise comes from, nats a trace"


def rows(means: Mapping[str, Mapping[str, Number]], labels: Mapping[str, str]) -> Rows:
    """A row per arm and kind; none of an arm that is the native one itself, which has nothing to tell."""
    points: Rows = []
    for arm, metrics in means.items():
        found = {kind: metrics.get(f"{SPLIT}.{kind}", Missing("not measured")) for kind in KINDS}
        there = {kind: value for kind, value in found.items() if not isinstance(value, Missing)}
        if any(value.value or value.low or value.high for value in there.values()):
            points += [{"arm": labels[arm], "kind": kind} | scaled(value, 1) for kind, value in there.items()]
    return points


def chart(points: Rows) -> Any:
    """Arms below each other, in each a line per kind."""
    import altair as alt

    arms = list(dict.fromkeys(point["arm"] for point in points))
    y = alt.Y("arm:N", sort=arms, title=None)
    aside = alt.YOffset("kind:N", sort=list(KINDS))
    x = alt.X("value:Q", title="more than the learner's own trace, nats")
    colour = alt.Color("kind:N", title="by", scale=alt.Scale(domain=list(KINDS), range=list(KINDS.values())), sort=None)
    base = alt.Chart(alt.Data(values=points))
    layers = [
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.XDatum(0)),
        base.mark_rule(strokeWidth=1.5).encode(
            x=alt.X("low:Q", title=""), x2=alt.X2("high:Q"), y=y, yOffset=aside, color=colour
        ),
        base.mark_point(filled=True, size=50, opacity=1).encode(x=x, y=y, yOffset=aside, color=colour),
    ]
    high = LINE * (len(KINDS) + 1) * len(arms)
    return finish(alt.layer(*layers).properties(width=WIDTH - 30, height=high), TITLE)
