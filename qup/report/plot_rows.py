"""What the plots show, as rows of plain numbers: one row per point."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from qup.records import Step
from qup.report.contrasts import label
from qup.report.data import Inputs

BINS = 60
"Points of a training curve; longer runs are averaged within bins."
NO_ORACLE = "none (native)"
Rows = list[dict[str, Any]]


def stream(inputs: Inputs, arm: str) -> str:
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
    return _named_apart(rows)


def _named_apart(rows: Rows) -> Rows:
    """The rows with a height for each name: its point's, or above the name that it would lie on."""
    if not rows:
        return rows
    wide = 0.3 * (max(r["q_high"] for r in rows) - min(r["q_low"] for r in rows))
    high = 0.06 * (max(r["u_high"] for r in rows) - min(r["u_low"] for r in rows))
    placed: list[tuple[str, float, float]] = []
    for row in sorted(rows, key=lambda r: float(r["u_value"])):
        at = row["u_value"]
        for objective, q, other in placed:
            if objective == row["objective"] and abs(q - row["q_value"]) < wide and at - other < high:
                at = other + high
        placed.append((row["objective"], row["q_value"], at))
        row["name_at"] = round(at, 4)
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
        place = {"stream": stream(inputs, arm), "oracle": oracle}
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


def dose_rows(summary: dict[str, Any]) -> Rows:
    """PPL, adaptation cost and utility by dose, of the first ordered control; a cost of one seed ends at its value."""
    ladders = (c for c in summary["controls"].values() if c["check"] == "ordered" and "ppl" in c["results"])
    control = next(ladders, None)
    if control is None:
        return []
    return [
        {"quantity": key, "objective": key.upper(), "dose": control["doses"][arm]}
        | {k: round(scale * (found["value"] if found[k] is None else found[k]), 4) for k in ("value", "low", "high")}
        for key, result in control["results"].items()
        for scale in [100 if key in summary["study"]["objectives"] else 1]
        for arm, found in result["by_arm"].items()
        if found["value"] is not None
    ]


def oracles(rows: Rows) -> list[str]:
    """The Oracles of `rows`; none at all first, so that native streams have the plain line and the first shape."""
    return sorted(dict.fromkeys(row["oracle"] for row in rows), key=lambda name: name != NO_ORACLE)
