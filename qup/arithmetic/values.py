"""What a closed sum comes to, by SymPy's exact numbers: read by a grammar of our own, so that no text is evaluated.

Precedence climbs from sums over products to powers. Only numbers, signs, brackets, fractions, roots and percents are
read; whatever else stands there is no value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from qup.arithmetic.tokens import Kind, Piece

HIGHEST = 60
"The largest exponent that is worked out."
LONGEST = 24
"Digits of the longest number that is read."


class UnreadableError(ValueError):
    """What is no closed sum, or one beyond the bounds."""


def number(text: str) -> Any:
    """A number as it is written, exactly; `0900` is a time or a name."""
    plain = text.replace("{,}", "").replace(",", "")
    if len(plain) > LONGEST or (len(plain) > 1 and plain[0] == "0" and plain[1] != "."):
        raise UnreadableError(text)
    return sympy.Rational(plain)


@dataclass
class Reader:
    """Reads pieces from left to right; `numbers` is what each piece that is a number stands for."""

    pieces: Sequence[Piece]
    numbers: Sequence[Any]
    "Of every piece; None for what is no number that can be read."
    percent: Any
    "What a percent sign multiplies by."
    flat: bool = False
    "Whether signs are carried out in the order in which they stand, as who types into a calculator does."
    at: int = 0

    def read(self) -> Any:
        """The value of all pieces, a rational number.

        Raises:
            UnreadableError: they are no closed sum, or one whose value is no rational number.
        """
        value = self._sum()
        if self.at != len(self.pieces) or not value.is_Rational:
            raise UnreadableError("no closed sum")
        return value

    def _next(self, *kinds: Kind) -> Piece | None:
        if self.at < len(self.pieces) and self.pieces[self.at].kind in kinds:
            return self.pieces[self.at]
        return None

    def _sign(self, signs: str) -> str:
        piece = self._next(Kind.SIGN)
        if piece is None or piece.sign not in signs:
            return ""
        self.at += 1
        return piece.sign

    def _sum(self) -> Any:
        total = self._product()
        while sign := self._sign("+-*/" if self.flat else "+-"):
            total = _done(total, sign, self._product())
        return total

    def _product(self) -> Any:
        total, divided = self._factor(), False
        while not self.flat and (sign := self._sign("*/")):
            total = _done(total, sign, self._factor())
            divided = divided or sign == "/"
        piece = self._next(Kind.OPEN)
        joined = piece is not None and piece.text == "(" and self.pieces[self.at - 1].end == piece.start
        # `2(3 + 4)`; but of `6/2(3)` nobody knows what is divided, and `5 cents (0.05)` is no product.
        return total * self._product() if joined and not divided else total

    def _factor(self) -> Any:
        if self._sign("-"):
            return -self._factor()
        base = self._atom()
        if not self._sign("^"):
            return base
        exponent = -self._atom() if self._sign("-") else self._atom()
        if not exponent.is_Integer or abs(exponent) > HIGHEST or (base == 0 and exponent <= 0):
            raise UnreadableError("a power beyond the bounds")
        return base**exponent

    def _atom(self) -> Any:
        if self._next(Kind.FRACTION):
            self.at += 1
            top, bottom = self._group("{"), self._group("{")
            return _done(top, "/", bottom)
        if self._next(Kind.ROOT):
            self.at += 1
            return sympy.sqrt(self._group("{"))
        if self._next(Kind.NUMBER):
            self.at += 1
            if self.numbers[self.at - 1] is None:
                raise UnreadableError("no number")
            return self._of_hundred(self.numbers[self.at - 1])
        return self._of_hundred(self._group("({"))

    def _group(self, opening: str) -> Any:
        piece = self._next(Kind.OPEN)
        if piece is None or piece.text not in opening:
            raise UnreadableError("a bracket is missing")
        self.at += 1
        flat, self.flat = self.flat, False
        value = self._sum()
        self.flat = flat
        closing = self._next(Kind.CLOSE)
        if closing is None or closing.text != {"(": ")", "{": "}"}[piece.text]:
            raise UnreadableError("a bracket is missing")
        self.at += 1
        return value

    def _of_hundred(self, value: Any) -> Any:
        if self._next(Kind.PERCENT):
            self.at += 1
            return value * self.percent
        return value


def _done(left: Any, sign: str, right: Any) -> Any:
    if sign == "/" and right == 0:
        raise UnreadableError("division by zero")
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / (right or 1)}[sign]
