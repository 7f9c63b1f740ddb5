"""The report's conclusions in words, from the summary's numbers alone."""

from typing import Any

from qup.report.contrasts import NATIVE, REFINED
from qup.report.words import UNEXPECTED, UNTRIED, plain, points, worst


def verdicts(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Per Oracle and objective: a headline, and a sentence each on contrasts, paradox, mechanism, cost and controls.

    A control that did not come out as expected stands in the headline and in `flagged`.
    """
    out = []
    for oracle, group in summary["oracles"].items():
        for objective, found in group["objectives"].items():
            shown = paradox(summary, found)
            lines = [_sentence(summary, c) for c in found["contrasts"] if c["declared"]]
            flagged = failed_controls(summary, objective)
            out.append(
                {
                    "oracle": oracle,
                    "objective": objective,
                    "headline": _headline(found, shown) + _flag(flagged),
                    "sentences": [*lines, shown["sentence"], *_backing(summary, oracle, objective)],
                    "paradox": shown["state"],
                    "flagged": flagged,
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


def failed_controls(summary: dict[str, Any], objective: str) -> list[str]:
    """The controls that did not come out as expected, those about the other objective only left out."""
    return [name for name in summary["controls"] if _outcome(summary, name, objective) == UNEXPECTED]


def _outcome(summary: dict[str, Any], control: str, objective: str) -> str:
    """A control's outcome for an objective: the worst of its own results and of those that are of none, as PPL is."""
    results, others = summary["controls"][control]["results"], set(summary["study"]["objectives"]) - {objective}
    found = worst([UNTRIED, *(result["outcome"] for key, result in results.items() if key not in others)])
    tried = objective in results or not others & results.keys()
    return found if tried or found == UNEXPECTED else UNTRIED


def _flag(names: list[str]) -> str:
    if not names:
        return ""
    return f" FLAGGED: control{'s' * (len(names) > 1)} {', '.join(names)} did not come out as expected."


def _backing(summary: dict[str, Any], oracle: str, objective: str) -> list[str]:
    """What stands behind a verdict: the decomposition, the streams' own check, adaptation cost, controls."""
    name = summary["oracles"][oracle]["factorial"]
    return [
        _decomposed(summary["factorials"][name][objective], summary["manipulation_checks"][name]),
        *_costs(summary, oracle, objective),
        *_controlled(summary, objective),
    ]


def _decomposed(parts: dict[str, Any], check: dict[str, Any]) -> str:
    titles = (("V", "repair value V"), ("C", "drift cost C"), ("interaction", "interaction"))
    known = [
        f"{title} {points(parts[key])}{'' if parts[key]['resolved'] else ' (not resolved)'}"
        for key, title in titles
        if parts[key]["value"] is not None
    ]
    gone = [f"{title} not measured ({parts[key]['reason']})" for key, title in titles if parts[key]["value"] is None]
    said = "passed" if check["passed"] else f"{'failed, ' * (check['passed'] is False)}{check['reason']}"
    return f"Decomposition: {'; '.join([*known, *gone])}. Manipulation check: {said}."


def _costs(summary: dict[str, Any], oracle: str, objective: str) -> list[str]:
    """Adaptation cost is of the SFT runs."""
    arms = summary["oracles"][oracle]["arms"] if objective == "sft" else []
    known = {arm: summary["adaptation"][arm] for arm in arms if summary["adaptation"][arm]["value"] is not None}
    said = [f"{summary['arms'][arm]['label']} {plain(found, 0)}" for arm, found in known.items()]
    return [f"Adaptation cost, nats: {'; '.join(said)}."] if said else []


def _controlled(summary: dict[str, Any], objective: str) -> list[str]:
    outcomes: dict[str, list[str]] = {}
    for name in summary["controls"]:
        outcomes.setdefault(_outcome(summary, name, objective), []).append(name)
    said = [f"{', '.join(names)} {outcome}" for outcome, names in outcomes.items()]
    return [f"Controls: {'; '.join(said)}."] if said else []


def _sentence(summary: dict[str, Any], c: dict[str, Any]) -> str:
    if c["estimate"]["value"] is None:
        return f"{c['name']}: not measured ({c['estimate']['reason']})."
    numbers = f"{points(c['estimate'])}, n = {c['estimate']['n']}, Holm p = {c['p_holm']:.3g}"
    first, second = c["name"].split(" - ")
    floor = c["mde"]["value"]
    if c["resolved"]:
        better, worse = (first, second) if c["estimate"]["value"] > 0 else (second, first)
        least = "" if floor is None else f", MDE {100 * floor:.1f} points"
        return f"{c['name']}: {numbers}{least}. {better} trains the better learner than {worse}."
    if floor is None:
        return f"{c['name']}: not resolved ({numbers}; {c['mde']['reason']}). No winner."
    power = f"{100 * summary['study']['power']:.0f}%"
    least = f"a true difference of {100 * floor:.1f} points would be found with {power} power"
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
    if quality["resolved"] and native["resolved"]:
        state = "shown" if quality["value"] > 0 and native["estimate"]["value"] > 0 else "absent"
        why = "shown" if state == "shown" else "not shown: the pair does not combine higher reward with lower utility"
    else:
        state = "unresolved"
        sides = [name for name, ok in (("reward", quality["resolved"]), ("utility", native["resolved"])) if not ok]
        why = f"not resolved: the difference in {' and '.join(sides)} is not told from zero, or is below its MDE"
    return {"state": state, "sentence": f"Paradox {why} ({preferred}; {cost})."}


def _refiners(summary: dict[str, Any], c: dict[str, Any]) -> tuple[str, str]:
    first, second = (summary["arms"][c[side]]["refiner"] for side in ("first", "second"))
    return first, second
