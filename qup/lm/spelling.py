"""Where a text's tokens begin and end in it, told by the text of each token by itself.

It need not be quite the text's: of a byte of a character a tokenizer makes a mark of its own, and some give a token
without its space or with one that the text does not have.
"""

from collections.abc import Sequence


def lengths(text: str, pieces: Sequence[str]) -> list[int]:
    """How many characters of a text each of its tokens stands for; together all of them.

    Of tokens that make a character together the last one has it and the others have none, as those have that frame
    the text.

    >>> lengths("So it is 😀.", ["So", " it", " is", " \\ufffd", "\\ufffd", ".", ""])
    [2, 3, 3, 0, 2, 1, 0]
    """
    counts = [0] * len(pieces)
    at = 0
    held: list[int] = []
    for i, piece in enumerate(pieces):
        place = _place(text, piece, at, len(held))
        if place is None:
            # What frames the text has no part in it.
            held += [i] if piece else []
            continue
        start, end = place
        counts[held[-1] if held else i] += start - at
        counts[i] += end - start
        at, held = end, []
    if pieces:
        counts[max((i for i, piece in enumerate(pieces) if piece), default=0)] += len(text) - at
    return counts


def _place(text: str, piece: str, at: int, held: int) -> tuple[int, int] | None:
    """Where a token's text stands, if it does so close by; `held` tokens before it have no place yet."""
    for said in dict.fromkeys((piece, piece.lstrip())):
        # Each token that is held has a character at most, and a space that this one was given without is one more.
        start = text.find(said, at, at + held + 1 + len(said)) if said else -1
        if start >= 0:
            return start, start + len(said)
    return None
