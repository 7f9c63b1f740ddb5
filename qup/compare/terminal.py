"""The tables in the terminal, folded to its width; elsewhere one line a row, its cells apart by tabs."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qup.compare.tables import Side
from qup.report.view import Cell


def show(tables: Iterable[Side], console: Console) -> None:
    """Print all tables."""
    for side in tables:
        if console.is_terminal:
            console.print(_folded(side))
            console.print(side.caption, style="dim")
            console.print()
        else:
            # Not through rich, which would break a line at a width that nobody has.
            print("\n".join(_plain(side)), file=console.file)


def _folded(side: Side) -> Table:
    table: Any = Table(title=side.title, title_justify="left", title_style="bold", show_lines=True)
    for name, cell in zip(side.columns, side.rows[0] if side.rows else [Cell("")] * len(side.columns), strict=True):
        table.add_column(escape(name), justify="left" if "text" in cell.mark else "right", overflow="fold")
    for row in side.rows:
        table.add_row(*map(_rich, row))
    table.columns[0].justify = "left"
    return table


def _rich(cell: Cell) -> str:
    text = f"[bold]{escape(cell.text)}[/bold]" if cell.mark == "told" else escape(cell.text)
    return f"{text}\n[dim]{escape(cell.small)}[/dim]" if cell.small else text


def _plain(side: Side) -> list[str]:
    lines = ["\t".join(side.columns), *("\t".join(map(_line, row)) for row in side.rows)]
    return [f"# {side.title}: {side.caption}", *lines, ""]


def _line(cell: Cell) -> str:
    return "; ".join(part for text in (cell.text, cell.small) for part in text.splitlines() if part)
