"""What a reader of the verdicts must know: whatever in the summary weakens them, one sentence each."""

from typing import Any

from qup.report.contrasts import ALIGNED, REFINED
from qup.stats import ZERO

NEAR = 0.5
"Share of equal traces from which a contrast between two streams is flagged."
BUDGET = 0.05
"Relative spread of training tokens over arms from which budgets are called unmatched."


def cautions(summary: dict[str, Any]) -> list[str]:
    """What weakens the verdicts: one training seed, streams nearly alike or not as named, unmatched budgets."""
    return [
        *_seeds(summary),
        *_still(summary),
        *_alike(summary),
        *_budgets(summary),
        *_floor(summary),
        *_empty(summary),
        *_manipulated(summary),
    ]


def _seeds(summary: dict[str, Any]) -> list[str]:
    found = {
        learner["utility"].get("seeds")
        for arm in summary["arms"].values()
        for learner in arm["learners"].values()
        if learner["utility"].get("seeds")
    }
    if 1 in found:
        return ["One training seed: intervals do not contain the variation between training runs."]
    if found and min(found) < 5:
        return [f"{min(found)} training seeds: the part of the intervals that stands for training runs is rough."]
    return []


def _still(summary: dict[str, Any]) -> list[str]:
    """Learners that answer every problem just as the base does: training that changed nothing, or did not run."""
    names = [
        f"{arm['label']} {objective.upper()}"
        for arm in summary["arms"].values()
        for objective, learner in arm["learners"].items()
        if learner["utility"]["value"] == 0 and learner["utility"]["se"] < ZERO
    ]
    return [f"Trained learners that are right exactly where the base is: {', '.join(names)}."] if names else []


def _alike(summary: dict[str, Any]) -> list[str]:
    out = {}
    for group in summary["oracles"].values():
        for found in group["objectives"].values():
            for c in found["contrasts"]:
                same = c.get("same_traces", {"same": 0, "of": 0})
                if c["declared"] and same["of"] and same["same"] / same["of"] >= NEAR:
                    out[c["name"]] = f"{c['name']} compares nearly the same data: {same['same']} of {same['of']} traces"
    return [f"{line} are identical." for line in out.values()]


def _budgets(summary: dict[str, Any]) -> list[str]:
    out = []
    for objective in summary["study"]["objectives"]:
        runs = [r for arm in summary["arms"].values() for r in arm["training"] if r["objective"] == objective]
        tokens = [r["tokens"] for r in runs]
        if tokens and max(tokens) > (1 + BUDGET) * min(tokens):
            out.append(
                f"{objective.upper()} budgets are not matched in tokens: {min(tokens):,} to {max(tokens):,} a run."
            )
    return out


def _floor(summary: dict[str, Any]) -> list[str]:
    study = summary["study"]
    families = [
        c["family"]
        for group in summary["oracles"].values()
        for found in group["objectives"].values()
        for c in found["contrasts"]
        if "family" in c
    ]
    least = 2 / (study["resamples"] + 1)
    if families and least * families[0] > 1 - study["level"]:
        return [
            f"{study['resamples']} resamples cannot resolve a family of {families[0]} contrasts: the smallest p after "
            f"Holm is {least * families[0]:.3g}. Raise report.resamples."
        ]
    return []


def _empty(summary: dict[str, Any]) -> list[str]:
    out = []
    for arm in summary["arms"].values():
        stream = arm["stream"]
        if arm["refiner"] in (ALIGNED, REFINED) and not stream["traces"]:
            out.append(f"{arm['label']}: the stream holds no trace.")
    return out


def _manipulated(summary: dict[str, Any]) -> list[str]:
    """Of the main factorials; a control's own check is its outcome."""
    main = (group["factorial"] for group in summary["oracles"].values())
    checks = {name: summary["manipulation_checks"][name] for name in main}
    failed = {name: check["reason"] for name, check in checks.items() if check["passed"] is False}
    return [f"The streams of factorial {name} are not what their names say: {why}." for name, why in failed.items()]
