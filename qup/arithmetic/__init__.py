r"""Sums in a text, checked and mended: what a calculator can say of a trace, and nothing else.

`tokens` cuts a text into numbers, signs and the rest, `equations` finds what is closed arithmetic, `values` works it
out with SymPy, `readings` says in which ways an equation may be meant, `forms` writes a number as another was written,
and `carrying` mends results and carries them on. Texts are untrusted, so all of it runs in the bounded workers of
`qup.answers`. docs/repair.md has the rules in words.

>>> check([("", r"3 + 4 = 8. 8 * 2 = 16, so \boxed{16}.")])
[Checked(text='3 + 4 = 7. 7 * 2 = 14, so \\boxed{14}.', first=8)]
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qup.answers import bounded

LONGEST = 100_000
"Characters; a longer text is not checked."


@dataclass(frozen=True)
class Checked:
    """A text after the calculator."""

    text: str
    "With its wrong results mended and carried on; the very text that was given where there are none."
    first: int | None
    "Where in the given text the first wrong result stands; None where none is wrong."


def check(asked: Sequence[tuple[str, str]]) -> list[Checked | None]:
    """Each (question, text) checked; None for a text that is too long or that a worker did not survive."""
    short = [pair for pair in dict.fromkeys(asked) if len(pair[1]) <= LONGEST]
    said = dict(zip(short, bounded.ask(f"{__name__}.carrying:mended", short), strict=True))
    return [Checked(*said[pair]) if said.get(pair) else None for pair in asked]
