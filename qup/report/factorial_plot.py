"""The two-by-two as a picture: utility by whose words a stream has, a line with the logic as it was and one repaired.

The rise from the lower line to the upper one at the learner's own words is V; the fall along the repaired one is C.
"""

from typing import Any

from qup.records import GREEDY, SAMPLED
from qup.report.charts import GREY, HEIGHT, INK, LETTERS, WIDTH, finish
from qup.report.numbers import Missing
from qup.report.plot_rows import Rows, scaled
from qup.report.sections.logic_and_style import Logic
from qup.report.sections.oracle import Tables

OWN, FOREIGN = "the learner's", "the Oracle's"
CORNERS = {
    "native": (OWN, "as written"),
    "restyled": (FOREIGN, "as written"),
    "aligned": (OWN, "repaired"),
    "refined": (FOREIGN, "repaired"),
}
"Role to whose words it has, and its logic."
TONES = {"as written": "#0072B2", "repaired": "#D55E00"}
ASIDE = 0.06
"How far the two lines step aside each other, of the distance between the two words."
NAME = 0.12
"Height of a name, as a share of that of a panel's intervals."
TITLE = "The two-by-two: whose words, whose logic"


def rows(logic: Logic, tables: Tables) -> Rows:
    """A row per corner, objective and decoding, of the first Oracle; no panel that lacks a corner."""
    oracle = next(iter(tables.groups), "")
    points: Rows = []
    for objective, effects in logic.factorials.get(logic.main.get(oracle, ""), {}).items():
        for decoding in (SAMPLED, GREEDY):
            panel = [
                _corner(role, tables, effects.arms.get(role), objective, decoding)
                | {"panel": f"{objective.upper()}, {decoding}"}
                for role in CORNERS
            ]
            points += _named_apart(panel) if all("value" in each for each in panel) else []
    return points


def _named_apart(panel: Rows) -> Rows:
    """With a height for each name: of the two at one side the upper is moved up where they would lie on each other."""
    gap = NAME * (max(each["high"] for each in panel) - min(each["low"] for each in panel))
    for words in (OWN, FOREIGN):
        lower, upper = sorted((each for each in panel if each["words"] == words), key=lambda each: float(each["value"]))
        lower["name_at"] = lower["value"]
        upper["name_at"] = round(max(upper["value"], lower["value"] + gap), 4)
    return panel


def _corner(role: str, tables: Tables, arm: str | None, objective: str, decoding: str) -> dict[str, Any]:
    """Its place; with its utility where there is one."""
    words, logic = CORNERS[role]
    learner = tables.rows[arm].learners.get(objective) if arm in tables.rows else None
    utility = (
        Missing("no arm") if learner is None else learner.utility if decoding == SAMPLED else learner.greedy_utility
    )
    if arm is None or isinstance(utility, Missing):
        return {}
    at = (words == FOREIGN) + ASIDE * (0.5 if logic == "repaired" else -0.5)
    return {"arm": tables.rows[arm].label, "words": words, "logic": logic, "at": at} | scaled(utility, 100)


def frame(points: Rows) -> tuple[float, float]:
    """The ends of utility over all panels."""
    low, high = (end((p[key] for p in points), default=0.0) for end, key in ((min, "low"), (max, "high")))
    low, high = min(0.0, low), max(0.0, high)
    return low - (high - low) / 20, high + (high - low) / 20


def chart(points: Rows, ends: tuple[float, float]) -> Any:
    """A panel each, under each other."""
    import altair as alt

    panels = list(dict.fromkeys(point["panel"] for point in points))
    drawn = [_panel([p for p in points if p["panel"] == name], name, ends) for name in panels]
    return finish(alt.vconcat(*drawn, spacing=14), TITLE)


def _panel(points: Rows, name: str, ends: tuple[float, float]) -> Any:
    import altair as alt

    labels = f'datum.value < 0.5 ? "{OWN}" : "{FOREIGN}"'
    x = alt.X(
        "at:Q",
        title="words",
        scale=alt.Scale(domain=[-0.35, 1.6], nice=False),
        axis=alt.Axis(values=[0, 1], labelExpr=labels, grid=False),
    )
    y = alt.Y("value:Q", title="utility U, points over base", scale=alt.Scale(domain=list(ends)))
    colour = alt.Color(
        "logic:N", title="logic", scale=alt.Scale(domain=list(TONES), range=list(TONES.values())), sort=None
    )
    base = alt.Chart(alt.Data(values=points))
    layers = [
        base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.YDatum(0)),
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q", title=""), y2=alt.Y2("high:Q"), color=colour),
        base.mark_point(filled=True, size=60, opacity=1).encode(x=x, y=y, color=colour),
        base.mark_text(align="left", baseline="middle", dx=8, fontSize=LETTERS, color=INK).encode(
            x=x, y=alt.Y("name_at:Q"), text=alt.Text("arm:N")
        ),
    ]
    title = alt.TitleParams(name, fontSize=LETTERS, anchor="start")
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=title)
