"""Numbers of a trace's tokens as short text: a few bytes a token, so that those of every trace can be kept.

Digits are those of base 64, most significant first. A surprisal is two of them, in hundredths of a nat; a length is
one, or as many more as it holds 63s.

>>> pack_nats([0.0, 0.37, 50.0]), unpack_nats("AAAl//")
('AAAl//', [0.0, 0.37, 40.95])
>>> pack_lengths([1, 0, 63, 130]), unpack_lengths("BA/A//E")
('BA/A//E', [1, 0, 63, 130])
"""

from collections.abc import Iterable

DIGITS64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
STEP = 0.01
"Nats: a surprisal is off by half of it at most."
LARGEST = len(DIGITS64) ** 2 - 1
"Steps: what surprises more, or has no number, is written as this."
MORE = len(DIGITS64) - 1
"A digit of a length that is not its last."
VALUES = {digit: value for value, digit in enumerate(DIGITS64)}


def pack_nats(nats: Iterable[float]) -> str:
    """Surprisals in nats, two characters each."""
    # Not `min`, whose answer about NaN depends on the order.
    steps = (round(own / STEP) if own < LARGEST * STEP else LARGEST for own in nats)
    return "".join(DIGITS64[place] for own in steps for place in divmod(max(0, own), len(DIGITS64)))


def unpack_nats(text: str) -> list[float]:
    """Surprisals in nats.

    Raises:
        ValueError: it is no text that `pack_nats` wrote.
    """
    values = _values(text)
    if len(values) % 2:
        raise ValueError(f"expected two digits a token, got {len(values)} digits")
    pairs = zip(values[::2], values[1::2], strict=True)
    # Divided, so that 37 steps are 0.37 and not 0.37 and a trifle.
    return [(len(DIGITS64) * high + low) / round(1 / STEP) for high, low in pairs]


def pack_lengths(lengths: Iterable[int]) -> str:
    """Whole numbers from 0 on, most of them one character each."""
    return "".join(DIGITS64[MORE] * (own // MORE) + DIGITS64[own % MORE] for own in lengths)


def unpack_lengths(text: str) -> list[int]:
    """Whole numbers.

    Raises:
        ValueError: it is no text that `pack_lengths` wrote.
    """
    lengths, held = [], 0
    for value in _values(text):
        held += value
        if value != MORE:
            lengths.append(held)
            held = 0
    if held:
        raise ValueError("the last length has no end")
    return lengths


def _values(text: str) -> list[int]:
    unknown = next((digit for digit in text if digit not in VALUES), None)
    if unknown is not None:
        raise ValueError(f"expected digits of base 64, got {unknown!r}")
    return [VALUES[digit] for digit in text]
