r"""When are two answers one and the same? Pure functions of two texts, which know nothing of processes.

math-verify (huggingface/Math-Verify) decides whether two expressions are equal. Around it stand guards against what it
gets wrong: lists are compared part by part, numbers also by relative difference (to it, `1/2004!` is `1/2006!`), words
only as words (to it, `yes` is `sye`), and the sum that was asked for is not an answer to itself (to it, `2+1` is `3`).

It is slow and may not end, so `at_sight` goes first, in any process, and `same` belongs in a bounded one.

>>> at_sight("Monday", r"\text{monday}"), at_sight("1/2", "0.5"), same("1/2", "0.5")
(True, None, True)
"""

import re
from fractions import Fraction
from typing import Any

SECONDS = 5
"Of comparing, after which math-verify gives up by itself."

TYPOGRAPHY = re.compile(r"\\left|\\right|\\[!,;: ]|\\\$|\$|\\\(|\\\)|\*\*")
r"""Sizes of brackets, space commands, dollar signs, `\(` and `\)`, Markdown's bold. To math-verify, `1\,2` is the sum 3
and `**73**` is not a number."""

WRAPPED = re.compile(r"^\s*\\(?:text|textbf|mathrm|mathbf)\{([^{}]*)\}\s*$")
r"One font command around the whole answer; within an answer, as in `5 \text{ apples}`, it marks a unit and stays."

SPACED = re.compile(r"\s*([-,;=+*/^(){}\[\]<>])\s*")
"A sign with the spaces around it, which mean nothing: `- 3` is a number, `( 1 , 2 )` a list of two."

THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
"""A number with commas between groups of three digits. Left alone, `1,000` would be a list of two; but `1000,000`,
`1,000,5` and `0.123,456` are lists, hence what must not come before and after."""

MIXED = re.compile(r"([+-]?)(\d+) (?:(\d+)/(\d+)|\\frac\{(\d+)\}\{(\d+)\})")
"A whole number, a space and a fraction. To math-verify, `1 1/2` is 1."

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")

WORDS = re.compile(r"[A-Za-z][A-Za-z .'-]{2,}")
"Three characters or more, because two letters may be a product of variables, and `xy` is `yx`."

NUMBERS_SIDE_BY_SIDE = re.compile(r"\d \d")
"To math-verify, `1 7` is their sum, 8."

ASSIGNED = re.compile(r"(?:[A-Za-z]\w*|[A-Za-z]\([A-Za-z]\))=(?!=)")
"A variable, or a function of one, and a single equals sign: `x=`, `f(x)=`. Of `x==3`, `=3` would be left."

FENCED = re.compile(r"(\\\{|[\[({])(.*?)(\\\}|[\])}])", re.DOTALL)
r"Brackets around the whole; what they hold is taken short, or it would keep the backslash of the closing `\}`."

UNORDERED = {"", r"\{\}", "{}"}
"Fences of lists in which order means nothing: none, and those of sets. Tuples and intervals have one."

TOKEN = re.compile(r"\\?[^\\]|\\", re.DOTALL)
r"A character with the backslash before it, if any: `\,` is a space, not a comma."

POWER_OF_TEN = re.compile(r"(?:\\times|\\cdot|\*)10\^")
r"In `1.5 \times 10^3`, the sign belongs to the number; there is nothing to carry out."

OPERATOR = re.compile(r"[+*]|\\times|\\cdot|\\div|(?<=[^\^{(])-")
"A minus behind nothing, `^`, `{` or `(` is a sign, as in `-4`, `2^{-1}` and `(-4)`."

DIVISION = re.compile(r"/|\\frac")
"An operator where the gold answer is a whole number: `6/2` is no answer for `3`, but `3/2` is one for `1.5`."


def normal(text: str) -> str:
    """An answer without typography: dollar signs, bold, sizes, units' spaces, thousands' commas, a final stop."""
    text = TYPOGRAPHY.sub(lambda mark: " " if mark[0] == "\\ " else "", text)
    text = re.sub(r"\\[dt]frac", r"\\frac", text).replace("\\%", "%").replace("−", "-")
    text = WRAPPED.sub(r"\1", text)
    text = SPACED.sub(r"\1", " ".join(text.split()))
    text = THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    text = MIXED.sub(_improper, text) if MIXED.fullmatch(text) else text
    return text.rstrip(".").strip()


def _improper(mixed: re.Match[str]) -> str:
    """A mixed number as one fraction: `1 1/2` is `3/2`."""
    sign, whole, top, bottom = mixed[1], int(mixed[2]), int(mixed[3] or mixed[5]), int(mixed[4] or mixed[6])
    return f"{sign}{whole * bottom + top}/{bottom}"


def at_sight(gold: str, given: str) -> bool | None:
    """The judgement where it takes no algebra: equal text, plain numbers, words; else None."""
    gold, given = normal(gold), normal(given)
    if gold == given:
        return True
    # Decimals may be rounded, which is for `same` to judge.
    if NUMBER.fullmatch(gold) and NUMBER.fullmatch(given) and "." not in gold + given:
        return Fraction(gold) == Fraction(given)
    if WORDS.fullmatch(gold) or NUMBERS_SIDE_BY_SIDE.search(given):
        return gold.casefold() == given.casefold()
    return None


def same(gold: str, given: str) -> bool:
    """Equality of two normal answers; of lists, sets, tuples and intervals, part by part.

    To math-verify alone, `1,1,2` is `1,2`, and `(1,2,3)` is `[1,2,3]`.

    Raises:
        Exception: whatever math-verify and sympy raise on what they cannot read or compare, or in time.
    """
    (fence, parts), (other_fence, other_parts) = _parts(gold), _parts(given)
    if len(parts) != len(other_parts):
        return False
    if len(parts) == 1:
        return _same_value(gold, given)
    if fence in UNORDERED and other_fence in UNORDERED:
        return _same_bag(parts, other_parts)
    return fence == other_fence and all(map(same, parts, other_parts))


def _same_bag(parts: list[str], others: list[str]) -> bool:
    """Equality in any order; equality is transitive, so taking the first match is right."""
    unmatched = list(others)
    for part in parts:
        match = next((other for other in unmatched if same(part, other)), None)
        if match is None:
            return False
        unmatched.remove(match)
    return True


def _parts(text: str) -> tuple[str, list[str]]:
    """The fence around a list, as opening and closing mark, and the parts between top-level commas."""
    fence = FENCED.fullmatch(text)
    # Brackets that do not belong together, as in `(1,2),(3,4)`, fence nothing; nor do those around a single value.
    inner = _split(fence[2]) if fence else None
    if fence and inner and len(inner) > 1:
        return fence[1] + fence[3], inner
    return "", _split(text) or [text]


def _split(text: str) -> list[str] | None:
    """Parts between top-level commas or semicolons; None if a bracket closes that was not opened."""
    parts, depth = [""], 0
    for token in TOKEN.findall(text):
        depth += (token[-1] in "([{") - (token[-1] in ")]}")
        if depth < 0:
            return None
        if depth == 0 and token in {",", ";"}:
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip() for part in parts]


def _same_value(gold: str, given: str) -> bool:
    """math-verify's judgement of two single expressions, with our guards around it."""
    # Here, because the parent process does without it and sympy.
    from math_verify import parse, verify

    gold, given = _values(gold, given)
    if NUMBER.fullmatch(gold) and _unevaluated(given, fraction_is_number="." in gold):
        return False
    value, other = (parse(f"\\boxed{{{text}}}", parsing_timeout=SECONDS, raise_on_error=True) for text in (gold, given))
    if not (value and other and verify(value, other, timeout_seconds=SECONDS, raise_on_error=True)):
        return False
    return _near(value[0], other[0])


def _values(gold: str, given: str) -> tuple[str, str]:
    """What stands after `x=`, if both sides name the same variable or only one names any."""
    name, other = _name(gold), _name(given)
    if name and other and name != other:
        return gold, given
    return gold.removeprefix(name), given.removeprefix(other)


def _name(text: str) -> str:
    """The variable that an answer names, with its equals sign; empty if it names none."""
    assigned = ASSIGNED.match(text)
    return assigned.group() if assigned else ""


def _unevaluated(text: str, fraction_is_number: bool) -> bool:
    """Whether an operator is left to carry out, after the last equals sign; powers of ten are part of a number."""
    result = POWER_OF_TEN.sub("", text.rpartition("=")[2].replace(" ", ""))
    return bool(OPERATOR.search(result) or (not fraction_is_number and DIVISION.search(result)))


def _near(number: Any, other: Any) -> bool:
    """Whether two numbers differ by less than a 100,000th of the larger; math-verify only looks at six decimals.

    True of what are not numbers: there math-verify's word stands.
    """
    if not (getattr(number, "is_number", False) and getattr(other, "is_number", False)):
        return True
    return bool(abs((number - other).evalf()) <= 1e-5 * max(abs(number.evalf()), abs(other.evalf())))
