"""How an equation may be meant, and whether it holds that way.

People round, leave percent signs out, change the unit on the way and type into calculators without a thought for
precedence; an equation that holds in any of these readings is right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from qup.arithmetic import forms
from qup.arithmetic.equations import Equation
from qup.arithmetic.tokens import Kind, Piece
from qup.arithmetic.values import Reader, UnreadableError, number

ONE, HUNDREDTH = sympy.Integer(1), sympy.Rational(1, 100)
ENDLESS = (3, 7, 9, 11, 12)
SCALES = (7, 12, 16, 24, 60, 100, 365, 1000, 3600)
"What a change of unit multiplies or divides by: 3 * 12 months are 3 years."
LOOSE = HUNDREDTH
"How far off a result may be whose sum has a number that was itself rounded, as in 3.33 * 3 = 10."


@dataclass(frozen=True)
class Reading:
    """One way to mean an equation."""

    percent: Any = HUNDREDTH
    "What percent signs multiply by: a hundredth, or 1 where they are only the unit."
    flat: bool = False
    "Whether signs are carried out as they come."
    scale: Any = ONE
    "What the result is multiplied by."
    rounded: bool = False


@dataclass(frozen=True)
class Stated:
    """An equation with the pieces of its text and what its numbers are."""

    equation: Equation
    pieces: Sequence[Piece]
    numbers: Sequence[Any]
    "Of every piece of the text; None for those that are no number."

    @property
    def result(self) -> Any:
        """What it says the sum comes to."""
        value = self.numbers[self.equation.result]
        return -value if self.equation.negative else value

    @property
    def decimals(self) -> int:
        """With how many decimals the result is written."""
        return forms.decimals(self.pieces[self.equation.result].text)

    def comes_to(self, reading: Reading) -> Any:
        """What the sum comes to in a reading, before any rounding.

        Raises:
            UnreadableError: it is no closed sum.
        """
        pieces, numbers = ([each[i] for i in self.equation.sum] for each in (self.pieces, self.numbers))
        return Reader(pieces, numbers, reading.percent, reading.flat).read() * reading.scale


def holds(stated: Stated) -> Reading | None:
    """The reading in which an equation is right, the plainest first; None if there is none.

    Raises:
        UnreadableError: it is no closed sum.
    """
    for reading in _exact(stated):
        if _try(stated, reading) == stated.result:
            return reading
    for reading in (Reading(), Reading(ONE)):
        if _is_rounded(stated, stated.comes_to(reading)):
            return Reading(reading.percent, rounded=True)
    return None


def plain(stated: Stated) -> Reading | None:
    """The reading by which a wrong equation is mended; None where signs leave it in doubt."""
    own = [stated.pieces[i] for i in stated.equation.sum]
    if any(first.text == third.text == "/" for first, third in zip(own, own[2:], strict=False)):
        # `500 / 2/5` is 500 of something or 200.
        return None
    if not stated.equation.percent:
        return Reading()
    signs = sum(piece.kind is Kind.SIGN and piece.sign in "*/^" for piece in own)
    shares = sum(piece.kind is Kind.PERCENT for piece in own)
    numbers = sum(piece.kind is Kind.NUMBER for piece in own)
    # 10% + 20% = 30%: the percent signs are the unit.
    return Reading(ONE) if not signs and shares == numbers else None


def _exact(stated: Stated) -> Iterator[Reading]:
    for flat in (False, True):
        yield Reading(flat=flat)
        yield Reading(ONE, flat)
    for scale in SCALES:
        yield Reading(scale=sympy.Integer(scale))
        yield Reading(scale=sympy.Rational(1, scale))


def _try(stated: Stated, reading: Reading) -> Any:
    try:
        return stated.comes_to(reading)
    except UnreadableError:
        if reading.flat:
            return None
        raise


def _is_rounded(stated: Stated, value: Any) -> bool:
    """Whether a result is the value cut or rounded, up or down, to the digits it is written with."""
    off, places = abs(value - stated.result), forms.needed(value)
    if places is None or places > stated.decimals:
        text = stated.pieces[stated.equation.result].text
        zeros = len(text) - len(text.rstrip("0")) if "." not in text else 0
        if off < sympy.Rational(10**zeros, 10**stated.decimals):
            return True
    return off <= LOOSE * abs(value) and any(_was_rounded(stated.pieces[i]) for i in stated.equation.sum)


def _was_rounded(piece: Piece) -> bool:
    """Whether a number is what a third, a sixth, a seventh, a ninth, an eleventh or a twelfth comes to, rounded."""
    places = forms.decimals(piece.text)
    if piece.kind is not Kind.NUMBER or places < 2:
        return False
    value, near = number(piece.text), sympy.Rational(1, 10**places)
    return any(0 < abs(value - sympy.Rational(round(value * part), part)) < near for part in ENDLESS)
