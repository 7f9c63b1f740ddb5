"""What the report says, in order, as titled tables of cells; `page` turns it into Markdown and HTML alike."""

from dataclasses import dataclass, field
from typing import Any

from qup.report.words import interval
from qup.stats import ZERO

DASH = "–"


@dataclass(frozen=True)
class Cell:
    """One entry of a table: the value, and beneath it its interval and n, or the reason why there is no value."""

    text: str
    small: str = ""
    mark: str = ""
    "`good` or `bad`, the sign of a resolved difference, or `told`; `text` or `text long` for words, which align left."


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows."""

    columns: list[str]
    rows: list[list[Cell]]
    groups: list[tuple[str, int]] = field(default_factory=list)
    "Heads above the columns: (text, columns spanned)."
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A heading, findings, paragraphs, points, tables and plots, shown in this order."""

    title: str
    paragraphs: list[str] = field(default_factory=list)
    findings: list[tuple[str, list[str]]] = field(default_factory=list)
    "Headline and the sentences that carry it."
    bullets: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[str] = field(default_factory=list)
    folded: bool = False
    "Closed at first on the page: for details."


def number(found: dict[str, Any] | None, digits: int = 2, scale: float = 1.0, sign: bool = False) -> Cell:
    """An estimate as a cell: value, then interval and n; a dash and the reason if it is missing."""
    if found is None or found.get("value") is None:
        return Cell(DASH, (found or {}).get("reason", "not measured"))
    plus = "+" if sign else ""
    notes = [f"n {found['n']}"]
    if found.get("failed"):
        notes.append(f"{found['failed']} failed")
    if found.get("seeds") == 1:
        notes.append("1 seed")
    ends = interval(found, digits, plus, scale)
    return Cell(f"{scale * found['value']:{plus}.{digits}f}", f"{ends}\n{', '.join(notes)}")


def seeded(found: dict[str, Any]) -> Cell:
    """A number that has one value per training seed, whole."""
    cell = number(found, 0)
    if found["value"] is None:
        return cell
    return Cell(cell.text, f"{interval(found, 0)}\nn {found['n']} seed{'s' * (found['n'] != 1)}")


def word(text: str) -> Cell:
    """A cell of words; long ones get a wide column."""
    return Cell(text, mark="text long" if len(text) > 40 else "text")


def percent(found: dict[str, Any] | None, sign: bool = False) -> Cell:
    """A share as a percentage with one decimal."""
    return number(found, digits=1, scale=100, sign=sign)


def sections(summary: dict[str, Any]) -> list[Section]:
    """The verdict and the main tables; `backing` has what they rest on, `details` the rest."""
    return [
        verdict_section(summary),
        *(oracle_section(summary, oracle) for oracle in summary["oracles"]),
        contrast_section(summary),
        paradox_section(summary),
    ]


def verdict_section(summary: dict[str, Any]) -> Section:
    """The verdicts in words, before any table, and the cautions."""
    findings = [
        (f"{v['objective'].upper()}, Oracle {v['oracle']}: {v['headline']}", v["sentences"])
        for v in summary["verdicts"]
    ]
    if summary["cautions"]:
        findings.append(("Cautions", summary["cautions"]))
    return Section("Verdict", findings=findings)


def oracle_section(summary: dict[str, Any], oracle: str) -> Section:
    """One Oracle: its streams' quality, perplexity and utility, and how their learners answer."""
    text = f"Dials as declared: {settings(summary['oracles'][oracle]['dials'])}."
    return Section(f"Oracle {oracle}", [text], tables=[_main(summary, oracle), _answers(summary, oracle)])


def _main(summary: dict[str, Any], oracle: str) -> Table:
    rewards, objectives = summary["rewards"], summary["study"]["objectives"]
    nothing = [Cell(DASH, "no stream")] * (3 + len(rewards))
    rows = [[Cell("base"), *nothing, *[Cell(DASH, "the reference")] * len(objectives)]]
    for found in (summary["arms"][arm] for arm in summary["oracles"][oracle]["arms"]):
        cells = [Cell(found["label"]), Cell(str(found["stream"]["traces"]), f"of {found['stream']['problems']}")]
        cells += [number(found["rewards"][r]) for r in rewards]
        cells += [number(found["ppl"][key]) for key in ("micro", "macro")]
        rows.append(cells + [signed(found["learners"][o]["utility"]) for o in objectives])
    groups = [("", 2), ("perceived quality Q", len(rewards)), ("PPL", 2), ("utility U, points", len(objectives))]
    columns = ["arm", "traces", *rewards, "micro", "macro", *(o.upper() for o in objectives)]
    return Table(columns, rows, groups)


def _answers(summary: dict[str, Any], oracle: str) -> Table:
    objectives, shown = summary["study"]["objectives"], _shown(summary)
    rows = [[Cell("base"), *_answer_cells(summary["base"], shown) * len(objectives)]]
    for found in (summary["arms"][arm] for arm in summary["oracles"][oracle]["arms"]):
        cells = [cell for o in objectives for cell in _answer_cells(found["learners"][o], shown)]
        rows.append([Cell(found["label"]), *cells])
    names = {"accuracy": f"Avg@{summary['study']['k']}"}
    columns = ["arm", *[names.get(key, key) for key in shown] * len(objectives)]
    groups = [("", 1), *((f"{o.upper()} learner, % of answers", len(shown)) for o in objectives)]
    return Table(columns, rows, groups, caption="How the learners answer held-out problems.")


def _shown(summary: dict[str, Any]) -> list[str]:
    """The shares of answers that the study counts."""
    return ["accuracy", *["greedy"] * summary["study"]["greedy"], "truncated", "unparsed"]


def _answer_cells(found: dict[str, Any], shown: list[str]) -> list[Cell]:
    return [percent(found.get(key)) for key in shown]


def settings(given: dict[str, Any]) -> str:
    """Settings as `key: value` text."""
    return ", ".join(f"{key}: {value}" for key, value in given.items()) or "none"


def signed(found: dict[str, Any], resolved: bool | None = None) -> Cell:
    """A difference of shares in points, marked if it is resolved (by its interval, unless told otherwise)."""
    cell = percent(found, sign=True)
    if found.get("value") is None:
        return cell
    shown = (found["low"] > ZERO or found["high"] < -ZERO) if resolved is None else resolved
    return Cell(cell.text, cell.small, ("good" if found["value"] > 0 else "bad") if shown else "")


def contrast_section(summary: dict[str, Any]) -> Section:
    """All contrasts: declared ones with Holm, the others as exploration."""
    columns = ["contrast", "objective", "points", "MDE", "p", "p (Holm)", "verdict", "equal traces"]
    rows = [
        _contrast_row(objective, c)
        for wanted in (True, False)
        for group in summary["oracles"].values()
        for objective, found in group["objectives"].items()
        for c in found["contrasts"]
        if c["declared"] is wanted
    ]
    text = (
        "Paired differences of utility on the same held-out problems. Declared before the run: SAR - Refined and "
        "RFT - Refined; Holm's correction runs over them all. The others are exploration: their p is uncorrected. "
        f"MDE at {100 * summary['study']['power']:.0f}% power, before correction."
    )
    return Section("Contrasts", [text], tables=[Table(columns, rows)])


def _contrast_row(objective: str, c: dict[str, Any]) -> list[Cell]:
    head = [Cell(c["name"]), word(objective.upper())]
    if c["estimate"]["value"] is None:
        return [*head, number(c["estimate"]), *[Cell(DASH)] * 5]
    adjusted = Cell(f"{c['p_holm']:.3g}", f"{c['family']} declared") if c["declared"] else Cell(DASH, "exploratory")
    same = c["same_traces"]
    return [
        *head,
        signed(c["estimate"], c["resolved"]),
        Cell(f"{100 * c['mde']['value']:.1f}") if c["mde"]["value"] is not None else Cell(DASH, "no variation"),
        Cell(f"{c['p']:.3g}"),
        adjusted,
        word("resolved" if c["resolved"] else "not resolved"),
        Cell(str(same["same"]), f"of {same['of']}"),
    ]


def paradox_section(summary: dict[str, Any]) -> Section:
    """The paradox index and rank agreement of quality and utility, per Oracle, objective and reward."""
    rows = []
    for oracle, group in summary["oracles"].items():
        for objective, found in group["objectives"].items():
            for reward, index in found["paradox"].items():
                head = [Cell(oracle), word(objective.upper()), word(reward)]
                gap = number(found["refined_over_native"][reward], 3, sign=True)
                rows.append([*head, gap, *_paradox_cells(index)])
    text = (
        "A pair of streams counts as disagreeing if its Q difference and its U difference both exclude zero "
        "(uncorrected), are not below their MDEs and have opposite signs; PI is their share of all pairs."
    )
    columns = ["Oracle", "objective", "reward", "Q(Refined) - Q(RFT)", "PI", "Kendall tau(Q, U)", "disagreeing pairs"]
    return Section("Paradox index", [text], tables=[Table(columns, rows)])


def _paradox_cells(index: dict[str, Any]) -> list[Cell]:
    if index["index"] is None:
        return [Cell(DASH, index["reason"])] * 3
    counts = f"{index['disagree']} of {index['resolved']} resolved pairs of {index['pairs']}"
    tau = number(index["tau"])
    arms = Cell(tau.text, tau.small + (" arms" if index["tau"]["value"] is not None else ""))
    return [Cell(f"{index['index']:.2f}", counts), arms, word("; ".join(index["disagreeing"]) or "none")]
