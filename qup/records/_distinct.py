"""Which of a problem's samples are distinct: those that calculate otherwise, as rejection sampling has it (2308.01825).

That paper keeps one reasoning path for each list of equations; their order counts, as does the order within one. That
is as we read its section on RFT; it drops paths whose equations are wrong too, which is left to whoever grades.
"""

import itertools
import re
from collections.abc import Iterable

SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "$": None})
WORDS = ((r"\times", "*"), (r"\cdot", "*"), (r"\div", "/"), (r"\(", ""), (r"\)", ""))
"Of LaTeX."
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
# From the back, and so in one pass: a search that ends at the `=` would begin anew at every character.
LEFT, RIGHT = re.compile(r"[\d\s.()+\-*/^%]*"), re.compile(r"\s*[-+]?\d+(\.\d+)?")
APART = re.compile(r"(?<=[\d.)%])\s+(?=[\d(])")
"Between what an equation begins with and a number before it, as of a list."
SUM = re.compile(r"[\d)%][-+*/^]\(*\d")


def calculation(text: str) -> tuple[str, ...]:
    """The equations that a trace states in numbers, in order, without spaces; the text itself where it states none.

    >>> calculation("First 3 + 4 = 7, then 7 × 2 = 14 = 28 / 2.")
    ('3+4=7', '7*2=14')
    >>> calculation("It is seven.")
    ('It is seven.',)
    """
    plain = THOUSANDS.sub("", text.translate(SIGNS))
    for word, sign in WORDS:
        plain = plain.replace(word, sign)
    return tuple(filter(None, itertools.starmap(_equation, itertools.pairwise(plain.split("="))))) or (text,)


def _equation(before: str, after: str) -> str:
    """What stands around an equals sign, if it is arithmetic and the number it comes to; else nothing."""
    reckoned, come_to = LEFT.match(before[::-1]), RIGHT.match(after)
    left = "".join(APART.split(reckoned.group()[::-1])[-1].split()) if reckoned else ""
    return f"{left}={come_to.group().strip()}" if come_to and SUM.search(left) else ""


def distinct(texts: Iterable[str]) -> list[int]:
    """The places of those texts that calculate otherwise than all before them."""
    seen: dict[tuple[str, ...], int] = {}
    for place, text in enumerate(texts):
        seen.setdefault(calculation(text), place)
    return list(seen.values())
