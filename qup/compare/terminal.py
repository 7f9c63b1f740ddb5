"""The tables in the terminal, folded to its width; elsewhere one line a row, its cells apart by tabs."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qup.compare.tables import Side
from qup.report.view import Cell

COLUMN = 13
"Least characters of a column: an interval in points."


def show(tables: Iterable[Side], console: Console) -> None:
    """Print all tables."""
    for side in tables:
        if not console.is_terminal:
            # Not through rich, which would break a line at a width that nobody has.
            print("\n".join(_plain(side)), file=console.file)
            continue
        console.print(f"[bold]{escape(side.title)}[/bold]")
        console.print(f"[dim]{escape(side.caption)}[/dim]")
        wide = console.width >= COLUMN * len(side.columns)
        for part in [_table(side)] if wide else [_block(side, row) for row in side.rows]:
            console.print(part)
        console.print()


def _table(side: Side) -> Table:
    table: Any = Table(show_lines=any(cell.small for row in side.rows for cell in row))
    for place, name in enumerate(side.columns):
        words = place == 0 or any("text" in row[place].mark for row in side.rows)
        table.add_column(escape(name), justify="left" if words else "right", overflow="fold")
    for row in side.rows:
        table.add_row(*(_rich(cell, "\n") for cell in row))
    return table


def _block(side: Side, row: list[Cell]) -> Table:
    """A row whose columns stand under each other, where the terminal is too narrow for them."""
    block: Any = Table.grid(padding=(0, 2))
    block.add_column(style="dim", overflow="fold", max_width=24)
    block.add_column(overflow="fold")
    block.add_row("", "")
    for name, cell in zip(side.columns, row, strict=True):
        block.add_row(escape(name), _rich(cell, "  "))
    return block


def _rich(cell: Cell, between: str) -> str:
    text = f"[bold]{escape(cell.text)}[/bold]" if cell.mark == "told" else escape(cell.text)
    small = between.join(cell.small.splitlines())
    return f"{text}{between}[dim]{escape(small)}[/dim]" if small else text


def _plain(side: Side) -> list[str]:
    lines = ["\t".join(side.columns), *("\t".join(map(_line, row)) for row in side.rows)]
    return [f"# {side.title}: {side.caption}", *lines, ""]


def _line(cell: Cell) -> str:
    return "; ".join(part for text in (cell.text, cell.small) for part in text.splitlines() if part)
