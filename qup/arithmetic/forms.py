r"""A number written as another one was: its decimals, its thousands' commas, its sign.

>>> import sympy
>>> written(sympy.Integer(7), "8.00"), written(sympy.Integer(3), "2.9"), written(sympy.Integer(12345), "9{,}000")
('7.00', '3', '12{,}345')
"""

from typing import Any

MOST_DECIMALS = 6
"Beyond which a result would have been rounded."


def decimals(text: str) -> int:
    """How many decimals a number is written with."""
    return len(text.partition(".")[2])


def needed(value: Any) -> int | None:
    """How many decimals a rational number needs; None for one that never ends."""
    rest, count = int(value.q), 0
    while rest % 10 == 0:
        rest, count = rest // 10, count + 1
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return count + max(twos, fives) if rest == 1 else None


def rounded(value: Any, places: int) -> Any:
    """A rational number at so many decimals, halves away from zero."""
    import sympy

    scaled = abs(value) * 10**places
    whole = int(sympy.floor(scaled + sympy.Rational(1, 2)))
    return sympy.Rational(whole if value >= 0 else -whole, 10**places)


def written(value: Any, like: str) -> str | None:
    """A number not below zero as `like` is written; None where it would need too many decimals."""
    places = needed(value)
    if places is None or places > max(MOST_DECIMALS, decimals(like)) or value < 0:
        return None
    if like.endswith("0") or decimals(like) == 2:
        # Who writes 8.00 pads; 2.9 has a decimal only because it needs one.
        places = max(places, decimals(like))
    whole, rest = divmod(int(value * 10**places), 10**places)
    comma = "{,}" if "{,}" in like else ","
    grouped = f"{whole:,}".replace(",", comma) if comma in like else str(whole)
    return f"{grouped}.{rest:0{places}d}" if places else grouped
