"""How far held-out traces get worse before they get better again, and when they are back where they were."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from qup.records import Probed
from qup.report.numbers import INLINE, Missing, Number
from qup.stats import t_interval

NEAR = 0.02
"Nats per token within which two NLLs count as the same: of a floor, or of a start."


@dataclass(frozen=True)
class Dip:
    """What became of one run's held-out traces on the way."""

    depth: float
    "Largest NLL at any probe minus the NLL before training, nats per token; 0 if it never rose."
    back: int | None
    """Completion tokens trained on at the first probe from which all are within `NEAR` of the start: 0 if none was ever
    further above it, None if the last one is (censored: when it would be back is not known)."""


@dataclass(frozen=True)
class Recovery:
    """When the runs of an arm were back."""

    tokens: Number = field(metadata=INLINE)
    "Mean over runs; missing where one is not back: a mean over the others would be of the quick ones."
    back: int
    "Runs that are back by their last probe, or were never away."
    runs: int


def dip(held: Probed) -> Dip:
    """The dip of one run's traces, over those that every probe scored."""
    rises = [(nll - held.nll[0]) / held.probe_tokens for nll in held.nll]
    away = [place for place, rise in enumerate(rises) if rise > NEAR]
    if not away:
        return Dip(max(rises), 0)
    return Dip(max(rises), held.at[away[-1] + 1] if away[-1] + 1 < len(rises) else None)


def recovery(dips: Sequence[Dip], level: float, absent: str) -> Recovery:
    """When runs were back, with an interval over them; `absent` says why there are none."""
    back = [each.back for each in dips if each.back is not None]
    if not dips:
        return Recovery(Missing(absent), 0, 0)
    if len(back) < len(dips):
        return Recovery(Missing(f"back in {len(back)} of {len(dips)} runs"), len(back), len(dips))
    return Recovery(t_interval(back, level), len(back), len(dips))
