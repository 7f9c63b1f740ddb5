"""The report's conclusions in words, from the summary's numbers alone, and the cautions a reader needs beside them."""

from typing import Any

from qup.report.contrasts import ALIGNED, NATIVE, REFINED
from qup.stats import ZERO

NEAR = 0.5
"Share of equal traces from which a contrast between two streams is flagged."
BUDGET = 0.05
"Relative spread of training tokens over arms from which budgets are called unmatched."


def points(found: dict[str, Any], digits: int = 1) -> str:
    """A share or difference of shares in accuracy points, with its interval."""
    value, low, high = (100 * found[key] for key in ("value", "low", "high"))
    return f"{value:+.{digits}f} points [{low:+.{digits}f}, {high:+.{digits}f}]"


def verdicts(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Per Oracle and objective: a headline, a sentence for each declared contrast and one on the paradox."""
    out = []
    for oracle, group in summary["oracles"].items():
        for objective, found in group["objectives"].items():
            shown = paradox(summary, found)
            lines = [_sentence(summary, c) for c in found["contrasts"] if c["declared"]]
            out.append(
                {
                    "oracle": oracle,
                    "objective": objective,
                    "headline": _headline(found, shown),
                    "sentences": [*lines, shown["sentence"]],
                    "paradox": shown["state"],
                }
            )
    return out


def _headline(found: dict[str, Any], shown: dict[str, Any]) -> str:
    if shown["state"] == "shown":
        return "Quality-Utility Paradox shown: the refined traces score higher and train worse than RFT."
    declared = [c for c in found["contrasts"] if c["declared"] and "p" in c]
    resolved = [c for c in declared if c["resolved"]]
    if not declared:
        return "No verdict: the declared contrasts were not measured."
    if not resolved:
        return "Not resolved: no declared contrast is told from zero and above its MDE, so no winner is declared."
    return f"No paradox shown; {len(resolved)} of {len(declared)} declared contrasts resolved."


def _sentence(summary: dict[str, Any], c: dict[str, Any]) -> str:
    if c["estimate"]["value"] is None:
        return f"{c['name']}: not measured ({c['estimate']['reason']})."
    numbers = f"{points(c['estimate'])}, n = {c['estimate']['n']}, Holm p = {c['p_holm']:.3g}"
    first, second = c["name"].split(" - ")
    if c["resolved"]:
        better, worse = (first, second) if c["estimate"]["value"] > 0 else (second, first)
        return f"{c['name']}: {numbers}. {better} trains the better learner than {worse}."
    if c["mde"]["value"] is None:
        return f"{c['name']}: not resolved ({numbers}; {c['mde']['reason']}). No winner."
    power = f"{100 * summary['study']['power']:.0f}%"
    least = f"a true difference of {100 * c['mde']['value']:.1f} points would be found with {power} power"
    return f"{c['name']}: not resolved ({numbers}; {least}). No winner."


def paradox(summary: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Whether Q(Refined) > Q(RFT) while U(Refined) < U(RFT), both resolved, by the study's first reward model."""
    reward = summary["primary_reward"]
    pair = [c for c in found["contrasts"] if c["declared"] and (c.get("first"), c.get("second")) != (None, None)]
    native = next((c for c in pair if _refiners(summary, c) == (NATIVE, REFINED) and "p" in c), None)
    quality = found["refined_over_native"].get(reward)
    if native is None or quality is None or quality["value"] is None:
        return {"state": "unknown", "sentence": "Paradox: cannot be judged, RFT and Refined are not both measured."}
    preferred = f"{reward} of Refined minus RFT {quality['value']:+.3f} [{quality['low']:+.3f}, {quality['high']:+.3f}]"
    preferred += f", n = {quality['n']}"
    cost = f"U(RFT) - U(Refined), that is C - V, {points(native['estimate'])}, n = {native['estimate']['n']}"
    resolved = quality["low"] > ZERO or quality["high"] < -ZERO
    if resolved and native["resolved"]:
        state = "shown" if quality["value"] > 0 and native["estimate"]["value"] > 0 else "absent"
        why = "shown" if state == "shown" else "not shown: the pair does not combine higher reward with lower utility"
    else:
        state = "unresolved"
        sides = [name for name, ok in (("reward", resolved), ("utility", native["resolved"])) if not ok]
        why = f"not resolved: the difference in {' and '.join(sides)} is not told from zero"
    return {"state": state, "sentence": f"Paradox {why} ({preferred}; {cost})."}


def _refiners(summary: dict[str, Any], c: dict[str, Any]) -> tuple[str, str]:
    first, second = (summary["arms"][c[side]]["refiner"] for side in ("first", "second"))
    return first, second


def cautions(summary: dict[str, Any]) -> list[str]:
    """What weakens the verdicts: one training seed, streams nearly alike, unmatched budgets, too few resamples."""
    return [
        *_seeds(summary),
        *_still(summary),
        *_alike(summary),
        *_budgets(summary),
        *_floor(summary),
        *_empty(summary),
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
