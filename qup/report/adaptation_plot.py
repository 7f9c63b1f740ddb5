"""The picture of adaptation: held-out NLL as the SFT learners train, and each cost beside that of native traces."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from qup.measured import Measured
from qup.records import LEARNER, Probed, TrainRun
from qup.report.evidence import Evidence
from qup.report.plot_rows import NO_ORACLE, Rows, stream_label
from qup.report.sections.adaptation import OBJECTIVE, by_measure, gap
from qup.report.strokes import by_oracle

HELD: dict[str, Callable[[TrainRun], Probed | None]] = {
    "held-out traces of the stream": lambda run: run.stream,
    "held-out native traces": lambda run: run.native,
}
TITLES = {
    "cost": "prequential, nats",
    "speed": "speed, tokens",
    "distance": "distance",
    "first_gradient": "first gradient",
    "forward": "forward KL, nats/token",
    "backward": "backward KL, nats/token",
    "forgetting": "forgetting, nats/token",
    "dip": "dip, nats/token",
}
"Costs that are drawn, of one number a run each; tokens to recover are not: there may be none."
WIDTH, HEIGHT, LINE = 270, 180, 20
SMALL = 92
"Width of one of the small panels, two of which stand beside each other with the arms' names before the first."


def rows(evidence: Evidence) -> Rows:
    """NLL by probe, and costs less the native arm's, paired by replicate; nothing without held-out traces."""
    lines = [row for arm in evidence.arms.values() for row in _lines(arm)]
    return lines + (_gaps(evidence) if lines else [])


def _lines(arm: Measured) -> Rows:
    points: Rows = []
    for title, held in HELD.items():
        probes = [found for run in arm.runs if run.objective == OBJECTIVE and (found := held(run))]
        points += [_place(arm) | {"panel": title} | point for point in _averaged(probes)]
    return points


def _place(arm: Measured) -> dict[str, str]:
    oracle = NO_ORACLE if arm.oracle == LEARNER else arm.oracle
    return {"stream": stream_label(arm.refiner), "oracle": oracle, "arm": arm.label}


def _averaged(probes: Sequence[Probed]) -> Rows:
    """NLL against tokens, a mean over replicates at each probe; runs of fewer probes than others share their ends."""
    shortest = min((len(each.at) for each in probes), default=0)
    return [
        {
            "tokens": round(sum(each.at[place] for each in probes) / len(probes), 2),
            "nll": round(sum(each.nll[place] / each.probe_tokens for each in probes) / len(probes), 6),
        }
        for place in [*range(shortest - 1), -1][: shortest or 0]
    ]


def _gaps(evidence: Evidence) -> Rows:
    """Where the native arm was not trained, or shares no replicate with an arm, there is nothing to tell."""
    native = evidence.native
    if native is None:
        return []
    of_native, points = by_measure(evidence.arms[native]), []
    for name, arm in evidence.arms.items():
        for measure, values in by_measure(arm).items() if name != native else ():
            found = gap(values, of_native[measure], evidence.level) if measure in TITLES else None
            if found:
                ends = {"value": found.value, "low": found.low, "high": found.high}
                # One replicate has no ends.
                told = {end: round(x if math.isfinite(x) else found.value, 6) for end, x in ends.items()}
                points.append(_place(arm) | {"cost": TITLES[measure]} | told)
    return points


def chart(points: Rows, scale: Any) -> Any:
    """Two panels of lines, and small ones of points below them; finished by the caller."""
    import altair as alt

    lines, gaps = ([row for row in points if key in row] for key in ("nll", "value"))
    colour = alt.Color("stream:N", scale=scale, title="stream")
    upper = _held(lines, colour)
    return alt.vconcat(upper, _costs(gaps, colour), spacing=26) if gaps else upper


def _held(points: Rows, colour: Any) -> Any:
    import altair as alt

    x = alt.X("tokens:Q", title="completion tokens trained on", axis=alt.Axis(format="~s"))
    y = alt.Y("nll:Q", title="NLL, nats per token", scale=alt.Scale(zero=False))
    dash = by_oracle(points)
    base = alt.Chart()
    layers = [
        base.mark_line(strokeWidth=1.6).encode(x=x, y=y, color=colour, strokeDash=dash),
        base.mark_point(filled=True, size=22, opacity=1).encode(x=x, y=y, color=colour, detail=alt.Detail("oracle:N")),
    ]
    line = alt.layer(*layers, data=alt.Data(values=points)).properties(width=WIDTH, height=HEIGHT)
    panels = line.facet(alt.Facet("panel:N", sort=list(HELD), title=None), columns=1, spacing=18)
    return panels.resolve_scale(y="independent")


def _costs(points: Rows, colour: Any) -> Any:
    import altair as alt

    arms = list(dict.fromkeys(row["arm"] for row in points))
    y = alt.Y("arm:N", sort=arms, title=None)
    x = alt.X("value:Q", title="more than RFT", axis=alt.Axis(tickCount=3, labelSeparation=6))
    base = alt.Chart()
    layers = [
        base.mark_rule(color="#8a8a8a", strokeDash=[4, 3]).encode(x=alt.XDatum(0)),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("low:Q", title=""), x2=alt.X2("high:Q"), y=y, color=colour),
        base.mark_point(filled=True, size=50, opacity=1).encode(x=x, y=y, color=colour),
    ]
    panel = alt.layer(*layers, data=alt.Data(values=points)).properties(width=SMALL, height=LINE * len(arms))
    order = [title for title in TITLES.values() if any(row["cost"] == title for row in points)]
    return panel.facet(alt.Facet("cost:N", sort=order, title=None), columns=2, spacing=14).resolve_scale(
        x="independent"
    )
