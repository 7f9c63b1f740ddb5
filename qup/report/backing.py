"""The sections on what backs the verdict: further sets, factorials, manipulation checks, adaptation cost, controls."""

from collections.abc import Iterable
from typing import Any

from qup.report import control_tables
from qup.report.view import DASH, Cell, Section, Table, number, percent, seeded, signed, word

EFFECTS = {
    "V": "repair value V",
    "C": "drift cost C",
    "interaction": "interaction",
    "style_on_unrepaired": "style on unrepaired",
}


def sections(summary: dict[str, Any]) -> list[Section]:
    """Those there is something to say in."""
    found = [
        set_section(summary),
        factorial_section(summary),
        adaptation_section(summary),
        *(control_tables.sections(summary) if summary["controls"] else []),
    ]
    return [section for section in found if section is not None]


def set_section(summary: dict[str, Any]) -> Section | None:
    """Accuracy and utility on each evaluation set beside the held-out one; None if there is none."""
    if not summary["base"]["sets"]:
        return None
    text = "The same learners on other problems. Contrasts, indices and every verdict are of the held-out ones alone."
    tables = [_set_table(summary, task) for task in summary["base"]["sets"]]
    return Section("Further evaluation sets", [text], tables=tables)


def _set_table(summary: dict[str, Any], task: str) -> Table:
    objectives = summary["study"]["objectives"]
    reference = [Cell(DASH, "the reference")]
    rows = [[Cell("base"), *[percent(summary["base"]["sets"][task].get("accuracy")), *reference] * len(objectives)]]
    for arm in summary["arms"].values():
        found = [arm["sets"][task][o] for o in objectives]
        rows.append([Cell(arm["label"]), *(c for x in found for c in (percent(x["accuracy"]), signed(x["utility"])))])
    groups = [("", 1), *((f"{o.upper()} learner", 2) for o in objectives)]
    columns = ["arm", *[f"Avg@{summary['study']['k']}, %", "U, points"] * len(objectives)]
    return Table(columns, rows, groups, caption=f"Set {task}.")


def effect_table(summary: dict[str, Any], names: Iterable[str], caption: str) -> Table:
    """The effects of some factorials, each with its MDE; a resolved one is bold."""
    power = f"{100 * summary['study']['power']:.0f}%"
    rows = [
        [Cell(name), word(objective.upper()), *(_effect(parts[key]) for key in EFFECTS)]
        for name in names
        for objective, parts in summary["factorials"][name].items()
    ]
    return Table(
        ["factorial", "objective", *EFFECTS.values()],
        rows,
        caption=f"{caption} Accuracy points; bold is resolved; MDE at {power} power.",
    )


def _effect(found: dict[str, Any]) -> Cell:
    cell, floor = percent(found, sign=True), found.get("mde", {}).get("value")
    small = cell.small if floor is None else f"{cell.small}, MDE {100 * floor:.1f}"
    return Cell(cell.text, small, "told" if found.get("resolved") else "")


def factorial_section(summary: dict[str, Any]) -> Section:
    """All factorials, and whether their streams are what they claim."""
    text = (
        "Logic repaired or not, by style native or the Oracle's. V = U(aligned) - U(native), "
        "C = U(aligned) - U(refined), so U(refined) - U(native) = V - C. Interaction = [U(refined) - U(restyled)] - "
        "[U(aligned) - U(native)]: how the worth of repair changes under the Oracle's style. Style on unrepaired = "
        "U(restyled) - U(native)."
    )
    tables = [effect_table(summary, summary["factorials"], "Effects."), _manipulation(summary)]
    checks = summary["manipulation_checks"].items()
    findings = [(_check_title(name, check), [rule["sentence"] for rule in check["rules"]]) for name, check in checks]
    return Section("Logic and style", [text], findings=findings, tables=[table for table in tables if table.rows])


def _check_title(name: str, check: dict[str, Any]) -> str:
    if check["passed"] is None:
        return f"Manipulation check of {name}: not made, {check['reason']}."
    return f"Manipulation check of {name}: {'passed' if check['passed'] else 'FAILED'}."


def _manipulation(summary: dict[str, Any]) -> Table:
    arms = summary["arms"] | summary["control_arms"]
    rows = [
        [Cell(arms[arm]["label"]), percent(found["parsed"]), *(number(found[key], 3) for key in ("logic", "dose"))]
        for arm, found in summary["manipulation"].items()
    ]
    caption = "Traces as the parser reads them: logic is the share of right steps, dose that in the Oracle's style."
    return Table(["arm", "parsed, %", "logic", "dose"], rows, caption=caption)


def adaptation_section(summary: dict[str, Any]) -> Section:
    """What each main arm's stream cost its SFT learner while it was learnt."""
    text = (
        "AC-prequential of the SFT runs, nats: over the first epoch, the loss before each update above the floor, "
        "times the tokens of the step. The floor is the mean loss of the run's own last epoch, so it is in-sample: a "
        "memorized trace counts as learnt. Mean over training seeds, t interval."
    )
    found = {arm: summary["adaptation"][arm] for arm in summary["arms"]}
    rows = [[Cell(summary["arms"][arm]["label"]), seeded(cost)] for arm, cost in found.items()]
    if any(cost["value"] is not None for cost in found.values()):
        return Section("Adaptation cost", [text], tables=[Table(["arm", "nats"], rows)])
    return Section("Adaptation cost", [f"Not measured: {next((cost['reason'] for cost in found.values()), 'no arm')}."])
