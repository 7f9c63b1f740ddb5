"""The sections on controls: what was expected, what came out, their arms, and proxies against the dose."""

from typing import Any

from qup.report.view import DASH, Cell, Section, Table, number, percent, seeded, signed, word
from qup.report.words import EXPECTED, UNEXPECTED

MARKS = {EXPECTED: "good", UNEXPECTED: "bad"}


def sections(summary: dict[str, Any]) -> list[Section]:
    """The controls as results, and the proxies put to the test of the dose."""
    level = 100 * summary["study"]["level"]
    text = (
        f"Comparisons whose outcome was known before the run. At {level:g}% intervals about {100 - level:.2g} in 100 "
        "null checks come out wrong by chance. The arms below are in no other table, index or correction."
    )
    findings = [
        (f"{name}: {control['outcome']}", [f"Expected: {control['expected']}", *_said(control)])
        for name, control in summary["controls"].items()
    ]
    tables = [_zero_table(summary), *_dose_tables(summary), _arm_table(summary)]
    shown = Section("Controls", [text], findings=findings, tables=[table for table in tables if table.rows])
    return [shown, *([predictor_section(summary)] if _doses(summary) else [])]


def _said(control: dict[str, Any]) -> list[str]:
    sentences = [result["sentence"] for result in control["results"].values()]
    return [text[0].upper() + text[1:] for text in sentences]


def outcome(text: str, align: str = "") -> Cell:
    """A control's outcome, coloured if it is one; `text` aligns it left."""
    return Cell(text, mark=f"{align} {MARKS.get(text, '')}".strip())


def _zero_table(summary: dict[str, Any]) -> Table:
    rows = [
        _zero_row(name, control, key)
        for name, control in summary["controls"].items()
        if control["check"] == "zero"
        for key in control["results"]
    ]
    columns = ["control", "objective", "first - second", "difference", "MDE", "PI", "outcome"]
    return Table(columns, rows, caption="Null checks: utility in accuracy points, a reward in its own unit.")


def _zero_row(name: str, control: dict[str, Any], key: str) -> list[Cell]:
    result, share = control["results"][key], control["quantity"] == "utility"
    first, second = (control["labels"][arm] for arm in control["arms"])
    head = [Cell(name), word(key.upper() if share else control["quantity"]), word(f"{first} - {second}")]
    floor = result.get("mde", {}).get("value")
    gap = result.get("estimate")
    return [
        *head,
        percent(gap, sign=True) if share else number(gap, 3, sign=True),
        Cell(DASH) if floor is None else Cell(f"{100 * floor:.1f}" if share else f"{floor:.3f}"),
        _index(result.get("paradox", {})),
        outcome(result["outcome"], "text"),
    ]


def _index(paradox: dict[str, Any]) -> Cell:
    if not paradox:
        return Cell(DASH)
    worst = max(paradox.values(), key=lambda pi: pi["index"])
    return Cell(f"{worst['index']:.2f}", f"{worst['disagree']} of {worst['pairs']} pairs")


def _doses(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    controls = summary["controls"].items()
    return {name: c for name, c in controls if c["check"] == "ordered" and "ppl" in c["results"]}


def _dose_tables(summary: dict[str, Any]) -> list[Table]:
    return [_dose_table(summary, name, control) for name, control in _doses(summary).items()]


def _dose_table(summary: dict[str, Any], name: str, control: dict[str, Any]) -> Table:
    titles = {"ppl": "micro PPL", "adaptation": "adaptation cost, nats"}
    titles |= {o: f"U {o.upper()}, points" for o in summary["study"]["objectives"]}
    shown = {key: result for key, result in control["results"].items() if key in titles}
    rows = [
        [
            Cell(control["labels"][arm]),
            Cell(f"{control['doses'][arm]:g}"),
            *(_dose_cell(key, result["by_arm"][arm]) for key, result in shown.items()),
        ]
        for arm in control["arms"]
    ]
    rows.append([Cell("outcome"), Cell(""), *(outcome(result["outcome"]) for result in shown.values())])
    columns = ["arm", "dose", *(titles[key] for key in shown)]
    return Table(columns, rows, caption=f"Control {name}: arms that differ in the Oracle's dose alone.")


def _dose_cell(key: str, found: dict[str, Any]) -> Cell:
    if key == "ppl":
        return number(found)
    return seeded(found) if key == "adaptation" else percent(found, sign=True)


def _arm_table(summary: dict[str, Any]) -> Table:
    objectives = summary["study"]["objectives"]
    rows = []
    rewards = list(next(iter(summary["control_arms"].values()), {"rewards": {}})["rewards"])
    for arm, found in summary["control_arms"].items():
        cells = [Cell(found["label"]), Cell(str(found["stream"]["traces"]), f"of {found['stream']['problems']}")]
        cells += [number(found["rewards"][r]) for r in rewards]
        cells += [number(found["ppl"]["micro"]), seeded(summary["adaptation"][arm])]
        rows.append(cells + [signed(found["learners"][o]["utility"]) for o in objectives])
    columns = ["arm", "traces", *rewards, "micro PPL", "adaptation cost", *(o.upper() for o in objectives)]
    groups = [("", 2), *([("perceived quality Q", len(rewards))] if rewards else []), ("", 2)]
    return Table(columns, rows, [*groups, ("utility U, points", len(objectives))], caption="The arms of the controls.")


def predictor_section(summary: dict[str, Any]) -> Section:
    """Which proxy orders the doses as measured cost and utility do."""
    checks = summary["predictor_check"]
    first = next(iter(checks.values()))
    rows = [
        [
            Cell(name, "null metric" if found["null"] else ""),
            number(found["cost"]),
            *(number(check["metrics"][name]["utility"]) for check in checks.values()),
        ]
        for name, found in first["metrics"].items()
    ]
    text = (
        "Spearman's rank correlation over the arms of the first dose control (n counts arms), with the measured "
        f"adaptation cost and with utility; closest first. {first['caution']}"
    )
    columns = ["metric", "adaptation cost", *(f"U {o.upper()}" for o in checks)]
    return Section("Does a proxy order the doses?", [text], tables=[Table(columns, rows)])
