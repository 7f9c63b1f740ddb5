r"""When are two answers one and the same? Pure functions of two texts, which know nothing of processes.

math-verify (huggingface/Math-Verify) decides whether two expressions are equal. Before it is asked, typography
(`notation`), names (`x=`, `x \in`), the marks of lists (`lists`) and units (`units`) are off; what is no formula
(`words`) it is not asked. What it is known to get wrong is vetoed:

- it takes lists for sets: to it, `1,1,2` is `1,2`, and `(1,2,3)` is `[1,2,3]`; so they are compared part by part;
- it looks at six decimals: to it, `1/2004!` is `1/2006!`; so numbers must be near by relative difference too;
- it carries out what was asked for: to it, `2+1` is `3`; so a number must not have an operator left;
- it adds numbers side by side: to it, `1 7` is 8; and it reads `50%` as 50;
- it takes a trailing letter for a unit, and any two units for the same: to it, `3t` is `3`, and `5 cm` is `5 m`.

It is slow and may not end, so `at_sight` goes first, in any process, and `same` belongs in a bounded one.

>>> at_sight("Monday", r"\text{monday}"), at_sight("1/2", "0.5"), same("1/2", "0.5")
(True, None, True)
"""

import re
from fractions import Fraction
from typing import Any

from qup.answers import lists, units, words
from qup.answers.notation import normal
from qup.answers.values import NUMBER, PERCENT, hundredth, in_radians, is_number, left_to_do, value

SECONDS = 5
"Of comparing, after which math-verify gives up by itself."

NUMBERS_SIDE_BY_SIDE = re.compile(r"(?<!_)\d \d")
r"To math-verify, `1 7` is their sum, 8; but of `\log_2 8` the first is the base."
ORDINAL = re.compile(r"(\d) ?\^?(?:\{?\\text\{|\{) ?(st|nd|rd|th) ?\}{1,2}")
r"`3\text{rd}`, `3^{\text{rd}}` and `3^{rd}`."
ABOUT = re.compile(r"(?:\\approx|\\sim|\\simeq|~)(?![A-Za-z]) ?|(?:approximately|approx|about|roughly) ")


def cleaned(text: str) -> str:
    """An answer as all comparisons take it: without typography, numbers in one spelling, words as what they say."""
    return value(words.plain(normal(text)))


def at_sight(gold: str, given: str) -> bool | None:
    """The judgement where it takes no algebra: equal text, whole numbers, `2 h 30 min`, words, dates; else None."""
    gold, given = cleaned(gold), cleaned(given)
    if gold == given:
        return True
    # Decimals may be rounded, which is for `same` to judge.
    if NUMBER.fullmatch(gold) and NUMBER.fullmatch(given) and "." not in gold + given:
        return Fraction(gold) == Fraction(given)
    quantities = units.compound(gold), units.compound(given)
    if all(quantities):
        return quantities[0] == quantities[1]
    if ORDINAL.sub(r"\1\2", gold) == ORDINAL.sub(r"\1\2", given):
        return True
    said = _said(gold, given)
    if said is None and NUMBERS_SIDE_BY_SIDE.search(given):
        return False
    return said


def _said(gold: str, given: str) -> bool | None:
    """The judgement of words, dates and letters; a number with a unit is none of them."""
    said = words.judged(gold, given)
    return words.spelt(gold, given) if said is None and not units.split(gold)[1] else said


def same(gold: str, given: str) -> bool:
    """Equality of two cleaned answers; of lists, sets, tuples and intervals, part by part.

    Raises:
        Exception: whatever math-verify and sympy raise on what they cannot read or compare, or in time.
    """
    sides = [side.strip() for side in ABOUT.split(given) if side.strip()]
    if any(_same(gold, side) for side in sides):
        return True
    # Math-verify drops the sign of degrees: right between two functions of angles, wrong between one and its value.
    turned, turned_sides = in_radians(gold), [in_radians(side) for side in sides]
    return (turned, turned_sides) != (gold, sides) and any(_same(turned, side) for side in turned_sides)


def _same(gold: str, given: str) -> bool:
    gold, given = lists.bare(gold, given)
    if gold == given:
        return True
    gold, given = _both_sets(gold, given)
    own, other = lists.read(gold), lists.read(given)
    if own.many and other.many:
        return _same_list(own, other)
    if other.many and other.fence == "" and len(set(other.parts)) == len(other.parts):
        # One value written in several ways: `1/2` or `0.5`.
        return all(_same(gold, part) for part in other.parts)
    if (own.many and not own.is_interval) or (other.many and not other.is_interval):
        return False
    if r"\pm" in gold + given:
        gold, given = own.parts[0], other.parts[0]
    return _same_value(gold, given)


def _both_sets(gold: str, given: str) -> tuple[str, str]:
    """Inequalities as intervals where the other answer is one, or several joined."""
    if lists.is_set(given):
        return lists.as_interval(gold) or gold, given
    if lists.is_set(gold):
        return gold, lists.as_interval(given) or given
    return gold, given


def _same_list(own: lists.Parts, other: lists.Parts) -> bool:
    if len(own.parts) != len(other.parts):
        return False
    if own.fence in lists.UNORDERED and other.fence in lists.UNORDERED:
        return _same_bag(own.parts, other.parts)
    # A tuple may come without its brackets; a list of two in square ones may be an interval.
    loose = "" in (own.fence, other.fence) and (len(own.parts) > 2 or "()" in (own.fence, other.fence))
    loose = loose and not {own.fence, other.fence} & {"(]", "[)"}
    if own.fence != other.fence and not loose:
        return False
    pairs = zip(lists.by_name(own.parts), lists.by_name(other.parts), strict=True)
    return all(_same(*pair) for pair in pairs)


def _same_bag(parts: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Equality in any order; equality is transitive, so taking the first match is right."""
    unmatched = list(others)
    for part in parts:
        match = next((other for other in unmatched if _same(part, other)), None)
        if match is None:
            return False
        unmatched.remove(match)
    return True


def _same_value(gold: str, given: str) -> bool:
    """Two single values with their units and percent signs."""
    said = _said(gold, given)
    if said is not None:
        return said
    if PERCENT.fullmatch(gold) or PERCENT.fullmatch(given):
        return _same_share(gold, given)
    (amount, unit), (other_amount, other_unit) = units.split(gold), units.split(given)
    if units.differ(unit, other_unit):
        return False
    if unit and not other_unit and units.is_symbol(gold):
        return _equal(gold, given)
    if _of_variables((gold, amount, unit), (given, other_amount, other_unit)):
        # As of a number with its unit, nothing of one with its variable may be left to do.
        letter = units.symbol(gold)
        undone = letter and is_number(amount) and _undone(units.without(letter, given), amount)
        return not undone and _equal(gold, given)
    return _equal(amount, other_amount)


def _same_share(gold: str, given: str) -> bool:
    """Two values of which one is a percentage at least."""
    percent, other_percent = PERCENT.fullmatch(gold), PERCENT.fullmatch(given)
    if percent:
        shares = (percent[1], other_percent[1]) if other_percent else (hundredth(percent[1]), given)
        # The sign of a gold answer may be left out: the question asked for a percentage.
        return _equal(*shares) or (not other_percent and _equal(percent[1], given))
    return other_percent is not None and _equal(gold, hundredth(other_percent[1]), carried_out=True)


def _of_variables(own: tuple[str, str, str | None], other: tuple[str, str, str | None]) -> bool:
    """Whether what looks like a unit in two answers, each a text with its value and unit, is a variable."""
    (gold, amount, unit), (given, other_amount, other_unit) = own, other
    if unit and other_unit:
        return units.symbol(gold) == units.symbol(given) is not None and units.is_sum(amount, other_amount)
    if unit:
        return amount != given and units.is_variable(gold, given)
    return other_unit is not None and other_amount != gold and units.is_variable(given, gold)


def _equal(gold: str, given: str, carried_out: bool = False) -> bool:
    """math-verify's judgement of two expressions without units, and our vetoes; `carried_out`: `given` is our own."""
    gold, given = value(gold), value(given)
    if gold == given:
        return True
    if is_number(gold) and not carried_out and _undone(given, gold):
        return False
    number, other = _parsed(gold), _parsed(given)
    return bool(number and other) and _verified(number, other) and _near(number[0], other[0])


def _undone(given: str, gold: str) -> bool:
    """Whether an operation is left to do of what is to be this number."""
    return left_to_do(given, whole="." not in gold and is_number(gold) == "whole")


def _verified(gold: list[Any], given: list[Any]) -> bool:
    # Here, because the parent process does without it and sympy.
    from math_verify import verify

    return bool(verify(gold, given, timeout_seconds=SECONDS, raise_on_error=True))


def _parsed(text: str) -> list[Any]:
    """What math-verify reads in a text; units are off already, and a number within words is not the answer."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    as_it_stands = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all")
    target = [LatexExtractionConfig(normalization_config=as_it_stands)]
    parsed: list[Any] = parse(f"\\boxed{{{text}}}", target, parsing_timeout=SECONDS, raise_on_error=True)
    return parsed


def _near(number: Any, other: Any) -> bool:
    """Whether two numbers differ by less than a 100,000th of the larger; math-verify only looks at six decimals.

    True of what are not numbers: there math-verify's word stands.
    """
    if not (getattr(number, "is_number", False) and getattr(other, "is_number", False)):
        return True
    return bool(abs((number - other).evalf()) <= 1e-5 * max(abs(number.evalf()), abs(other.evalf())))
