"""Records as columns over problems: the values of a problem's traces as one, and counts."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from statistics import fmean

import numpy as np

from qup.errors import SettingsError
from qup.measured.answers import Column
from qup.records import Refined

Value = tuple[str, float | None]
"A problem, and the value of one of its traces."


def column(
    problems: Sequence[str], values: Iterable[Value], together: Callable[[list[float]], float] = fmean
) -> Column:
    """Values over problems, those of a problem's traces taken together; NaN where none is there and finite."""
    by_problem: dict[str, list[float]] = {}
    for problem, value in values:
        if value is not None and math.isfinite(value):
            by_problem.setdefault(problem, []).append(value)
    # One alone stays as it is, to the bit: a sum of it would lose the sign of a zero.
    whole = {problem: own[0] if len(own) == 1 else together(own) for problem, own in by_problem.items()}
    return np.array([whole.get(problem, np.nan) for problem in problems], dtype=np.float64)


def short(values: Column) -> Column:
    """Values to six significant digits."""
    return np.array([float(f"{value:.6g}") for value in values], dtype=np.float64)


def counted(values: Iterable[str]) -> dict[str, int]:
    """How often each value is there, sorted."""
    return dict(sorted(Counter(values).items()))


def hashed(kept: Sequence[Refined]) -> str | None:
    """A hash of what is trained on of a problem: its texts, and which of their tokens are left out; None of no text."""
    text = "\x1e".join(map(_taught, kept))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16] if kept else None


def _taught(refined: Refined) -> str:
    if refined.mask and refined.mask.left_out:
        return f"{refined.text}\x1f{refined.mask.left_out}"
    return refined.text or ""


def plug_of(key: str, metrics: Collection[str]) -> str:
    """The metric plug that a key is of: the one whose name it is or starts with.

    Raises:
        SettingsError: it is of none of these.
    """
    plug = max((name for name in metrics if key == name or key.startswith(f"{name}.")), key=len, default=None)
    if plug is None:
        raise SettingsError(f"no metric of this study gives {key!r}: measure the arm again (dvc repro)")
    return plug
