"""Logic in tokens: what of a text changes an equation, a number or a claim, whatever words and layout stand around it.

An operational definition, which errs in known ways. Logic are digits, signs of operations and relations, a letter with
its number, and the words of `CLAIMS`; all else is style: names, connectives, punctuation, mark-up, the number of a
list's item. `3 + 4` and `3 plus 4` are one, as are two signs for a product. A notation that moves a sign, as a fraction
in LaTeX does, and a number put into words read as logic.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

SIGN = re.compile(r"\b[a-z]\d+\b|\d|\\(?:times|cdot|div|neq|leq?|geq?)|[-+*/^<>≤≥≠×·÷−%]|[A-Za-z]+")
SAME = {
    **dict.fromkeys(("times", "multiplied", "\\times", "\\cdot", "×", "·"), "*"),
    **dict.fromkeys(("divided", "\\div", "÷"), "/"),
    **{"plus": "+", "minus": "-", "−": "-", "percent": "%"},
    **{"\\le": "≤", "\\leq": "≤", "\\ge": "≥", "\\geq": "≥", "\\neq": "≠"},
}
"Words and notations of one sign."
CLAIMS = frozenset(
    ("not", "no", "never", "true", "false", "yes", "even", "odd", "prime", "greater", "fewer", "smaller")
)
"Words that make another claim of a sentence."
HYPHEN = re.compile(r"(?<=[a-z]{2})-(?=[a-z]{2})")
ITEM = re.compile(r"\d*[.):](?:\s|\*|$)")
"What follows the number of a list's item, or of a step."


def atoms(pieces: Sequence[str]) -> list[str]:
    """The logic of each token, empty for style; that of a span is the atoms of its tokens, one after the other.

    >>> atoms(["3", " plus", " 4", " gives", " 7"]) == atoms(["3", " +", "4", " =", "7"])
    True
    """
    return list(_atoms(tuple(pieces)))


@lru_cache(maxsize=4096)
def _atoms(pieces: tuple[str, ...]) -> tuple[str, ...]:
    """Two metrics ask for those of one trace."""
    return tuple(_atom(pieces, place) for place in range(len(pieces)))


def _atom(pieces: Sequence[str], place: int) -> str:
    """Digits, signs and claims in a token, which stands between others."""
    piece, before = pieces[place], pieces[place - 1] if place else "\n"
    word = piece.strip().lower()
    if word.isascii() and word.isalpha():
        # What most tokens are, told without the patterns.
        return _told(word)
    opens = "\n" in before
    listed = (opens or before.strip().lower() == "step") and word.isdigit()
    if listed and ITEM.match("".join(pieces[place + 1 : place + 4])):
        return ""
    text = piece.lower()
    # A dash that opens a line, or joins two words.
    if text.startswith("-") and (opens or (len(before) > 1 and before[-2:].isalpha())):
        text = text[1:]
    return "".join(map(_told, SIGN.findall(HYPHEN.sub(" ", text))))


def _told(word: str) -> str:
    """The sign or claim that a word or notation is; empty for others."""
    sign = SAME.get(word, word)
    return sign if not sign.isalpha() or sign in CLAIMS else ""
