"""How a control came out, in the report's fixed words."""

from collections.abc import Iterable
from dataclasses import dataclass

from qup.report.view import Cell

EXPECTED, UNEXPECTED = "as expected", "not as expected"
UNRESOLVED, UNMEASURED = "not resolved", "not measured"
UNTRIED = "not tried under this objective"


@dataclass(frozen=True)
class Outcome:
    """An outcome that has no number of its own."""

    outcome: str
    sentence: str


def unmeasured(reason: str) -> Outcome:
    """The outcome of what has no numbers."""
    return Outcome(UNMEASURED, f"{UNMEASURED}: {reason}.")


def worst(outcomes: Iterable[str]) -> str:
    """The outcome of a control whose results came out so."""
    seen = set(outcomes)
    return next(outcome for outcome in (UNEXPECTED, UNMEASURED, UNRESOLVED, EXPECTED, UNTRIED) if outcome in seen)


def cell(outcome: str, align: str = "") -> Cell:
    """An outcome in a table, coloured if it is one or the other; `text` aligns it left."""
    mark = {EXPECTED: "good", UNEXPECTED: "bad"}.get(outcome, "")
    return Cell(outcome, mark=f"{align} {mark}".strip())
