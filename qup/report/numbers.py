"""The report's numbers: an estimate, or the reason why there is none; in words, and as JSON.

Sections compute with these types. `to_json` is the one door to `report.json`; before it nothing is a bag of anything.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qup.records import written_fields
from qup.stats import Estimate

DIGITS = 6
"Decimals kept, so that a last bit that differs between machines does not show."
INLINE = {"inline": True}
"Metadata of a field that has no key of its own in JSON: its keys stand among its owner's."

WORDS = {"words": True}
"Metadata of a field that is for readers of the page alone: it has no key in JSON."


@dataclass(frozen=True)
class Missing:
    """A quantity that is not there."""

    reason: str


Number = Estimate | Missing


@dataclass(frozen=True)
class Bare:
    """A number that has no interval."""

    value: float


@dataclass(frozen=True)
class Holm:
    """A difference among all that are judged together."""

    p: float
    "Corrected."
    family: int
    "Differences judged together."
    level: float
    "Of the interval that decides."
    low: float
    high: float
    "Its ends."


@dataclass(frozen=True)
class Difference:
    """A paired difference, with what it takes to tell it from zero."""

    estimate: Estimate = field(metadata=INLINE)
    p: float
    "Two-sided, of no difference, uncorrected."
    holm: Holm
    mde: Bare | Missing
    "The true difference that this very rule would find with the study's power, in the difference's own unit."
    resolved: bool
    "Replicated, and its interval after Holm's correction excludes 0: the one rule, everywhere."

    @property
    def shown(self) -> Estimate:
        """The estimate with the interval that decides, that after Holm's correction."""
        return dataclasses.replace(self.estimate, low=self.holm.low, high=self.holm.high)


def points(share: Estimate, digits: int = 1) -> str:
    """A difference of shares in accuracy points, with its interval."""
    return f"{100 * share.value:+.{digits}f} points {interval(share, digits, sign=True, scale=100)}"


def plain(estimate: Estimate, digits: int = 2, *, sign: bool = False) -> str:
    """A number with its interval, in its own unit."""
    return f"{estimate.value:{'+' if sign else ''}.{digits}f} {interval(estimate, digits, sign=sign)}"


def interval(estimate: Estimate, digits: int, *, sign: bool = False, scale: float = 1.0) -> str:
    """`[low, high]`; `no interval` of a number that has one value only, which has no ends."""
    if math.isinf(estimate.high - estimate.low):
        return "no interval"
    plus = "+" if sign else ""
    return f"[{scale * estimate.low:{plus}.{digits}f}, {scale * estimate.high:{plus}.{digits}f}]"


def percentage(share: float) -> str:
    """A share of the study's settings, as `95%`."""
    return f"{100 * share:g}%"


def to_json(value: Any) -> Any:
    """Dataclasses as mappings, floats at `DIGITS` decimals; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return _fields(value) if dataclasses.is_dataclass(value) else _plain(value)


def _plain(value: Any) -> Any:
    """A value that has no parts, as Python's own kind of it."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        # Adding 0 makes -0.0 the 0.0 that it is.
        return round(float(value), DIGITS) + 0.0 if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _fields(value: Any) -> dict[str, Any]:
    if isinstance(value, Missing):
        return {"value": None, "reason": value.reason}
    entries: dict[str, Any] = {}
    written = set(written_fields(value))
    for spec in (spec for spec in dataclasses.fields(value) if spec.name in written and not spec.metadata.get("words")):
        item = to_json(getattr(value, spec.name))
        entries |= item if spec.metadata.get("inline") else {spec.name: item}
    return _estimated(value, entries) if isinstance(value, Estimate) else entries


def _estimated(estimate: Estimate, entries: dict[str, Any]) -> dict[str, Any]:
    """Without what only judging needs; where nothing was trained nothing is said of replicates."""
    shown = {key: entries[key] for key in entries if key not in ("spread", "replicates")}
    return shown if estimate.replicates is None else shown | {"replicates": estimate.replicates}
