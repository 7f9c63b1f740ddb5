"""What of a report becomes a run in MLflow: name, words, settings, numbers with their intervals, curves and data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qup.measured import Curve
from qup.records import Step

Point = tuple[str, float, int]
"A metric's name, its value and the step that it is of."
NOTE = "mlflow.note.content"
"The tag that MLflow shows as a run's description, in Markdown."
CURVE = 250
"Points of a training curve; longer ones are thinned evenly, the last step kept."
CHOSEN = "chosen"
"The state of a choice of one arm, better than all others and than no training."
UNNAMED = ("not replicated", "unknown")
"States of the choice of a stream in which none is ahead."
COSTS = ("cost", "distance", "forgetting", "forward", "backward", "dip", "recovery")
"What of an arm's adaptation is mirrored."
EFFECTS = ("V", "C", "interaction")
"Of the two-by-two: what repair is worth, what style costs, and what neither explains alone."
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Data:
    """Something that DVC keeps and a run has used."""

    path: str
    "In the repository."
    md5: str
    "DVC's, which ends in .dir where it is of a folder."
    context: str
    "What it was used for: training, evaluation."
    traces: int | None = None


@dataclass(frozen=True)
class Entry:
    """A run to be."""

    name: str
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    data: Sequence[Data] = ()


def described(summary: Json) -> str:
    """A report's verdicts in Markdown: what to train on, then each verdict with what it rests on, then the cautions."""
    study = summary.get("study", {})
    blocks = [f"**{study['title']}**"] if "title" in study else []
    for choice in summary.get("choices", []):
        blocks.append(f"**What to train on, {_where(choice)}: {choice['headline']}.** {choice['sentence']}")
    for verdict in summary.get("verdicts", []):
        blocks.append(
            "\n".join([f"**{_where(verdict)}: {verdict['headline']}**", "", *_bullets(verdict.get("sentences", []))])
        )
    if cautions := summary.get("cautions", []):
        blocks.append("\n".join(["Cautions:", "", *_bullets(map(str, cautions))]))
    return "\n\n".join(blocks)


def _where(said: Json) -> str:
    return f"{said['objective'].upper()}, Oracle {said['oracle']}"


def _bullets(lines: Any) -> list[str]:
    return [f"- {line}" for line in lines]


def choice_tags(summary: Json) -> dict[str, str]:
    """What to train on, as tags of the whole report."""
    return {f"qup.train_on.{_key(choice)}": choice["headline"] for choice in summary.get("choices", [])}


def best_tags(summary: Json, arm: str) -> dict[str, str]:
    """Whether an arm is the best of its Oracle's or among those not told apart; no tag where it is neither."""
    return {
        f"qup.best.{_key(choice)}": "best" if choice["state"] == CHOSEN else f"{_place(choice)}, {choice['state']}"
        for choice in summary.get("choices", [])
        if arm in choice["arms"] and choice["state"] not in UNNAMED
    }


def _place(choice: Json) -> str:
    """Of an arm that is not told to be the one to train on."""
    return "ahead of the others" if len(choice["arms"]) == 1 else "among the best"


def _key(said: Json) -> str:
    return f"{said['oracle']}.{said['objective']}"


def headline(summary: Json) -> list[Point]:
    """The differences of utility and the effects of repair and style, as shares, with the ends that decide."""
    found: dict[str, Any] = {}
    for oracle, group in summary.get("oracles", {}).items():
        for objective, told in group["objectives"].items():
            for contrast in told["contrasts"]:
                if contrast["declared"]:
                    decided = {**contrast.get("estimate", {}), **_ends(contrast.get("holm", {}))}
                    found[f"difference/{contrast['name']}.{oracle}.{objective}"] = decided
    for world, objectives in summary.get("factorials", {}).items():
        for objective, told in objectives.items():
            for name in EFFECTS:
                effect = told.get(name, {})
                found[f"effect/{name}.{world}.{objective}"] = {**effect, **_ends(effect.get("holm", {}))}
    asked = {key: own["stream"]["oracle_tokens"] for key, own in _all_arms(summary).items() if "stream" in own}
    return [*_points(found), *([("oracle_tokens", float(sum(asked.values())), 0)] if asked else [])]


def _ends(holm: Json) -> dict[str, float]:
    return {end: holm[end] for end in ("low", "high") if end in holm}


def _all_arms(summary: Json) -> dict[str, Json]:
    return {**summary["arms"], **summary.get("control_arms", {})}


def arms(summary: Json, curves: Mapping[str, Sequence[Curve]], data: Mapping[str, Sequence[Data]]) -> Iterator[Entry]:
    """A run for each arm, the main ones first."""
    for name, numbers in _all_arms(summary).items():
        kind = "arm" if name in summary["arms"] else "control"
        oracle = numbers["oracle"] if numbers["oracle"] is not None else "none"
        yield Entry(
            name,
            tags={"qup.kind": kind, "qup.arm": name, **best_tags(summary, name), **_note(numbers)},
            params={"arm": name, "refiner": str(numbers["refiner"]), "oracle": str(oracle)},
            points=[*metrics(numbers, summary.get("adaptation", {}).get(name, {})), *losses(curves.get(name, []))],
            data=data.get(name, ()),
        )


def _note(numbers: Json) -> dict[str, str]:
    """An arm's description: its name on the page, and what became of its drafts."""
    if "stream" not in numbers:
        return {}
    stream = numbers["stream"]
    outcomes = ", ".join(f"{outcome} {count}" for outcome, count in stream["outcomes"].items())
    asked = f"{stream['oracle_tokens']} Oracle tokens in {stream['attempts']} attempts"
    return {NOTE: f"**{numbers['label']}**: {stream['traces']} traces ({outcomes}); {asked}."}


def base(summary: Json, pretraining: Sequence[Step], data: Sequence[Data]) -> Entry | None:
    """The untrained learner's run, with the curves of its pretraining if the study made it."""
    if "base" not in summary:
        return None
    kinds = {name: each for name, each in summary["base"].items() if isinstance(each, Mapping) and "value" in each}
    points = _points(kinds)
    kept = set(thin(len(pretraining)))
    for number, step in enumerate(pretraining, start=1):
        if number in kept:
            told = {"loss": step.loss, "token_accuracy": step.token_accuracy}
            points += [(f"pretraining/{key}", value, step.step) for key, value in told.items() if value is not None]
    return Entry("base", {"qup.kind": "base", NOTE: "The untrained learner."}, points=points, data=data)


def metrics(arm: Json, adaptation: Json) -> list[Point]:
    """An arm's numbers with the ends of their intervals; what was not measured has no metric."""
    estimates = {f"reward.{name}": estimate for name, estimate in arm["rewards"].items()}
    estimates |= {"ppl": arm["ppl"]["micro"], "ppl.macro": arm["ppl"]["macro"]}
    for objective, learner in arm["learners"].items():
        estimates |= {f"{name}.{objective}": each for name, each in learner.items() if isinstance(each, Mapping)}
    estimates |= {f"compat/{name}": each for name, each in arm.get("compat", {}).items()}
    estimates |= {f"adaptation/{name}": adaptation[name] for name in COSTS if name in adaptation}
    counts = {name: arm.get("stream", {}).get(name) for name in ("oracle_tokens", "learner_tokens", "traces")}
    return [*_points(estimates), *((name, float(count), 0) for name, count in counts.items() if count is not None)]


def _points(estimates: Mapping[str, Json]) -> list[Point]:
    """Value, low and high of each number that was measured."""
    return [
        (name if end == "value" else f"{name}.{end}", estimate[end], 0)
        for name, estimate in estimates.items()
        for end in ("value", "low", "high")
        if estimate.get("value") is not None and estimate.get(end) is not None
    ]


def losses(curves: Sequence[Curve]) -> list[Point]:
    """Training loss as (`loss/<objective>/<seed>`, value, optimizer step)."""
    return [
        (f"loss/{curve.objective}/{curve.replicate}", curve.loss[step - 1], step)
        for curve in curves
        for step in thin(len(curve.loss))
    ]


def thin(steps: int) -> list[int]:
    """At most about `CURVE` of the steps 1 to `steps`, evenly spaced, the last one among them."""
    every = -(-steps // CURVE)
    return [step for step in range(1, steps + 1) if (steps - step) % every == 0]


def flat(settings: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names and text."""
    if isinstance(settings, Mapping) and settings:
        return {k: v for key, value in settings.items() for k, v in flat(value, f"{prefix}.{key}".lstrip(".")).items()}
    return {prefix: str(settings)}
