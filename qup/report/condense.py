"""Tables as the page has them: what is the same in every row is said once, below the table, and no cell has its n.

Markdown keeps every cell as it is, and report.json every number.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qup.report.view import DASH, Cell, Table

COUNT = re.compile(r"^n ([\d,]+)( \w+)?(?:, |$)", re.MULTILINE)
"How many values a number is of, as `qup.report.view.number` writes it beneath: `n 160`, `n 3 replicates`."
SHOWN = 5
"Rows of a folded table that are seen at once."
SPARE = 2
"A table is folded where it hides more than so many rows."
FEW = 3
"Rows from which a column of equal cells is taken out; two equal ones may be the finding."


@dataclass(frozen=True)
class Condensed:
    """A table, and what was taken out of its cells."""

    table: Table
    notes: list[str]

    @property
    def hidden(self) -> int:
        """Rows behind the fold; 0 of a table that is too short for one."""
        beyond = len(self.table.rows) - SHOWN
        return beyond if beyond > SPARE else 0


def condensed(table: Table) -> Condensed:
    """The table without columns that are equal throughout, and without counts."""
    kept, equal = _split(table)
    if len(kept) < 2:
        kept, equal = list(range(len(table.columns))), []
    said = [_said(table, at) for at in equal]
    spare = replace(
        table,
        columns=[table.columns[at] for at in kept],
        rows=[[row[at] for at in kept] for row in table.rows],
        groups=_groups(table.groups, kept),
    )
    counted = _counts(spare)
    rows = [[replace(cell, small=_uncounted(cell)) for cell in row] for row in spare.rows]
    notes = [f"The same in every row: {'; '.join(said)}."] if said else []
    return Condensed(replace(spare, rows=rows), [*notes, *counted])


def _split(table: Table) -> tuple[list[int], list[int]]:
    """Columns that differ somewhere, the first always among them, and those that do not."""
    kept, equal = [0], list[int]()
    for at in range(1, len(table.columns)):
        cells = [row[at] for row in table.rows if _there(row[at])] or [row[at] for row in table.rows]
        same = len(cells) >= FEW and len({(cell.text, cell.small) for cell in cells}) == 1
        # A cell that alone is empty has its reason, as an arm that was not measured; one row of a table may have it.
        (equal if same and len(cells) >= len(table.rows) - 1 else kept).append(at)
    return kept, equal


def _there(cell: Cell) -> bool:
    return cell.text not in {"", DASH}


def _said(table: Table, at: int) -> str:
    """A column that is equal throughout, and its value; the row that alone has none with the reason."""
    cell = next((row[at] for row in table.rows if _there(row[at])), table.rows[0][at])
    lone = [row for row in table.rows if _there(cell) and not _there(row[at])]
    but = [f", but {row[0].text} {_plain(row[at])}".rstrip() for row in lone]
    return f"{_names(table)[at]} {_plain(cell)}{''.join(but)}"


def _plain(cell: Cell) -> str:
    return " ".join(f"{cell.text} {_uncounted(cell)}".split())


def _uncounted(cell: Cell) -> str:
    """What stands beneath a cell, without its n."""
    return "\n".join(line for line in COUNT.sub("", cell.small).splitlines() if line)


def _names(table: Table) -> list[str]:
    """What each column is called among the others: with its group's name where another has the same."""
    spans = [text for text, count in table.groups for _ in range(count)] or [""] * len(table.columns)
    often = Counter(table.columns)
    return [
        f"{group}, {column}" if group and often[column] > 1 else column
        for group, column in zip(spans, table.columns, strict=True)
    ]


def _groups(groups: Sequence[tuple[str, int]], kept: Sequence[int]) -> list[tuple[str, int]]:
    """The heads above the columns that are left."""
    spans = [place for place, (_, count) in enumerate(groups) for _ in range(count)]
    left = Counter(spans[at] for at in kept) if spans else Counter[int]()
    return [(text, left[place]) for place, (text, _) in enumerate(groups) if left[place]]


def _counts(table: Table) -> list[str]:
    """What n is: one number for all, or one a column where columns differ, a range where rows do."""
    by_column: dict[str, list[str]] = {}
    for at, name in enumerate(_names(table)):
        found = [match for row in table.rows for match in COUNT.finditer(row[at].small)]
        if found:
            by_column.setdefault(_range(found), []).append(name)
    if not by_column:
        return []
    if len(by_column) == 1:
        return [f"n = {next(iter(by_column))}."]
    usual = max(by_column, key=lambda said: len(by_column[said]))
    others = [f"{', '.join(columns)} {said}" for said, columns in by_column.items() if said != usual]
    return [f"n = {usual}; {'; '.join(others)}."]


def _range(found: Sequence["re.Match[str]"]) -> str:
    by_unit: dict[str, list[int]] = {}
    for match in found:
        by_unit.setdefault(match[2] or "", []).append(int(match[1].replace(",", "")))
    ends = [(min(values), max(values), unit) for unit, values in by_unit.items()]
    return ", ".join(f"{low:,}{unit}" if low == high else f"{low:,} to {high:,}{unit}" for low, high, unit in ends)
