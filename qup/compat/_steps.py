"""Steps of a trace in its tokens: a step is a line with something on it, as `null.steps` counts them."""

from collections.abc import Sequence


def starts(pieces: Sequence[str]) -> list[int]:
    """The tokens that begin a step, given each token's text: the first of each line that is more than whitespace.

    >>> starts(["So", " x", ":\\n\\n", "x", "=2", "\\n", ""])
    [0, 3]
    """
    found, fresh = [], True
    for i, piece in enumerate(pieces):
        said = piece.strip()
        lead, _, rest = piece.partition(said) if said else (piece, "", "")
        fresh = fresh or "\n" in lead
        if said and fresh:
            found.append(i)
        if said:
            # A token may hold the end of one line and the start of the next: it then belongs to the former.
            fresh = "\n" in said or "\n" in rest
    return found or [0]
