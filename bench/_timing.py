"""How a benchmark takes times, and the work that its sides share."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

Row = TypeVar("Row", bound=Sequence[Any])


def rates(sides: Mapping[str, Callable[[], int]], repeats: int) -> dict[str, list[float]]:
    """Tokens per second of each run of each side; a call returns its tokens. Sides alternate, after one run each."""
    runs: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(repeats + 1):
        for side, call in sides.items():
            rate = rate_of(call)
            if turn:
                runs[side].append(rate)
    return runs


def rate_of(call: Callable[[], int]) -> float:
    """Tokens per second of one call, which returns its tokens."""
    start = time.perf_counter()
    tokens = call()
    return tokens / (time.perf_counter() - start)


def batches(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Rows, longest first, `size` at a time, as the backends take them."""
    ordered = sorted(rows, key=len, reverse=True)
    return [list(ordered[first : first + size]) for first in range(0, len(ordered), size)]
