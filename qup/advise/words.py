"""How numbers and metrics are said, on the terminal and on the page alike."""

import math

from qup.advise.comparing import Gap
from qup.report.foresight import Rate
from qup.stats import Estimate

LABELS = {
    "ppl": "perplexity",
    "nll": "surprisal of a trace, nats",
    "excess_surprisal": "excess surprisal over the reference, nats",
    "onpolicy_z": "on-policy z",
    "rsr": "rank-surprisal ratio",
    "null.tokens": "tokens",
    "null.steps": "lines",
    "correct": "right answers, %",
}
"What readers call the metrics that stand in the summary; the others go by their keys."
SHARES = ("correct",)
"Shown in percent."


def label(metric: str) -> str:
    """A metric for readers."""
    return LABELS.get(metric, metric)


def number(metric: str, value: float, *, sign: bool = False) -> str:
    """A value of a metric: three significant digits or so, shares in percent."""
    scaled = 100 * value if metric in SHARES else value
    plus = "+" if sign else ""
    if not math.isfinite(scaled):
        return "no end"
    size = abs(scaled)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{scaled:{plus}.{digits}f}"


def mean(metric: str, estimate: Estimate) -> str:
    """`1.93 [1.85, 2.02]`."""
    return f"{number(metric, estimate.value)} {ends(metric, estimate.low, estimate.high)}"


def gap(metric: str, given: Gap) -> str:
    """`-0.48 [-0.53, -0.44]`, the interval the one that decides, after Holm's correction."""
    return f"{number(metric, given.value, sign=True)} {ends(metric, given.low, given.high, sign=True)}"


def ends(metric: str, low: float, high: float, *, sign: bool = False) -> str:
    """`[1.85, 2.02]`."""
    if math.isinf(high - low):
        return "no interval"
    return f"[{number(metric, low, sign=sign)}, {number(metric, high, sign=sign)}]"


def rate(given: Rate) -> str:
    """`66 of 71 pairs of streams, 97% [81, 100]`; a tie counts half."""
    hits = f"{given.value * given.pairs:g}" if given.pairs else "0"
    noun = "pair" if given.pairs == 1 else "pairs"
    return f"{hits} of {given.pairs} {noun} ({100 * given.value:.0f}% [{100 * given.low:.0f}, {100 * given.high:.0f}])"


def size(parameters: int | None) -> str:
    """`494M parameters`."""
    if parameters is None:
        return "of unknown size"
    scale, unit = (1e9, "B") if parameters >= 1e9 else (1e6, "M") if parameters >= 1e6 else (1e3, "K")
    return f"{parameters / scale:.3g}{unit} parameters"


def listed(names: list[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
