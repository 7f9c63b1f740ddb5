"""What is marked in a trace for a reader: tokens by how much they surprise the learner, edits by what they changed."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qup.compat.drift_split import edits as aligned

STYLE = Path(__file__).with_name("marks.css")
"How marks look on a page of ours."
FULL = 6.0
"Nats of surprisal from which a token has the full shade."
STEPS = 8
"Shades."
PIECES = re.compile(r"\s+|\w+|[^\w\s]")
"A text in pieces where its tokens are not known."


@dataclass(frozen=True)
class Token:
    """A stretch of a trace as it is shown: one token, or several that make a character together."""

    text: str
    surprisal: float
    "Nats."

    @property
    def shade(self) -> int:
        """0 to `STEPS`."""
        return min(STEPS, int(STEPS * self.surprisal / FULL))

    @property
    def title(self) -> str:
        """What shows when it is pointed at."""
        return f"{self.surprisal:.2f} nats"


@dataclass(frozen=True)
class Edit:
    """A stretch of two texts: `equal`, `insert` (in this one alone) or `delete` (in the other one alone)."""

    kind: str
    text: str
    changed: str = ""
    "What the edit changed: `logic` or `style`."


def tokens(text: str, lengths: Sequence[int], nats: Sequence[float]) -> list[Token]:
    """The tokens of a text by their lengths in characters; the surprisal of one without any goes to the next that has.

    What follows the last character, as end-of-sequence, is a token without text.
    """
    shown: list[Token] = []
    at, held, waits = 0, 0.0, False
    for length, own in zip(lengths, nats, strict=True):
        held, waits = held + own, not length
        if length:
            shown.append(Token(text[at : at + length], held))
            at, held = at + length, 0.0
    return [*shown, Token("", held)] if waits else shown


def pieces(text: str, lengths: Iterable[int] = ()) -> list[str]:
    """A text in pieces that together are all of it: its tokens, or words and marks where no lengths are given.

    Tokens without a character are empty pieces: an alignment counts them too.
    """
    ends = list(itertools.accumulate(lengths))
    return [text[at:end] for at, end in itertools.pairwise([0, *ends])] or PIECES.findall(text)


def edited(before: Sequence[str], after: Sequence[str]) -> list[Edit]:
    """What makes one text of another, both in pieces; logic and style are those of the drift split."""
    edits: list[Edit] = []
    for span, kind in aligned(before, after):
        left, right = ("".join(own[i] for i in at) for own, at in ((before, span.before), (after, span.after)))
        if span.kept:
            edits.append(Edit("equal", right))
        else:
            made = Edit("delete", left, kind), Edit("insert", right, kind)
            edits += [edit for edit in made if edit.text]
    return _merged(edits)


def _merged(edits: Iterable[Edit]) -> list[Edit]:
    """Neighbours of one kind as one."""
    merged: list[Edit] = []
    for edit in edits:
        if merged and (merged[-1].kind, merged[-1].changed) == (edit.kind, edit.changed):
            merged[-1] = Edit(edit.kind, merged[-1].text + edit.text, edit.changed)
        else:
            merged.append(edit)
    return merged
