r"""An answer without typography: what is left says what is meant, not how it is set.

Row breaks (`\\`) stay, for `\\ ` is no space. Nothing here knows what an answer means; `lists`, `units` and `words` do.

>>> normal(r"\displaystyle \left( 1{,}000 ,\, \tfrac12 \right)"), normal("3½"), normal("x²−1")
('(1000,\\frac{1}{2})', '3\\frac{1}{2}', 'x^2-1')
"""

import re
import unicodedata

SYMBOLS = str.maketrans(
    {
        **dict.fromkeys("−–‐‑", "-"),
        **dict.fromkeys("‘’′", "'"),
        **dict.fromkeys("“”", '"'),
        **dict.fromkeys("\u2009\u202f\u200a", r"\,"),
        **{"×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "÷": r"\div ", "±": r"\pm ", "∓": r"\mp "},
        **{"≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap "},
        **{"π": r"\pi ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "λ": r"\lambda ", "φ": r"\phi "},
        **{
            "∞": r"\infty ",
            "∅": r"\emptyset ",
            "ℝ": r"\mathbb{R}",
            "ℤ": r"\mathbb{Z}",
            "°": r"^\circ ",
            "º": r"^\circ ",
        },
        **{"½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}"},
        **{"⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}"},
        **{digit: f"^{n}" for n, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
        **{digit: f"_{n}" for n, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    }
)
"Signs to the LaTeX that says the same; NFKC, which comes after, would make `²` a `2`."

ROOT = re.compile(r"√\s*(\d+(?:\.\d+)?|[A-Za-z])")
r"The sign with what is below it; `\sqrt12` would be 2 times the root of 1."

COMMAND = re.compile(
    r"(?P<row>\\\\(?:\[[\d.]+(?:pt|em|ex|mm|cm)\])?)"
    r"|(?P<tight>(?<=\d)\\[!,;:](?=\d)|\\!)"
    r"|(?P<space>\\[,;:> ]|~|\\(?:q?quad|(?:thin|med|thick|neg|en|hair)?space|hfill|newline)(?![A-Za-z]))"
    r"|(?P<none>\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\.?"
    r"|\\(?:display|text|script)style(?![A-Za-z])|\\(?:no)?limits(?![A-Za-z])|\\[()\[\]])"
    r"|(?P<tuple>\\[lr]angle(?![A-Za-z]))|(?P<bar>\\[lr]?vert(?![A-Za-z]))"
    r"|(?P<empty>\\varnothing(?![A-Za-z]))|(?P<comma>\{,\})|\\(?P<literal>[%#&_])|(?P<frac>\\[dtc]frac)"
    r"|(?P<leq>\\(?:[lg]eq(?:slant)?|neq)(?![A-Za-z]))"
    r"|(?P<degree>\^\{\\circ\}|\^\\circ|\\degree(?:s)?(?![A-Za-z]))"
)
r"""What says how an answer looks: spaces, sizes, styles. A row break comes first, so that its second backslash is none
of the others'. To math-verify, `1\,2` is the sum 3."""

FONT = re.compile(
    r"\\(?:(?P<word>text(?:bf|it|rm|sf|tt|normal|up|md|sc)?|mathrm|mathsf|mathtt|operatorname\*?|mbox|hbox|textcolor\{\w+\})"
    r"|(?:mathbf|mathit|mathnormal|boldsymbol|bm|emph|underline|displaystyle))\s*\{(?P<content>(?:[^{}]|\^\{-?\d\})*)\}"
)
"A font and what is set in it. Words stay marked, for they may be a unit; a bold number is a number."

QUOTIENT = re.compile(
    r"\\frac\s*\{\s*\\(?:text|mathrm)\{([A-Za-z ]+)\}\s*\}"
    r"\{\s*\\(?:text|mathrm)\{([A-Za-z ]+)(?:\^\{?(\d)\}?)?\}(?:\^\{?(\d)\}?)?\s*\}"
)
"A unit over a unit, both in a font that only words and units have."
AFTER_UNIT = re.compile(r"(?:[0-9}]|\\(?:text|mathrm)\{[^{}]*\}\s*/)\s*$")
"What stands before a letter that is a unit."
OUTWARD = re.compile(r"([\[\]])([^\[\](),]+,[^\[\](),]+)([\[\]])")
"An interval whose open ends are square brackets that look outward: `]0,3[`."
POWER = re.compile(r"\^\{(-?\d)\}")
WHOLE_TEXT = re.compile(r"\\text\{([^{}]*)\}")
WRAPS = ("**", "__", "`", '"', "'", "$$", "$")
MONEY = re.compile(r"(-?)\\\$\s*(-?\d+(?:,\d{3})*(?:\.\d+)?)")

FRACTION = re.compile(r"\\frac\s*(?:(\d)|\{([^{}]*)\})\s*(?:(\d)|\{([^{}]*)\})")
r"Two numbers after `\frac`, of which a single digit may stand without braces."

MATRIX = re.compile(r"\\(begin|end)\{(?:[pbB]|small)matrix\}")
"Brackets of a matrix, which mean nothing; bars do."
ROW_BREAK = re.compile(r" ?\\\\ ?| (?=\\end\{)")
SPACED = re.compile(r"\s*([-,;=+*/^(){}\[\]<>|&_:])\s*")
"A sign with the spaces around it, which mean nothing: `- 3` is a number, `( 1 , 2 )` a list of two."

SIGN = re.compile(r" ?\\(le|ge|ne|lt|gt|in|cup|cap|cdot|times|div|pm|mp|approx)(?![A-Za-z]) ?")
UNARY_PLUS = re.compile(r"(?:(?<=^)|(?<=[(\[,=]))\+(?=\\infty|[\d.])")
IMAGINARY = re.compile(r"(\d)i(?![A-Za-z])")
"math-verify sees that `4 i` is complex, and takes the i of `4i` for a real variable."

THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
"""A number with commas between groups of three digits. Left alone, `1,000` would be a list of two; but `1000,000`,
`1,000,5` and `0.123,456` are lists, hence what must not come before and after."""

GROUPED = re.compile(r"(?<![\d.,])(?<!\d )\d{1,3}(?: \d{3})+(?![\d]| \d)")
"Groups of three with spaces between them, as in `12 000`."

BRACKETED = re.compile(r"(?:\(|\[|\\\{).*(?:\)|\]|\\\})", re.DOTALL)
"Brackets around the whole: `(1,200)` is a pair, unless a space after a comma shows which commas are the list's."


def normal(text: str) -> str:
    """An answer without typography: dollar signs, fonts, sizes, spaces, thousands' commas, a final stop."""
    text = ROOT.sub(r"\\sqrt{\1}", text.translate(SYMBOLS))
    text = COMMAND.sub(_plain, unicodedata.normalize("NFKC", text))
    text = _without_dollars(_unwrapped(" ".join(_without_fonts(text).split())))
    text = FRACTION.sub(lambda f: f"\\frac{{{f[1] or f[2]}}}{{{f[3] or f[4]}}}", text)
    text = _in_digits(text.replace("**", "^"))
    text = ROW_BREAK.sub(lambda end: "\\\\ " if end[0].strip() else "", MATRIX.sub(r"\\\1{pmatrix}", text))
    text = SIGN.sub(r"\\\1 ", SPACED.sub(r"\1", text).replace("<=", r"\le ").replace(">=", r"\ge "))
    text = IMAGINARY.sub(r"\1 i", UNARY_PLUS.sub("", text)).strip()
    text = OUTWARD.sub(_inward, text) if text[:1] == "]" or text[-1:] == "[" else text
    return text.rstrip(".").strip() if not text.endswith("..") else text


def _plain(command: re.Match[str]) -> str:
    """What a command of `COMMAND` comes to."""
    text = command.group()
    kinds = {
        "row": "\\\\ ",
        "tight": "",
        "space": " ",
        "none": "",
        "comma": ",",
        "bar": "|",
        "frac": "\\frac",
        "degree": "^\\circ ",
    }
    kinds |= {"tuple": "(" if text == "\\langle" else ")"}
    kinds |= {"empty": "\\emptyset", "literal": text[1:], "leq": text[:3] + " "}
    return kinds[str(command.lastgroup)]


def _without_fonts(text: str) -> str:
    """Fonts taken off numbers and variables; words stay in `\\text{}`."""
    text = FONT.sub(_font, QUOTIENT.sub(_quotient, text))
    whole = WHOLE_TEXT.fullmatch(text.strip().strip("$"))
    return whole[1] if whole else text


def _font(font: re.Match[str]) -> str:
    # `\mathrm{e}^2` is a symbol, `5\mathrm{m}` has a unit, `4\mathrm{i}` is an imaginary number.
    after_unit = font["content"].strip() != "i" and AFTER_UNIT.search(font.string, 0, font.start())
    words = font["word"] and re.search(r"[A-Za-z]" if after_unit else r"[A-Za-z]{2}", font["content"])
    content = POWER.sub(r"^\1", font["content"]) if words else font["content"]
    return f"\\text{{{content}}}" if words else content


def _quotient(units: re.Match[str]) -> str:
    power = units[3] or units[4]
    return f"\\text{{{units[1].strip()}/{units[2].strip()}{'^' + power if power else ''}}}"


def _unwrapped(text: str) -> str:
    """Without Markdown's bold, quotes and dollar signs around the whole."""
    for mark in WRAPS:
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            text = text[len(mark) : -len(mark)].strip()
    return text


def _without_dollars(text: str) -> str:
    """Dollars before a number become its unit; those that only mark formulas are nothing."""
    priced = text.count("$") - text.count("\\$") == 1 and re.match(r"-?\$\s*\d", text)
    text = MONEY.sub(r"\1\2\\text{dollars}", text.replace("$", "\\$", 1) if priced else text)
    return text.replace("\\$", "").replace("$", "")


def _inward(interval: re.Match[str]) -> str:
    left, ends, right = interval.groups()
    return f"{'(' if left == ']' else '['}{ends}{')' if right == '[' else ']'}"


def _in_digits(text: str) -> str:
    """Numbers in groups of three digits as digits alone."""
    if not (BRACKETED.fullmatch(text) and ", " not in text):
        text = THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    return GROUPED.sub(lambda number: number[0].replace(" ", ""), text)
