"""Whether the disk holds what is to be written."""

import shutil
from collections.abc import Iterator

from qup.plan.spans import total
from qup.preflight.ahead import Ahead


def disk(ahead: Ahead) -> Iterator[str]:
    """A line if what the plan expects is more than is free; stages that may run are counted."""
    needed = total(row.disk for row in ahead.plan.rows if row.runs).mid
    free = shutil.disk_usage(ahead.root).free
    if needed > free:
        yield (
            f"disk: the plan expects {needed / 1e9:.1f} GB to be written, and {free / 1e9:.1f} GB are free: make room, "
            f"or move DVC's cache (`dvc cache dir --local <folder>`)"
        )
