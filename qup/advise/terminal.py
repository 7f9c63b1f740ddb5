"""Advice on the terminal: the pick, why, how often that was right, the streams, what is not known.

Elsewhere, as in a pipe, the same as plain lines.
"""

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from qup.advise import tables
from qup.advise.made import Advice
from qup.compare import terminal


def show(advice: Advice, console: Console) -> None:
    """Print it."""
    _line(console, tables.lead(advice))
    _line(console, "")
    _line(console, advice.verdict.headline, bold=True)
    _bullets(console, advice.verdict.why)
    _head(console, "How often that was right")
    _bullets(console, advice.quoted)
    _line(console, "")
    terminal.show([tables.streams(advice), *tables.pairs(advice)], console)
    _head(console, "What this does not know", first=True)
    _bullets(console, advice.unknown)


def _head(console: Console, text: str, *, first: bool = False) -> None:
    if not first:
        _line(console, "")
    _line(console, text, bold=True)


def _bullets(console: Console, texts: Sequence[str]) -> None:
    for text in texts:
        folded = textwrap.wrap(text, console.width - 2) if console.is_terminal else [text]
        _line(console, "- " + "\n  ".join(folded))


def _line(console: Console, text: str, *, bold: bool = False) -> None:
    if console.is_terminal:
        console.print(f"[bold]{escape(text)}[/bold]" if bold else escape(text))
    else:
        # Not through rich, which would break a line at a width that nobody has.
        print(text, file=console.file)
