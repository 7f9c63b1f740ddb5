"""What can be read off a text without a model: its words, its equations, what in it is logic."""

import re

WORD = re.compile(r"\w+|[^\w\s]")
"A word or number, or a single mark."
TERM = r"[\d.]*\d[\d.]*%?|[+*/^()-]"
EQUATION = re.compile(rf"(?:{TERM})(?:\s*(?:{TERM}))*\s*=\s*(?:{TERM})(?:\s*(?:{TERM}))*")
SAME = (
    (re.compile(r"\\(?:times|cdot)|[×·∙⋅]"), "*"),
    (re.compile(r"\\div|÷"), "/"),
    (re.compile(r"−|–"), "-"),
    (re.compile(r"\\(?:left|right|,|;|!)|[$\\{}]|(?<=\d),(?=\d{3})"), ""),
)
"Notations of one sign, and layout within an equation."
CLAIMS = frozenset(
    "not no never true false yes even odd prime more less greater fewer smaller larger equal unequal all none".split()
)
"Words that turn a statement into another one."


def words(text: str) -> list[str]:
    """Words, numbers and marks, in order."""
    return WORD.findall(text)


def equations(text: str) -> frozenset[str]:
    """The equations between numbers that a text states, without spaces and in one notation.

    A chain a = b = c counts as a = b and b = c. The glass box writes names among its numbers: see its parser.

    >>> sorted(equations("So 3 × 4 = 12, and $12 + 1{,}000 = 1012 = x$."))
    ['12+1000=1012', '3*4=12']
    """
    for pattern, sign in SAME:
        text = pattern.sub(sign, text)
    found = set()
    for line in text.splitlines():
        sides = [re.sub(r"\s+", "", side) for side in line.split("=")]
        for left, right in zip(sides, sides[1:], strict=False):
            before, after = re.search(rf"(?:{TERM})+$", left), re.match(rf"(?:{TERM})+", right)
            if before and after:
                found.add(f"{before[0].strip('.')}={after[0].strip('.')}")
    return frozenset(found)
