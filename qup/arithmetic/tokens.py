r"""A text as the pieces that arithmetic is made of, each where it stands; what is neither number nor sign stops a sum.

What says how a formula is set (dollar signs, `\left`, thin spaces, Markdown's bold) is no piece: a sum goes on over it.

>>> [piece.text for piece in pieces(r"So $1{,}000 \times 2 = 2,000$ \text{ eggs}.")]
['So', '1{,}000', '\\times', '2', '=', '2,000', '\\text{ eggs}', '.']
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


class Kind(enum.Enum):
    """What a piece is to arithmetic."""

    NUMBER = "number"
    SIGN = "sign"
    "One of + - * / ^, however it is written."
    OPEN = "open"
    CLOSE = "close"
    FRACTION = "fraction"
    ROOT = "root"
    PERCENT = "percent"
    EQUALS = "equals"
    BOX = "box"
    MARK = "mark"
    "`<<` or `>>`, around what a calculator was asked."
    LINE = "line"
    WORD = "word"
    BREAK = "break"
    "Punctuation, at which a sum may begin and end."
    OTHER = "other"
    "Anything else, next to which nothing is a closed sum: relations, variables' indices, unknown commands."


@dataclass(frozen=True)
class Piece:
    """A piece and where it stands in the text."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def sign(self) -> str:
        """The operation of a sign, as one character."""
        return SIGNS[self.text.strip()]


LABELS = frozenset(
    re.findall(
        r"\w+",
        "step case day part problem question equation eq option figure table chapter section line page no week year "
        "month room grade class method example exercise round stage level phase item",
    )
)
"Words whose number is a name."
SIGNS = {
    **dict.fromkeys(["+"], "+"),
    **dict.fromkeys(["-", "−", "–"], "-"),
    **dict.fromkeys(["*", "×", "·", "⋅", "∙", "x", "X", r"\times", r"\cdot", r"\ast"], "*"),
    **dict.fromkeys(["/", "÷", r"\div"], "/"),
    **dict.fromkeys(["^", "**"], "^"),
}
PIECE = re.compile(
    r"(?P<line>\n|\\\\(?:\[\w+\])?)"
    r"|(?P<space>[^\S\n]+|\\[,;:! ]|&|\\(?:left|right|quad|displaystyle)(?![A-Za-z])|\\?[$£€]"
    r"|(?<!\d)\*\*|\*\*(?![\d(]))"
    r"|(?P<word>\\(?:text|mathrm|textbf|mbox)\s*\{[^{}]*\}|[A-Za-z]+(?:['’-][A-Za-z]+)*)"
    r"|(?P<number>(?:(?<![\d,])\d{1,3}(?:(?:,|\{,\})\d{3})+(?![\d]|,\d)|\d+)(?:\.\d+)?(?!\.?\d)|(?<!\d)\.\d+)"
    r"|(?P<fraction>\\[dtc]?frac(?![A-Za-z]))|(?P<root>\\sqrt(?![A-Za-z]))|(?P<box>\\(?:boxed|fbox)\s*\{)"
    r"|(?P<sign>\\(?:times|cdot|ast|div)(?![A-Za-z])|\*\*|[-−–+*×·⋅∙/÷^])"
    r"|(?P<percent>\\?%)|(?P<mark><<|>>)"
    r"|(?P<equals>(?<![<>!=:~+*/^-])=(?![=>]))"
    r"|(?P<break>\\[\[\]()]|(?<!\d):|:(?!\d)|\.(?!\.|\d)(?<!\.\.)|(?<!\d),|,(?!\d)|[;?!\"“”|•#→⇒]|\[|\])"
    r"|(?P<open>[({])|(?P<close>[)}])"
    r"|(?P<other>\\[A-Za-z]+|.)",
    re.DOTALL,
)
BULLET = re.compile(r"(?:^|\n)[^\S\n]*([-*+•–])(?=[^\S\n])")


def pieces(text: str) -> list[Piece]:
    """The pieces of a text, in order."""
    bullets = {match.start(1) for match in BULLET.finditer(text)}
    read = []
    for match in PIECE.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            read.append(Piece(Kind.BREAK if match.start() in bullets else Kind(kind), match[0], *match.span()))
    return _with_times(read)


def _with_times(read: Sequence[Piece]) -> list[Piece]:
    """An x between two numbers, with a space on both sides or on none, is a sign: `2 hours x 50`, but not `2x = 6`."""
    done = list(read)
    for i in range(1, len(read) - 1):
        before, this, after = read[i - 1 : i + 2]
        counted = before.kind is Kind.WORD and i > 1 and read[i - 2].kind in (Kind.NUMBER, Kind.SIGN)
        if this.text not in ("x", "X") or not (counted or before.kind in (Kind.NUMBER, Kind.CLOSE, Kind.PERCENT)):
            continue
        apart = this.start > before.end, after.start > this.end
        if counted or not all(apart):
            is_sign = apart[0] == apart[1] and after.kind is Kind.NUMBER
        else:
            is_sign = after.kind in (Kind.NUMBER, Kind.OPEN, Kind.FRACTION)
        if is_sign:
            done[i] = replace(this, kind=Kind.SIGN)
    return done
