"""Which equations of a text are closed arithmetic: a sum with an operation in it, an equals sign, one number.

Everything doubtful is none: a repair of what is right is worse than a missed one. So words beside a sum that would
change it (`half of 10 + 2 = 7`), variables, approximations, remainders, mixed numbers and clock times keep an equation
out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qup.answers import units
from qup.arithmetic.tokens import LABELS, Kind, Piece

IN_A_SUM = (Kind.NUMBER, Kind.SIGN, Kind.OPEN, Kind.CLOSE, Kind.FRACTION, Kind.ROOT, Kind.PERCENT)
BEFORE_A_SUM = (Kind.LINE, Kind.BREAK, Kind.EQUALS, Kind.MARK, Kind.BOX)
AFTER_A_RESULT = (Kind.LINE, Kind.BREAK, Kind.EQUALS, Kind.MARK, Kind.CLOSE)
CHANGES_A_SUM = LABELS | frozenset(
    re.findall(
        r"\w+",
        "of times twice thrice double triple half third quarter plus minus by per than from less more over average "
        "mean dozen hundred thousand million billion squared cubed mod base root sqrt ratio to",
    )
)
"Words before a sum that may belong to it."
OF_A_SUM = frozenset(
    re.findall(r"\w+", "total sum cost amount number price value result profit revenue distance speed")
)
"What a sum may be said to be of: a total of 3 + 4."
CHANGES_A_RESULT = frozenset(
    re.findall(
        r"\w+",
        "x r rem remainder mod modulo base million billion trillion thousand hundred hundreds thousands millions dozen "
        "dozens percent percents k m b am pm a p with rounded approximately about pair pairs half halves third thirds "
        "quarter quarters fourth fourths fifth fifths tenth tenths hundredth hundredths times plus minus",
    )
)
"Words behind a number that may make it another one."

NO_UNIT = CHANGES_A_SUM | frozenset(
    re.findall(
        r"\w+",
        "and or but so as is are was were be been being has have had do does did will would can could may might must "
        "then than if for in on at with without into onto out off up down away left already still also again because "
        "since when where while that which who this these those the an he she they it we you his her their its our "
        "equals equal makes make gives give gets get each every all both only just more fewer after before",
    )
)
"Words behind a number that are not what it counts."
MEASURED = frozenset(units.MEASURES.values())
MAY_PRECEDE_A_SIGN = (":", ";", ",", ".", r"\[", r"\(")
"Of the breaks; behind others a minus may belong to what stands before them."
LONGEST = 200
"Pieces of a sum."
LONGEST_UNIT = 3
"Words: 3 large paintings."


@dataclass(frozen=True)
class Equation:
    """`sum = result`, as indices of the text's pieces."""

    sum: tuple[int, ...]
    "Without the words for what is counted, as of 3 apples + 4 pears."
    result: int
    negative: bool
    "Whether a minus stands before the result."
    percent: bool
    "Whether a percent sign stands behind the result."


def equations(pieces: Sequence[Piece]) -> list[Equation]:
    """The equations of a text by where their results stand; several equals signs in a row are one each."""
    read = (_equation(pieces, at) for at, piece in enumerate(pieces) if piece.kind is Kind.EQUALS)
    return sorted((each for each in read if each), key=lambda each: each.result)


def _equation(pieces: Sequence[Piece], at: int) -> Equation | None:
    left, right = _sum_before(pieces, at), _result_after(pieces, at)
    if left is None or right is None:
        return None
    result, negative = right
    after = pieces[result + 1] if result + 1 < len(pieces) else None
    return Equation(left, result, negative, percent=after is not None and after.kind is Kind.PERCENT)


def _sum_before(pieces: Sequence[Piece], end: int) -> tuple[int, ...] | None:
    """The pieces right before `end` that are one sum and nothing beside it, what is counted left out."""
    start, own, counted = end, list[int](), list[str]()
    depth = 0
    while start and len(own) <= LONGEST:
        unit = _unit(pieces, start)
        if unit < start:
            counted.append(pieces[start - 1].text.casefold().removesuffix("s"))
            start = unit
            continue
        piece = pieces[start - 1]
        depth += {Kind.CLOSE: 1, Kind.OPEN: -1}.get(piece.kind, 0)
        if piece.kind not in IN_A_SUM or depth < 0:
            break
        own.append(start - 1)
        start -= 1
    own.reverse()
    if len(own) > LONGEST or depth > 0 or not _is_sum([pieces[i] for i in own], counted) or not _begins(pieces, start):
        return None
    return tuple(own)


def _is_sum(own: Sequence[Piece], counted: Sequence[str]) -> bool:
    """Whether something is to be done, and nothing is added that is not counted alike, as dimes and nickels."""
    signs = {piece.sign for piece in own[1:] if piece.kind is Kind.SIGN}
    if not signs and not any(piece.kind in (Kind.FRACTION, Kind.ROOT) for piece in own):
        return False
    return not signs & {"+", "-"} or len({units.canonical(unit) for unit in counted}) < 2


def _unit(pieces: Sequence[Piece], end: int) -> int:
    """Where the words begin that end at `end` and say what a number before them counts; `end` if there are none."""
    at = end
    while at and end - at < LONGEST_UNIT and pieces[at - 1].kind is Kind.WORD and _is_plain(pieces[at - 1]):
        at -= 1
        before = pieces[at - 1] if at else None
        if before is None:
            return end
        if before.kind is Kind.NUMBER:
            return at
        if before.text == "/" and at > 1 and pieces[at - 2].kind in (Kind.NUMBER, Kind.WORD):
            # $10/hour, and 9 miles/hour, whose words before the slash are read next.
            return at - 1
    return end


def _is_plain(word: Piece) -> bool:
    return len(word.text) > 1 and _leaves_it(word) and word.text.casefold() not in NO_UNIT


def _begins(pieces: Sequence[Piece], start: int) -> bool:
    """Whether a sum may begin at a piece, by what stands before it."""
    before, further = ([None, None, *pieces[:start]])[-1:-3:-1]
    if before is None:
        return True
    if before.kind is Kind.WORD:
        # 1 and 1/4 + 2
        mixed = before.text == "and" and further is not None and further.kind is Kind.NUMBER
        mixed = mixed and pieces[start + 1].text == "/"
        return not mixed and _follows(pieces[start], before, further)
    if pieces[start].kind is Kind.SIGN and before.kind is Kind.BREAK and before.text not in MAY_PRECEDE_A_SIGN:
        # |-3| - 2
        return False
    open_sum = further is not None and further.kind in (Kind.SIGN, Kind.OPEN)
    if before.text == ",":
        # `14, 400 / 80`
        split = further is not None and further.kind is Kind.NUMBER and re.fullmatch(r"\d{3}", pieces[start].text)
        return not split and not open_sum
    if before.kind is Kind.OPEN:
        # Else a bracket was never closed.
        return before.text == "(" and (further is None or further.kind not in IN_A_SUM)
    # `.8 + . 84`
    return before.kind in BEFORE_A_SUM and not (before.text == "." and open_sum)


def _follows(first: Piece, word: Piece, further: Piece | None) -> bool:
    """Whether a sum that begins with a number may follow a word, and the one before that."""
    if first.kind is not Kind.NUMBER or word.end == first.start:
        return False
    said = word.text.casefold()
    if further is not None and further.kind is Kind.NUMBER and units.canonical(said) in MEASURED:
        # 5 feet 3 + 2
        return False
    if said in ("of", "to"):
        # A total of 3 + 4, and what amounts to 3 + 4; but not half of it, nor 5 to 3.
        return (
            further is not None and further.kind is Kind.WORD and (said == "to" or further.text.casefold() in OF_A_SUM)
        )
    return len(said) > 1 and said not in CHANGES_A_SUM and not said.startswith("\\")


def _result_after(pieces: Sequence[Piece], at: int) -> tuple[int, bool] | None:
    """The one number after an equals sign, and whether it is negative; a calculator's mark may stand before it."""
    place = _past_mark(pieces, at + 1)
    if place < len(pieces) and pieces[place].kind is Kind.BOX:
        place += 1
    negative = place < len(pieces) and pieces[place].kind is Kind.SIGN and pieces[place].sign == "-"
    place += negative
    if place >= len(pieces) or pieces[place].kind is not Kind.NUMBER:
        return None
    return (place, negative) if _ends(pieces, place) else None


def _past_mark(pieces: Sequence[Piece], at: int) -> int:
    """The place after a calculator's mark, `<<48/2=24>>`, if one stands here."""
    if at < len(pieces) and pieces[at].text == "<<":
        for place in range(at, len(pieces)):
            if pieces[place].text == ">>":
                return place + 1
    return at


def _ends(pieces: Sequence[Piece], result: int) -> bool:
    """Whether a result is all that stands behind the equals sign."""
    place = result + 1
    if place < len(pieces) and pieces[place].kind is Kind.PERCENT:
        place += 1
    if place >= len(pieces):
        return True
    number, after = pieces[result], pieces[place]
    following = pieces[place + 1] if place + 1 < len(pieces) else None
    if after.kind is Kind.WORD:
        return _leaves_it(after, number) and not _goes_on(pieces, place)
    if after.kind is Kind.SIGN:
        # Of `$20/hour` the slash is the unit's.
        return after.text == "/" and following is not None and following.kind is Kind.WORD and len(following.text) > 1
    if after.kind is Kind.OPEN:
        return after.text == "(" and following is not None and following.kind is Kind.WORD and _leaves_it(following)
    if after.text in ("!", "["):
        return after.start > number.end
    return after.kind in AFTER_A_RESULT


def _goes_on(pieces: Sequence[Piece], at: int) -> bool:
    """Whether a sign follows the words behind a number, as in 240 students - 224 students."""
    end = next((i for i in range(at, len(pieces)) if pieces[i].kind is not Kind.WORD), len(pieces))
    signed = end + 1 < len(pieces) and pieces[end].kind is Kind.SIGN
    return signed and end - at <= LONGEST_UNIT and pieces[end + 1].kind in (Kind.NUMBER, Kind.OPEN, Kind.FRACTION)


def _leaves_it(word: Piece, number: Piece | None = None) -> bool:
    """Whether a word behind a result is a thing counted and not a part of the number."""
    inner = re.sub(r"^\\[a-z]+\s*\{|\}$", "", word.text).strip().casefold()
    first = re.split(r"[^a-z]+", inner)[0] if inner else ""
    joined = number is not None and number.end == word.start and not word.text.startswith("\\")
    return bool(first) and first not in CHANGES_A_RESULT and not (joined and len(first) == 1)
