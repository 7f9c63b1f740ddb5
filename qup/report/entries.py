"""Numbers as the summary keeps them: an estimate with what is needed to judge it, or the reason why there is none."""

import dataclasses
from typing import Any

from qup.stats import Bootstrap, Draws, Estimate

Found = dict[str, Any]
"A part of the summary: JSON numbers by name."


def missing(reason: str) -> Found:
    """A quantity that is not there, and why."""
    return {"value": None, "reason": reason}


def entry(estimate: Estimate, **more: Any) -> Found:
    """An estimate for the summary."""
    out = dataclasses.asdict(estimate) | more
    if estimate.seeds is None:
        del out["seeds"]
    else:
        out["seed_variance"] = estimate.seed_variance
    return out


def drawn(boot: Bootstrap, draws: Draws | None, reason: str) -> Found:
    """The estimate of a quantity for the summary, or `reason` if it was not measured."""
    return entry(boot.estimate(draws)) if draws else missing(reason)
