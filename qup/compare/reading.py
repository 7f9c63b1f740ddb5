"""A published report as what is compared of it: a line per Oracle and objective.

Reports are read as they were made, some of them by earlier versions: what one has not is None with the reason, never 0.
A report that knows no replicates is not replicated, whatever it says of winners.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qup.arms import NATIVE, REFINED
from qup.compare import made
from qup.compare.made import Made
from qup.records import HELDOUT, LEARNER

EARLIER = "Not replicated: made by an earlier version on one training set, so no winner is named."
ABSENT = "not in this report"
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
"A model as hubs name it."


@dataclass(frozen=True)
class Figure:
    """A number as a report has it: a difference of shares, unless it says otherwise."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    "Ends of the interval that decides; None where there is none."
    n: int | None = None
    "Problems."
    replicates: int | None = None
    "None where nothing was trained, or where the report does not say."
    resolved: bool = False
    "By the one rule, which takes more than one replicate."
    reason: str = ""
    "Why there is no value."

    @property
    def negated(self) -> "Figure":
        """The difference the other way round."""
        value, low, high = (None if end is None else 0.0 - end for end in (self.value, self.high, self.low))
        return Figure(value, low, high, self.n, self.replicates, self.resolved, self.reason)


@dataclass(frozen=True)
class Decoded:
    """Differences of utility under one decoding."""

    gap: Figure
    "U(RFT) - U(Refined), the declared contrast."
    repair: Figure
    "V."
    drift: Figure
    "C."


@dataclass(frozen=True)
class Index:
    """The paradox index by the primary reward."""

    value: float | None = None
    "Share of the resolved pairs whose signs differ; None where none is resolved."
    pairs: int | None = None
    resolved: int | None = None
    bounds: tuple[float, float] | None = None
    "Least and greatest share of all pairs, as the others may turn out."
    reason: str = ""


@dataclass(frozen=True)
class Line:
    """One Oracle and objective of a study."""

    oracle: str
    objective: str
    verdict: str
    "The report's own headline; of one that is not replicated, that."
    state: str | None
    "Of the paradox, as the report names it; None where it is not replicated."
    sampled: Decoded
    greedy: Decoded
    quality: Figure
    "Q(Refined) - Q(RFT) by the primary reward, in its unit."
    index: Index
    choice: str = ABSENT
    "What to train on, as the report says it."


@dataclass(frozen=True)
class Published:
    """One report."""

    name: str
    title: str
    made: Made
    learner: str | None = None
    "As the report names it: a model of a hub, or the plug that makes it."
    oracles: dict[str, str] = field(default_factory=dict)
    "By name: the plug, with its model."
    reward: str | None = None
    "The primary one."
    replicates: int | None = None
    lines: list[Line] = field(default_factory=list)
    problem: str = ""
    "Why nothing is read of it."
    page: str | None = None
    "Its page, from the folder of all results."

    @property
    def row(self) -> str | None:
        """The row of the paper that it is about."""
        named = at(self.made.settings, "report", "paper")
        return named if isinstance(named, str) else None

    @property
    def main(self) -> str | None:
        """The task that its differences are of; None where nothing tells."""
        tasks = at(self.made.settings, "evaluation", "tasks")
        names = [each if isinstance(each, str) else at(each, "task") for each in tasks or []]
        return HELDOUT if HELDOUT in names else next(iter(names), None)


def read(top: Path) -> Published:
    """The report below a study's folder; one that cannot be read says so and has no lines."""
    page = f"{top.name}/report/index.html" if (top / "report" / "index.html").is_file() else None
    try:
        summary = json.loads((top / made.REPORT).read_text(encoding="utf-8"))
        return published(top.name, summary, made.read(top), page)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Published(top.name, top.name, Made(), problem="its report.json cannot be read", page=page)


def published(name: str, summary: Mapping[str, Any], by: Made, page: str | None = None) -> Published:
    """What is compared of a report's numbers.

    Raises:
        LookupError, TypeError, AttributeError: they are no report's.
    """
    study, replicates = summary["study"], summary["study"].get("replicates")
    models = {LEARNER: study.get("learner") or {}, **(study.get("models") or {})}
    return Published(
        name=name,
        title=study["title"],
        made=by,
        learner=model_name(models[LEARNER]),
        oracles={oracle: oracle_name(dials, models) for oracle, dials in study["oracles"].items()},
        reward=summary.get("primary_reward"),
        replicates=replicates,
        lines=list(_lines(summary, replicated=(replicates or 1) > 1)),
        page=page,
    )


def model_name(entry: Mapping[str, Any]) -> str | None:
    """A model by its hub's name where its settings have one, else by the plug that makes it."""
    for key in ("repo", "origin", "path"):
        if match := REPOSITORY.search(str(entry.get(key) or "")):
            return match[0]
    return entry.get("source")


def oracle_name(dials: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> str:
    """An Oracle by its model, or its plug."""
    model = dials.get("model")
    named = (model_name(models[model]) if model in models else model) if model else None
    return named or str(dials["oracle"])


def _lines(summary: Mapping[str, Any], *, replicated: bool) -> Iterator[Line]:
    for verdict in summary["verdicts"]:
        oracle, objective = verdict["oracle"], verdict["objective"]
        group = summary["oracles"][oracle]
        numbers = group["objectives"][objective]
        # Before replicates the decomposition stood beside the contrasts.
        effects = at(summary, "factorials", group.get("factorial"), objective) or numbers.get("decomposition")
        contrast = _contrast(summary, numbers["contrasts"])
        primary = summary.get("primary_reward")
        yield Line(
            oracle=oracle,
            objective=objective,
            verdict=verdict["headline"] if replicated or "ot replicated" in verdict["headline"] else EARLIER,
            state=verdict.get("paradox") if replicated else None,
            sampled=Decoded(
                _figure(_flat(contrast), replicated), *(_figure(at(effects, name), replicated) for name in "VC")
            ),
            greedy=Decoded(
                _figure(at(contrast, "greedy"), replicated),
                *(_figure(at(effects, "greedy", name), replicated) for name in "VC"),
            ),
            quality=_figure(at(numbers, "refined_over_native", primary), replicated),
            index=_index(at(numbers, "paradox", primary), replicated),
            choice=_choice(summary, oracle, objective, replicated),
        )


def _choice(summary: Mapping[str, Any], oracle: str, objective: str, replicated: bool) -> str:
    """What to train on; of a report that is not replicated nothing, whatever it says."""
    said = {(each["oracle"], each["objective"]): each["headline"] for each in summary.get("choices", [])}
    found = said.get((oracle, objective), ABSENT)
    return str(found) if replicated or "ot replicated" in found else "not replicated"


def _contrast(summary: Mapping[str, Any], contrasts: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The declared difference between RFT and the refined traces, by its arms' refiners."""
    for contrast in contrasts:
        arms = [summary["arms"].get(contrast.get(side), {}).get("refiner") for side in ("first", "second")]
        if contrast["declared"] and arms == [NATIVE, REFINED]:
            return contrast
    return None


def _flat(contrast: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A contrast's sampled difference written as all others are."""
    return None if contrast is None else {**contrast, **contrast["estimate"]}


def _figure(entry: Mapping[str, Any] | None, replicated: bool) -> Figure:
    if entry is None or entry.get("value") is None:
        return Figure(reason=(entry or {}).get("reason") or ABSENT)
    # The interval that decides, where it was corrected for the others.
    ends = entry["holm"] if isinstance(entry.get("holm"), Mapping) else entry
    replicates = entry.get("replicates", entry.get("seeds"))
    resolved = bool(entry.get("resolved")) and replicated
    return Figure(entry["value"], ends.get("low"), ends.get("high"), entry.get("n"), replicates, resolved)


def _index(entry: Mapping[str, Any] | None, replicated: bool) -> Index:
    if entry is None or "pairs" not in entry:
        return Index(reason=(entry or {}).get("reason") or ABSENT)
    if not replicated:
        return Index(pairs=entry["pairs"], reason="not replicated")
    low, high = entry["bounds"]
    reason = "" if entry["index"] is not None else "no pair resolved"
    return Index(entry["index"], entry["pairs"], entry["resolved"], (low, high), reason)


def at(value: Any, *keys: Any) -> Any:
    """What stands at a path of keys; None where a key is not there."""
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value
