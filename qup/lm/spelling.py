"""Where a text's tokens begin and end in it, told by the text of each token by itself.

It need not be quite the text's: of a byte of a character a tokenizer makes a mark of its own, and some give a token
without its space or with one that the text does not have.
"""

import re
from collections.abc import Sequence

SPACE = re.compile(r"\s*")
FARTHEST = 8
"Characters that a token without a place of its own may stand for."


def lengths(text: str, pieces: Sequence[str]) -> list[int]:
    """How many characters of a text each of its tokens stands for; together all of them.

    Of tokens that make a character together the last one has it and the others have none, as those have that frame
    the text. Where several such characters follow each other, each is taken to have as many tokens as the next.

    >>> lengths("So it is 😀.", ["So", " it", " is", " \\ufffd", "\\ufffd", ".", ""])
    [2, 3, 3, 1, 1, 1, 0]
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
        _spread(counts, held or [i], start - at)
        counts[i] += end - start
        at, held = end, []
    last = max((i for i, piece in enumerate(pieces) if piece), default=0)
    _spread(counts, held or [last] * bool(pieces), len(text) - at)
    return counts


def _spread(counts: list[int], tokens: Sequence[int], characters: int) -> None:
    """Deal characters out to tokens, evenly and from the last one of each share."""
    for i in range(characters if tokens else 0):
        counts[tokens[((i + 1) * len(tokens) - 1) // characters]] += 1


def _place(text: str, piece: str, at: int, held: int) -> tuple[int, int] | None:
    """Where a token's text stands, if it does so close by; `held` tokens before it have no place yet."""
    space = SPACE.match(text, at)
    # Most that are held have a character at most, one that is unknown may be a word; and this one may have been given
    # without the space before it.
    farthest = FARTHEST * held + (space.end() - at if space else 0)
    for said in dict.fromkeys((piece, piece.lstrip())):
        start = text.find(said, at, at + farthest + len(said)) if said else -1
        if start >= 0:
            return start, start + len(said)
    return None
