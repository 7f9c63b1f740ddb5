"""The utility of each stream over the objective's a."""

from collections.abc import Mapping
from typing import Any

from qup.records import GREEDY, SAMPLED
from qup.report.numbers import Missing
from qup.report.plot_rows import NO_ORACLE, Rows, scaled, stream_label
from qup.report.sections.oracle import Row
from qup.report.strokes import by_oracle

ASIDE = 0.012
"Shift of a stream's points from the one before, as a share of the dial: intervals at equal a would lie on each other."


def rows(arms: Mapping[str, Row], alphas: Mapping[str, float]) -> Rows:
    """A point per decoding, arm and objective on the dial that has a utility, in accuracy points."""
    width = max(alphas.values(), default=0.0)
    points: Rows = []
    for decoding in (SAMPLED, GREEDY):
        for place, row in enumerate(arms.values()):
            moved = ASIDE * width * (place - (len(arms) - 1) / 2)
            for objective, alpha in alphas.items():
                learner = row.learners[objective]
                utility = learner.greedy_utility if decoding == GREEDY else learner.utility
                if not isinstance(utility, Missing):
                    at = {"alpha": alpha, "at": round(alpha + moved, 6), "objective": objective.upper()}
                    name = {
                        "stream": stream_label(row.refiner),
                        "oracle": row.oracle or NO_ORACLE,
                        "decoding": f"{decoding} answers",
                    }
                    points.append(name | at | scaled(utility, 100))
    return points


def layers(points: Rows, scale: Any) -> list[Any]:
    """A line a stream, with intervals, above and below the untrained learner."""
    import altair as alt

    x = alt.X(
        "at:Q",
        title="a of the objective (0: SFT, 1: DFT)",
        axis=alt.Axis(values=sorted({point["alpha"] for point in points}), format=".3~g"),
        scale=alt.Scale(nice=False, padding=12),
    )
    title = "utility U, accuracy points over base"
    y = alt.Y("value:Q", title=title)
    colour = alt.Color("stream:N", scale=scale, title="stream")
    dash = by_oracle(points)
    base = alt.Chart()
    return [
        base.mark_rule(color="#8a8a8a", strokeDash=[4, 3]).encode(y=alt.YDatum(0)),
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"), color=colour),
        base.mark_point(filled=True, size=45, opacity=1).encode(x=x, y=y, color=colour),
    ]
