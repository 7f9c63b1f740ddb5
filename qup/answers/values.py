r"""Numbers in their many ways of writing, as one; and whether an operation is left to do. Texts are `normal` ones.

>>> value("1.5e-3"), value("1 1/2"), value(r"2\frac{1}{3}"), value(r"0.1\overline{6}")
('0.0015', '3/2', '\\frac{7}{3}', '15/90')
>>> left_to_do("2+1", whole=True), left_to_do(r"1.5\times 10^3", whole=True), left_to_do("-4", whole=True)
(True, False, False)
"""

import re
from decimal import Decimal

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
FRACTION = re.compile(r"[+-]?(?:\\frac\{-?\d+\}\{\d+\}|\d+/\d+)")

SCIENTIFIC = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:[eE]([+-]?\d{1,3})|\\times 10\^\{([+-]?\d{1,3})\})")
"As programs write it. Only as a whole answer: within a formula, `2e` is twice Euler's number."
TIMES_TEN = re.compile(r"([\d.])\s*(?:\\times|\\cdot|\*|x|X)\s*10\^(?:\{([+-]?\d+)\}|([+-]?\d+))")
MIXED = re.compile(r"(?<![\d.}^])(\d+) (\d+)/(\d+)(?![\d.])|(?<![\d.}^])(\d+) ?\\frac\{(\d+)\}\{(\d+)\}")
"A whole number and a fraction. To math-verify, `1 1/2` is 1."
REPEATING = re.compile(r"(\d*)\.(\d*)\\(?:overline|bar|dot)\{(\d+)\}")

PERCENT = re.compile(r"(.*[^\s%]) ?(?:%|\\text\{ ?(?:percent|per cent|%) ?\}|(?<=[\d} ])(?:percent|per cent|pct))")

POWER_OF_TEN = re.compile(r"(?:\\times|\\cdot|\*)10\^")
r"In `1.5 \times 10^3`, the sign belongs to the number; there is nothing to carry out."
OPERATOR = re.compile(r"[+*]|\\times|\\cdot|\\div|(?<=[^\^{(/|])-|(?<=[\w})]\|)-|\)\(|\d\(")
"A minus behind nothing, `^`, `{`, `(`, `/` or `|` is a sign, as in `-4`, `2^{-1}`, `(-4)` and `|-4|`."
DIVISION = re.compile(r"/|\\frac")
"An operator where the gold answer is a whole number: `6/2` is no answer for `3`, but `3/2` is one for `1.5`."


RATIO = re.compile(r"(\d+) ?(?:\\text\{ ?to ?\}|to) ?(\d+)")
"In words, `3 to 4`."
TRANSPOSED = re.compile(r"\(([^()]*,[^()]*)\)\^(?:\{(?:T|\\top|\\text\{T\})\}|T|\\top|\\intercal)")
"A column written as a row."
IN_DEGREES = re.compile(r"(\\(?:sin|cos|tan|cot|sec|csc)) ?[({]?(\d+(?:\.\d+)?) ?\^\\circ ?[)}]?")
"A function of an angle that is the whole answer; the sign is a factor there, and no unit of the value."
SENTENCE = re.compile(r"(?:\\text\{)?[A-Za-z ,']*\b(?:is|are|equals)\b ?:? ?\}? ?(?=[-\d.\\({$])", re.IGNORECASE)
"The start of a sentence that ends in a number: `The answer is 204`."


def value(text: str) -> str:
    """A text with its numbers written in one way."""
    text = SENTENCE.sub("", text, count=1) if SENTENCE.match(text) else text
    text = MIXED.sub(_improper, TIMES_TEN.sub(r"\1\\times 10^{\2\3}", text))
    if ratio := RATIO.fullmatch(text):
        return f"{ratio[1]}:{ratio[2]}"
    if transposed := TRANSPOSED.fullmatch(text):
        rows = transposed[1].replace(",", "\\\\ ")
        return f"\\begin{{pmatrix}}{rows}\\end{{pmatrix}}"
    if repeating := REPEATING.fullmatch(text.lstrip("-")):
        return ("-" if text[0] == "-" else "") + _fraction(repeating)
    if scientific := SCIENTIFIC.fullmatch(text):
        return f"{Decimal(scientific[1]).scaleb(int(scientific[2] or scientific[3])):f}"
    return text


def in_radians(text: str) -> str:
    """A function of an angle in degrees, as `\\sin 30^\\circ`, of the angle in radians; any other text as it is."""
    angle = IN_DEGREES.fullmatch(text)
    return rf"{angle[1]}({angle[2]}\pi/180)" if angle else text


def _improper(mixed: re.Match[str]) -> str:
    """A mixed number as one fraction: `1 1/2` is `3/2`; before an improper one stands a factor."""
    whole, top, bottom = (int(mixed[i] or mixed[i + 3]) for i in (1, 2, 3))
    if top >= bottom:
        return mixed[0]
    top += whole * bottom
    return f"{top}/{bottom}" if mixed[1] else f"\\frac{{{top}}}{{{bottom}}}"


def _fraction(repeating: re.Match[str]) -> str:
    """`0.1` and then `6` for ever is (16 - 1)/90."""
    fixed, period = repeating[2], repeating[3]
    before = int((repeating[1] or "0") + fixed)
    bottom = (10 ** len(period) - 1) * 10 ** len(fixed)
    return f"{int(str(before) + period) - before}/{bottom}"


def is_number(text: str) -> str:
    """`whole` or `fraction` if a text is a number and nothing else, else empty."""
    if NUMBER.fullmatch(text):
        return "whole"
    return "fraction" if FRACTION.fullmatch(text) else ""


def left_to_do(text: str, whole: bool) -> bool:
    """Whether an operator is left to carry out, after the last equals sign; `whole`: a division is one too."""
    result = POWER_OF_TEN.sub("", text.rpartition("=")[2].replace(" ", "")).lstrip("+")
    return bool(OPERATOR.search(result) or (whole and DIVISION.search(result)))


def hundredth(percentage: str) -> str:
    """A percentage as a share of 1."""
    if NUMBER.fullmatch(percentage):
        return f"{Decimal(percentage).scaleb(-2):f}"
    return f"\\frac{{{value(percentage)}}}{{100}}"
