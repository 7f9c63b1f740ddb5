"""What the plots show, as rows of plain numbers: one row per point."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qup.arms import SHORT
from qup.compat.quarter import QUARTERS
from qup.measured import Curve, Measured
from qup.records import GREEDY, LEARNER, SAMPLED, Step
from qup.report.numbers import Missing, Number
from qup.report.sections.controls import Control
from qup.report.sections.dose import PPL, Ordered
from qup.report.sections.oracle import Group, Row, Tables
from qup.stats import Estimate

BINS = 60
"Points of a training curve; longer runs are averaged within bins."
NO_ORACLE = "none (native)"
NEAR = 0.5
"Share of the width of all points within which a name would lie on the next point."
NAME = 0.09
"Height of a name, as a share of that of all points."
LETTER = 0.045
"Width of a letter of a name, as a share of that of all points."
TOUCH = 1e-9
"Names that touch do not lie on each other."
Rows = list[dict[str, Any]]
"JSON as Vega-Lite takes it."


def stream_label(refiner: str) -> str:
    """The stream's name without its Oracle: arms of one refiner share a colour."""
    return SHORT.get(refiner, refiner)


def _place(row: Row) -> dict[str, str]:
    return {"stream": stream_label(row.refiner), "oracle": row.oracle or NO_ORACLE, "arm": row.label}


def _ends(number: Estimate) -> dict[str, float]:
    return {"value": number.value, "low": number.low, "high": number.high}


def quality_rows(tables: Tables, beside: Iterable[Row] = ()) -> Rows:
    """One point per arm, objective and decoding that has both Q, of the primary reward, and U, in accuracy points.

    `beside` are arms that are in no table of the main ones.
    """
    points: Rows = []
    for row in (*tables.rows.values(), *beside):
        quality: Number = row.rewards[tables.primary].mean if tables.primary else Missing("no reward")
        for objective, learner in row.learners.items():
            for decoding, utility in ((SAMPLED, learner.utility), (GREEDY, learner.greedy_utility)):
                if not isinstance(quality, Missing) and not isinstance(utility, Missing):
                    ends = {f"q_{end}": round(value, 6) for end, value in _ends(quality).items()}
                    ends |= {f"u_{end}": round(100 * value, 4) for end, value in _ends(utility).items()}
                    where = {"objective": objective.upper(), "panel": f"{objective.upper()}, {decoding}"}
                    points.append(_place(row) | ends | where)
    order = list(dict.fromkeys(point["panel"] for point in points))
    return _named_apart(sorted(points, key=lambda point: order.index(point["panel"])))


def _named_apart(rows: Rows) -> Rows:
    """The rows with a place for each name: right of all that stands near its point, above what it would lie on."""
    if not rows:
        return rows
    # A reward may say the same of every trace, and every arm may answer alike.
    across = max(r["q_high"] for r in rows) - min(r["q_low"] for r in rows) or 1.0
    high = NAME * (max(r["u_high"] for r in rows) - min(r["u_low"] for r in rows) or 1.0)
    for panel in dict.fromkeys(row["panel"] for row in rows):
        _apart([row for row in rows if row["panel"] == panel], across, high)
    return rows


def _apart(panel: Rows, across: float, high: float) -> None:
    """Place the names of a panel, from the lowest point on; a name is as wide as its letters and `high`."""
    taken: list[tuple[float, float, float]] = []
    points = [(row["q_value"], row["q_value"], row["u_value"]) for row in panel]
    for row in sorted(panel, key=lambda r: float(r["u_value"])):
        near = [r["q_high"] for r in panel if 0 <= r["q_value"] - row["q_value"] < NEAR * across]
        start, at = max(near) + across / 40, row["u_value"]
        end = start + LETTER * across * len(row["arm"])
        in_its_way = [height for left, right, height in (*taken, *points) if left < end and right > start]
        while below := [height for height in in_its_way if abs(at - height) < high - TOUCH]:
            at = max(below) + high
        taken.append((start, end, at))
        row |= {"name_from": round(start, 6), "name_at": round(at, 4)}


def quarter_rows(rows: Mapping[str, Row], groups: Mapping[str, Group]) -> Rows:
    """PPL of each quarter, per Oracle's group of arms."""
    points: Rows = []
    for oracle, group in groups.items():
        for row in (rows[arm] for arm in group.arms):
            for quarter in QUARTERS:
                ppl = row.ppl[str(quarter)]
                if not isinstance(ppl, Missing):
                    ends = {end: round(value, 6) for end, value in _ends(ppl).items()}
                    points.append(_place(row) | {"group": oracle, "quarter": quarter} | ends)
    return points


def curve_rows(arms: Iterable[Measured], objectives: Iterable[str]) -> Rows:
    """Loss against tokens trained on, averaged over replicates at equal steps and within `BINS` bins."""
    points: Rows = []
    objectives = list(objectives)
    for arm in arms:
        oracle = NO_ORACLE if arm.oracle == LEARNER else arm.oracle
        place = {"stream": stream_label(arm.refiner), "oracle": oracle}
        for objective in objectives:
            curves = [curve for curve in arm.curves if curve.objective == objective]
            points += [place | {"objective": objective.upper()} | point for point in _averaged(curves)]
    return points


def _averaged(curves: Sequence[Curve]) -> Rows:
    longest = max((len(curve.loss) for curve in curves), default=0)
    bins: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for curve in curves:
        for step, point in enumerate(zip(curve.tokens, curve.loss, strict=True), start=1):
            bins[step * BINS // (longest + 1) if longest >= BINS else step].append(point)
    return [
        {
            "tokens": round(sum(tokens for tokens, _ in group) / len(group), 2),
            "loss": round(sum(loss for _, loss in group) / len(group), 6),
        }
        for _, group in sorted(bins.items())
    ]


def pretraining_rows(steps: Sequence[Step]) -> Rows:
    """Loss and token accuracy of the learner's own training, averaged within `BINS` bins of steps."""
    width = -(-len(steps) // BINS) or 1
    rows: Rows = []
    for key, title in (("loss", "loss, nats per token"), ("token_accuracy", "token accuracy")):
        for first in range(0, len(steps), width):
            values = [getattr(step, key) for step in steps[first : first + width]]
            if None not in values:
                last = steps[min(first + width, len(steps)) - 1].step
                rows.append({"quantity": title, "step": last, "value": round(sum(values) / len(values), 6)})
    return rows


def dose_rows(controls: Iterable[Control], objectives: Sequence[str]) -> Rows:
    """PPL, adaptation cost and utility by dose, of the first ordered control; a cost of one replicate has no ends."""
    ladder = next((control for control in controls if PPL in control.results), None)
    if ladder is None:
        return []
    points: Rows = []
    for quantity, result in ladder.results.items():
        if isinstance(result, Ordered):
            scale = 100 if quantity in objectives else 1
            place = {"quantity": quantity, "objective": quantity.upper()}
            for arm, number in result.by_arm.items():
                if not isinstance(number, Missing):
                    points.append(place | {"dose": ladder.doses[arm]} | scaled(number, scale))
    return points


def scaled(number: Estimate, scale: int) -> dict[str, float]:
    """Ends of a number, where one without ends has its value."""
    ends = _ends(number)
    return {end: round(scale * (value if math.isfinite(value) else number.value), 4) for end, value in ends.items()}


def oracles(rows: Rows) -> list[str]:
    """The Oracles of `rows`; none at all first, so that native streams have the plain line and the first shape."""
    return sorted(dict.fromkeys(row["oracle"] for row in rows), key=lambda name: name != NO_ORACLE)
