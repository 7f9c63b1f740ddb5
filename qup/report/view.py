"""What sections are made of: titled tables of cells, which `page` turns into Markdown and HTML alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qup.report.numbers import Difference, Missing, Number, interval

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


Finding = tuple[str, list[str]]
"A headline and the sentences that carry it."


@dataclass(frozen=True)
class Card:
    """A finding of the first screen: its few sentences are read at once, the others when asked for."""

    name: str
    "What it is of, as `SFT, Oracle home`."
    headline: str
    sentences: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Term:
    """A number with its name, and what both mean: in few words at once, exactly when asked for."""

    name: str
    value: str
    small: str
    "Its interval and what it is of, a line each."
    said: str
    "What it is, in words that need no other."
    definition: str


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs, cards, terms, plots, findings, points, tables and code, shown in this order."""

    title: str
    paragraphs: list[str] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    bullets: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[str] = field(default_factory=list)
    "Names of plots, or of one panel of a plot: `quality-utility: SFT, sampled`."
    code: str = ""
    "Text to be copied as it stands."
    folded: bool = False
    "Closed at first on the page: for details."
    boxed: bool = False
    "Set off from the page: for what to read if nothing else."
    html: str = ""
    "Of our own making, for the page alone, which has it last; what others say must be escaped in it."


def number(value: Number, digits: int = 2, *, scale: float = 1.0, sign: bool = False, failed: int = 0) -> Cell:
    """An estimate as a cell: value, then interval and n; a dash and the reason if it is missing.

    `failed` counts what has no value and so is not in n.
    """
    if isinstance(value, Missing):
        return Cell(DASH, value.reason)
    notes = [f"n {value.n}"]
    if failed:
        notes.append(f"{failed} failed")
    if value.replicates == 1:
        notes.append("1 replicate")
    text = f"{scale * value.value:{'+' if sign else ''}.{digits}f}"
    return Cell(text, f"{interval(value, digits, sign=sign, scale=scale)}\n{', '.join(notes)}")


def percent(share: Number, *, sign: bool = False) -> Cell:
    """A share as a percentage with one decimal."""
    return number(share, digits=1, scale=100, sign=sign)


def signed(share: Number | Difference) -> Cell:
    """A difference of shares in points; a judged one has the interval that decided, and a mark if it is resolved."""
    if not isinstance(share, Difference):
        return percent(share, sign=True)
    cell = percent(share.shown, sign=True)
    return Cell(cell.text, cell.small, "good" if share.estimate.value > 0 else "bad") if share.resolved else cell


def difference(share: Difference | Missing) -> Cell:
    """A difference of shares in points with its MDE, bold if it is resolved."""
    if isinstance(share, Missing):
        return percent(share)
    cell, mde = percent(share.shown, sign=True), share.mde
    small = cell.small if isinstance(mde, Missing) else f"{cell.small}, MDE {100 * mde.value:.1f}"
    return Cell(cell.text, small, "told" if share.resolved else "")


def seeded(cost: Number, digits: int = 0) -> Cell:
    """A number that has one value per replicate."""
    cell = number(cost, digits)
    if isinstance(cost, Missing):
        return cell
    return Cell(cell.text, f"{interval(cost, digits)}\nn {cost.n} replicate{'s' * (cost.n != 1)}")


def word(text: str) -> Cell:
    """A cell of words; long ones get a wide column."""
    return Cell(text, mark="text long" if len(text) > 40 else "text")


def settings(declared: Mapping[str, Any]) -> str:
    """Settings as `key: value` text."""
    return ", ".join(f"{key}: {_setting(value)}" for key, value in declared.items()) or "none"


def _setting(value: Any) -> str:
    """A value as YAML would have it on one line."""
    if isinstance(value, Mapping):
        return f"{{{settings(value)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_setting, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
