"""Numbers with their intervals, as the sentences of the report say them."""

from collections.abc import Mapping, Sequence
from typing import Any

EXPECTED, UNEXPECTED = "as expected", "not as expected"
UNRESOLVED, UNMEASURED = "not resolved", "not measured"
UNTRIED = "not tried under this objective"
"The outcomes of a control."


def worst(outcomes: Sequence[str]) -> str:
    """The outcome of a control whose results came out so."""
    return next(o for o in (UNEXPECTED, UNMEASURED, UNRESOLVED, EXPECTED, UNTRIED) if o in outcomes)


def points(found: Mapping[str, Any], digits: int = 1) -> str:
    """A share or difference of shares in accuracy points, with its interval."""
    value, low, high = (100 * found[key] for key in ("value", "low", "high"))
    return f"{value:+.{digits}f} points [{low:+.{digits}f}, {high:+.{digits}f}]"


def plain(found: Mapping[str, Any], digits: int = 2, sign: bool = False) -> str:
    """A number with its interval; `no interval` where it has no ends."""
    plus = "+" if sign else ""
    return f"{found['value']:{plus}.{digits}f} {interval(found, digits, plus)}"


def interval(found: Mapping[str, Any], digits: int, plus: str = "", scale: float = 1.0) -> str:
    """`[low, high]`; `no interval` of a number from one training seed, which has no ends."""
    low, high = found["low"], found["high"]
    if low is None or high is None or high - low == float("inf"):
        return "no interval"
    return f"[{scale * low:{plus}.{digits}f}, {scale * high:{plus}.{digits}f}]"


def unmeasured(reason: str) -> dict[str, Any]:
    """The outcome of a control that has no numbers."""
    return {"outcome": UNMEASURED, "sentence": f"{UNMEASURED}: {reason}."}
