"""What can be read off a text without a model: its words, and the equations that it states."""

import re
from itertools import pairwise

from qup.glassbox import SOURCE, grammar
from qup.records import Problem

WORD = re.compile(r"\w+|[^\w\s]")
"A word or number, or a single mark."
NUMBER = r"\(*-?\d+(?:\.\d+)?%?\)*"
SIDE = rf"{NUMBER}(?:\s*[-+*/^]\s*{NUMBER})*"
BEFORE, AFTER = re.compile(rf"{SIDE}\s*$"), re.compile(rf"\s*{SIDE}")
SAME = (
    (re.compile(r"\{,\}|\\(?:left|right|,|;|!)|[$]|(?<=\d),(?=\d{3})"), ""),
    (re.compile(r"\\(?:times|cdot)|[×·∙⋅]"), "*"),
    (re.compile(r"\\div|÷"), "/"),
    (re.compile(r"[−–]"), "-"),
)
"Layout within an equation, and notations of one sign."


def words(text: str) -> list[str]:
    """Words, numbers and marks, in order."""
    return WORD.findall(text)


def equations(problem: Problem, text: str) -> frozenset[str]:
    """The equations that a text states, in one notation; of the glass box, whose text has names in them, its steps.

    >>> problem = Problem("p", "?", "12", "toy")
    >>> sorted(equations(problem, "1. 3 × 4 = 12, and $12 + 1{,}000 = 1012 = x$."))
    ['12+1000=1012', '3*4=12']
    """
    derivation = grammar.parse(text) if problem.source == SOURCE else None
    if derivation is not None:
        steps = ((step.name, step.left, step.op, step.right, *step.numbers, step.result) for step in derivation.steps)
        return frozenset(" ".join(map(str, step)) for step in steps)
    for pattern, sign in SAME:
        text = pattern.sub(sign, text)
    return frozenset(equation for line in text.splitlines() for equation in _of_line(line))


def _of_line(line: str) -> list[str]:
    """Those between numbers; a chain a = b = c holds a = b and b = c."""
    sides, found = line.split("="), []
    for left, right in pairwise(sides):
        before, after = BEFORE.search(left), AFTER.match(right)
        if before and after:
            found.append(re.sub(r"\s+", "", f"{before[0]}={after[0]}"))
    return found
