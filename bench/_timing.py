"""How a benchmark takes times, and the work that its sides share."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

Row = TypeVar("Row", bound=Sequence[Any])


Clock = Callable[[], float]
"Seconds: `time.perf_counter`, or `time.process_time` where other work beside a benchmark must not count."


def rates(
    sides: Mapping[str, Callable[[], int]], repeats: int, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Tokens per second of each run of each side; a call returns its tokens. Sides alternate, after one run each."""
    runs: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(repeats + 1):
        for side, call in sides.items():
            rate = rate_of(call, clock)
            if turn:
                runs[side].append(rate)
    return runs


def rate_of(call: Callable[[], int], clock: Clock = time.perf_counter) -> float:
    """Tokens per second of one call, which returns its tokens."""
    start = clock()
    tokens = call()
    return tokens / (clock() - start)


def batches(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Rows, longest first, `size` at a time, as the backends take them."""
    ordered = sorted(rows, key=len, reverse=True)
    return [list(ordered[first : first + size]) for first in range(0, len(ordered), size)]
