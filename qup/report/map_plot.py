"""The picture of a map: a square per cell, coloured by who is ahead, and the line where V = C as predicted."""

import textwrap
from collections.abc import Mapping
from typing import Any

from qup.report.numbers import Missing
from qup.report.plot_rows import Rows
from qup.report.sections.phase import Map

SIDE = 84
"Of a square, pixels."
DARK = 0.6
"Share of the reach from which a square is dark."
LETTER = 6
"Width of an average letter of an axis title, pixels."
DIGITS = 6
"Of a cell's value: so many that the picture, which shows one, rounds as the table does."


def rows(maps: Mapping[str, Map]) -> Rows:
    """A row per cell: differences in accuracy points; `at` and `up` count cells from the left and from below."""
    return [
        {
            "map": name,
            "decoding": decoding,
            "x_label": each.x.label,
            "y_label": each.y.label,
            "x": each.x.values[at],
            "y": each.y.values[up],
            "at": at,
            "up": up,
            "value": round(100 * square.gap.estimate.value, DIGITS),
            "resolved": square.gap.resolved,
            "predicted": None if isinstance(square.predicted, Missing) else round(100 * square.predicted.value, DIGITS),
        }
        for name, each in maps.items()
        for decoding, squares in each.squares.items()
        for up, line in enumerate(squares)
        for at, square in enumerate(line)
        if not isinstance(square.gap, Missing)
    ]


def boundary(cells: Rows) -> Rows:
    """The sides between neighbouring cells whose predicted signs differ: together the line V = C."""
    place = {(cell["at"], cell["up"]): cell["predicted"] for cell in cells if cell["predicted"] is not None}
    sides = []
    for (at, up), value in place.items():
        for right, above in ((1, 0), (0, 1)):
            other = place.get((at + right, up + above))
            if other is not None and (other > 0) != (value > 0):
                corner = at + right, up + above
                sides.append({"x1": corner[0], "y1": corner[1], "x2": corner[0] + above, "y2": corner[1] + right})
    return sides


def reach(points: Rows) -> float:
    """The largest difference, which has the darkest colour."""
    return max((abs(point["value"]) for point in points), default=0.0) or 1.0


def chart(points: Rows, reach: float) -> Any:
    """Panels side by side, a column per decoding, a row per map; finished by the caller."""
    import altair as alt

    maps = list(dict.fromkeys(point["map"] for point in points))
    lines = [
        alt.hconcat(*(_panel(panel, reach) for panel in _panels([p for p in points if p["map"] == name])), spacing=18)
        for name in maps
    ]
    return alt.vconcat(*lines, spacing=18)


def _panels(points: Rows) -> list[Rows]:
    decodings = list(dict.fromkeys(point["decoding"] for point in points))
    return [[point for point in points if point["decoding"] == decoding] for decoding in decodings]


def _panel(points: Rows, reach: float) -> Any:
    import altair as alt

    shown = [point | _shown(point) for point in points]
    across, down = (1 + max(point[way] for point in points) for way in ("at", "up"))
    colour = alt.Color(
        "value:Q",
        title="U(Refined) - U(RFT), points",
        scale=alt.Scale(domain=[-reach, reach], scheme="redblue", domainMid=0),
        legend=alt.Legend(gradientLength=150),
    )
    base = alt.Chart(alt.Data(values=shown))
    layers = [
        base.mark_rect(stroke="white", strokeWidth=2).encode(
            x=_axis("at", points, "x", across),
            x2=alt.X2("right:Q"),
            y=_axis("up", points, "y", down),
            y2=alt.Y2("top:Q"),
            color=colour,
        ),
        base.mark_text(fontSize=13, dy=-7, fontWeight="bold").encode(
            x=alt.X("middle:Q"),
            y=alt.Y("height:Q"),
            text=alt.Text("said:N"),
            color=_ink(reach),
            opacity=alt.Opacity("strength:Q", scale=None),
        ),
        base.mark_text(fontSize=12, dy=11).encode(
            x=alt.X("middle:Q"), y=alt.Y("height:Q"), text=alt.Text("note:N"), color=_ink(reach)
        ),
    ]
    sides = boundary(points)
    if sides:
        line = alt.Chart(alt.Data(values=sides)).mark_rule(strokeWidth=3, strokeDash=[6, 3], color="#111111")
        layers.append(line.encode(x=alt.X("x1:Q"), y=alt.Y("y1:Q"), x2=alt.X2("x2:Q"), y2=alt.Y2("y2:Q")))
    first = points[0]
    title = alt.TitleParams(f"{first['map']}, {first['decoding']}", fontSize=12, anchor="start")
    return alt.layer(*layers).properties(width=SIDE * across, height=SIDE * down, title=title)


def _ink(reach: float) -> Any:
    """White on the dark ends of the colours, which are those of values from -reach to reach."""
    import altair as alt

    return alt.condition(f"abs(datum.value) > {DARK * reach}", alt.value("#ffffff"), alt.value("#111111"))


def _shown(point: dict[str, Any]) -> dict[str, Any]:
    """Where a cell lies and what is written in it; one that is not resolved stands in brackets."""
    value = f"{point['value']:+.1f}"
    note = "" if point["predicted"] is None else f"V-C {point['predicted']:+.1f}"
    return {
        "right": point["at"] + 1,
        "top": point["up"] + 1,
        "middle": point["at"] + 0.5,
        "height": point["up"] + 0.5,
        "said": value if point["resolved"] else f"({value})",
        "note": note,
        "strength": 1.0 if point["resolved"] else 0.65,
    }


def _axis(field: str, points: Rows, name: str, cells: int) -> Any:
    """Cells by number, labelled in the middle by the dial's value."""
    import altair as alt

    values = {point[field]: point[name] for point in points}
    labels = ", ".join(f"'{values[cell]:g}'" for cell in sorted(values))
    axis = alt.Axis(
        values=[cell + 0.5 for cell in range(cells)],
        labelExpr=f"[{labels}][floor(datum.value)]",
        grid=False,
        ticks=False,
        domain=False,
    )
    kind = alt.X if field == "at" else alt.Y
    # A title longer than its side would run into the next panel's.
    title = textwrap.wrap(points[0][f"{name}_label"], SIDE * cells // LETTER)
    return kind(f"{field}:Q", title=title, scale=alt.Scale(domain=[0, cells], nice=False), axis=axis)
