r"""Wrong results mended and carried on, in one pass over a text; everything else stays to the byte.

A wrong result w of a sum that comes to v is written as v. What is carried on, from there to the end, is every w that
can come from nowhere else: that stands neither in the question nor further up. Each later sum is worked out from what
its numbers have become. A w whose source is in doubt stays, but for the final answer, which repeats the last equation
that came to it.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from qup.arithmetic import forms, values
from qup.arithmetic.equations import Equation, equations
from qup.arithmetic.readings import Reading, Stated, holds, plain
from qup.arithmetic.tokens import LABELS, Kind, Piece, pieces

IN_WORDS = {
    word: i
    for i, word in enumerate(
        re.findall(
            r"\w+",
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen twenty",
        )
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "dozen": 12}
"Numbers that a question may give as words."


def mended(question: str, text: str) -> tuple[str, int | None]:
    """The text with its sums right, and where the first result stood that was wrong; in a worker."""
    return Pass(question, text).done()


@dataclass
class Pass:
    """One pass over a text."""

    question: str
    text: str
    pieces: list[Piece] = field(default_factory=list)
    stated: list[Any] = field(default_factory=list)
    "What each piece's number is as the text has it; None for other pieces."
    now: list[Any] = field(default_factory=list)
    "What it has become."
    standing: set[Any] = field(default_factory=set)
    "Numbers that the question gives, or that stand further up as they are."
    carried: dict[Any, Any] = field(default_factory=dict)
    "A wrong result that comes from nowhere else, and what is right instead."
    results: dict[Any, Any] = field(default_factory=dict)
    "What each result has become, by the last equation that came to it."
    edits: dict[int, str] = field(default_factory=dict)
    "By piece: what is written instead."
    first: int | None = None

    def done(self) -> tuple[str, int | None]:
        """The text after the pass."""
        self.standing = _given(self.question)
        self.pieces = pieces(self.text)
        self.stated = [_number(piece) for piece in self.pieces]
        self.now = list(self.stated)
        by_result: dict[int, list[Equation]] = {}
        for equation in equations(self.pieces):
            by_result.setdefault(equation.result, []).append(equation)
        for at, value in enumerate(self.stated):
            if value is None:
                self._hear(at)
            elif not any(self._settle(equation) for equation in by_result.get(at, [])):
                self._mention(at)
        return self._written(), self.first

    def _settle(self, equation: Equation) -> bool:
        """Check an equation whose sum has been passed over; whether its result is settled."""
        at = equation.result
        before, after = (Stated(equation, self.pieces, numbers) for numbers in (self.stated, self.now))
        moved = any(self.stated[i] != self.now[i] for i in equation.sum)
        try:
            reading = holds(before)
            if not moved and reading:
                self._stands(at, derived=not reading.rounded)
                return True
            right = self._right(after, reading or plain(after))
        except values.UnreadableError:
            return False
        if right is None:
            return False
        return self._mend(equation, right, erred=reading is None)

    def _right(self, stated: Stated, reading: Reading | None) -> Any:
        if reading is None:
            return None
        value = stated.comes_to(reading)
        return forms.rounded(value, stated.decimals) if reading.rounded else value

    def _mend(self, equation: Equation, right: Any, erred: bool) -> bool:
        at, value = equation.result, self.stated[equation.result]
        # A minus before the result is a piece of its own and stays.
        own = -right if equation.negative else right
        text = self._said(own, at)
        if text is None:
            return False
        if erred and self.first is None:
            self.first = self.pieces[at].start
        self._becomes(at, own, text)
        self.results[value] = own
        if own < 0 or value in self.standing or self.carried.get(value, own) != own:
            # Of two sources nobody knows which one is meant further down; and `5 + -2` is not how one writes.
            self.carried.pop(value, None)
            self.standing.add(value)
        else:
            self.carried[value] = own
        return True

    def _mention(self, at: int) -> None:
        """A number that is no checked result: an operand, a word's, the final answer."""
        value = self.stated[at]
        if self._is_name(at):
            return
        becomes = self.results.get(value) if self._is_final(at) else self.carried.get(value)
        text = None if becomes is None else self._said(becomes, at)
        if text is None:
            self._stands(at)
        else:
            self._becomes(at, becomes, text)

    def _said(self, value: Any, at: int) -> str | None:
        """A number in the form of the piece in whose place it comes."""
        text = forms.written(abs(value), self.pieces[at].text)
        if value < 0:
            return f"-{text}" if text and not self._is_negated(at) else None
        return text

    def _is_negated(self, at: int) -> bool:
        return at > 0 and self.pieces[at - 1].kind is Kind.SIGN and self.pieces[at - 1].sign == "-"

    def _stands(self, at: int, derived: bool = False) -> None:
        value = self.stated[at]
        self.standing.add(value)
        self.carried.pop(value, None)
        if derived:
            self.results[value] = value

    def _becomes(self, at: int, value: Any, text: str) -> None:
        self.now[at] = value
        self.standing.add(value)
        if value != self.stated[at]:
            self.edits[at] = text

    def _hear(self, at: int) -> None:
        if self.pieces[at].kind is Kind.WORD and (said := IN_WORDS.get(self.pieces[at].text.casefold())) is not None:
            self.standing.add(values.number(str(said)))

    def _is_name(self, at: int) -> bool:
        """Whether a number counts nothing: of a list, a step, a power, a time of day, `8th`, `x_8`, `8x`."""
        this, before = self.pieces[at], self.pieces[at - 1] if at else None
        after = self.pieces[at + 1] if at + 1 < len(self.pieces) else None
        if before and (before.text.casefold() in LABELS or before.text == "^"):
            return True
        if before and before.end == this.start and before.kind in (Kind.WORD, Kind.OTHER):
            return True
        if after is None or after.start > this.end:
            return False
        if after.kind is Kind.WORD and not after.text.startswith("\\"):
            return len(after.text) == 1 or after.text in ("st", "nd", "rd", "th")
        starts = before is None or before.kind is Kind.LINE
        return after.kind is Kind.OTHER or (starts and after.text in (".", ")", ":"))

    def _is_final(self, at: int) -> bool:
        """Whether a number is the answer: all of a box, after `####`, or what a calculator's mark came to."""
        start = at - self._is_negated(at)
        before = self.pieces[start - 1] if start else None
        if before is None:
            return False
        if before.kind is Kind.BOX:
            return at + 1 < len(self.pieces) and self.pieces[at + 1].text == "}"
        return before.text == ">>" or self.text[before.start - 3 : self.pieces[start].start].split() == ["####"]

    def _written(self) -> str:
        parts, end = [], 0
        for at in sorted(self.edits):
            parts += [self.text[end : self.pieces[at].start], self.edits[at]]
            end = self.pieces[at].end
        return "".join([*parts, self.text[end:]])


def _given(question: str) -> set[Any]:
    read = pieces(question)
    said = [values.number(str(IN_WORDS[p.text.casefold()])) for p in read if p.text.casefold() in IN_WORDS]
    return {number for number in map(_number, read) if number is not None} | set(said)


def _number(piece: Piece) -> Any:
    if piece.kind is not Kind.NUMBER:
        return None
    try:
        return values.number(piece.text)
    except values.UnreadableError:
        return None
