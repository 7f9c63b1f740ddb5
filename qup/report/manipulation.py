"""Manipulation checks: whether the streams of a factorial differ in logic and style as their names claim.

They rest on a parser that reads logic and style off a trace (`qup/compat/glassbox.py`). Where there is none nothing is
claimed.
"""

from collections.abc import Callable, Iterable
from typing import Any

from qup.report.contrasts import paired
from qup.report.entries import entry, missing
from qup.report.factorial import Cells, absent_cells
from qup.report.measure import Measures
from qup.report.words import plain
from qup.stats import ZERO, Estimate

PARSER = "glassbox."
PARSED = "parsed"
NO_PARSER = "no parser for these problems"
NEAR = 0.02
"A difference of means below this counts as none, resolved or not."
RULES = (
    ("restyled", "dose", "above"),
    ("refined", "dose", "above"),
    ("aligned", "dose", "equal to"),
    ("aligned", "logic", "at least"),
    ("refined", "logic", "at least"),
    ("restyled", "logic", "equal to"),
)
"(role, what of its traces, how it must compare with the native ones)."
HOLDS: dict[str, Callable[[Estimate], bool]] = {
    "above": lambda gap: gap.low > ZERO,
    "equal to": lambda gap: not gap.excludes_zero() or abs(gap.value) < NEAR,
    "at least": lambda gap: gap.high >= -ZERO,
}


def means(m: Measures, arms: Iterable[str]) -> dict[str, dict[str, Any]]:
    """For each arm whose traces were parsed: share parsed, and the means of logic and dose over the parsed ones."""
    known = [arm for arm in arms if (arm, PARSER + PARSED) in m.compat]
    return {arm: {key: _mean(m, arm, key) for key in (PARSED, "logic", "dose")} for arm in known}


def _mean(m: Measures, arm: str, key: str) -> dict[str, Any]:
    draws = m.compat.get((arm, PARSER + key))
    if draws is None:
        return missing("no trace could be parsed")
    return entry(m.boot.rate(draws) if key == PARSED else m.boot.estimate(draws))


def check(m: Measures, cells: Cells) -> dict[str, Any]:
    """`passed` is None where it cannot be said; `reason` says why, or which rules fail."""
    absent = absent_cells(cells, list(m.held.learners))
    if not any(key == PARSER + PARSED for _, key in m.compat):
        return {"passed": None, "reason": NO_PARSER, "rules": []}
    rules = [] if absent else [_rule(m, cells, *rule) for rule in RULES]
    unknown = [rule["sentence"] for rule in rules if rule["passed"] is None]
    failed = [rule["sentence"] for rule in rules if rule["passed"] is False]
    passed = None if absent or (unknown and not failed) else not failed
    return {"passed": passed, "reason": absent or "; ".join(failed or unknown), "rules": rules}


def _rule(m: Measures, cells: Cells, role: str, key: str, how: str) -> dict[str, Any]:
    pair = (str(cells[role]), str(cells["native"]))
    gap = paired(m, [pair], m.compat_columns, PARSER + key).get(pair)
    wanted = f"{key} of {role} {how} native's"
    if gap is None:
        nothing = "no problem has both traces parsed"
        return {"passed": None, "difference": missing(nothing), "sentence": f"{wanted}: {nothing}"}
    passed = HOLDS[how](gap)
    sentence = f"{wanted}: {'yes' if passed else 'no'} ({plain(entry(gap), 3, sign=True)}, n = {gap.n})"
    return {"passed": passed, "difference": entry(gap), "sentence": sentence}
