"""Whether the disk holds what is to be written, and that of DVC's cache, where it lies on another."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from qup.plan.spans import total
from qup.preflight.ahead import Ahead


def disk(ahead: Ahead) -> Iterator[str]:
    """A line for each disk with less free than the plan expects; stages that may run are counted."""
    needed = total(row.disk for row in ahead.plan.rows if row.runs).mid
    for where, place, remedy in _places(ahead.root):
        free = shutil.disk_usage(place).free
        if needed > free:
            yield (
                f"{where}: the plan expects {needed / 1e9:.1f} GB to be written, and {free / 1e9:.1f} GB are free: "
                f"make room, {remedy}"
            )


def _places(root: Path) -> Iterator[tuple[str, Path, str]]:
    """Each disk that is written to, by a folder on it, with the way out."""
    yield "disk", root, "or clone the repository to a larger one"
    # DVC links what it can; what lies on another disk it copies, small files but for their way back.
    cache = _cache(root)
    if _device(cache) != _device(root):
        yield "disk of DVC's cache", cache, "or move the cache (`dvc cache dir --local <folder>`)"


def _cache(root: Path) -> Path:
    """DVC's cache, or of one that is yet to be made the nearest folder above it."""
    from dvc.config import Config
    from dvc.exceptions import DvcException

    try:
        named = Config(str(root / ".dvc"), validate=False)["cache"].get("dir", "cache")
    except (DvcException, KeyError):
        # DVC will say what is wrong with its settings.
        named = "cache"
    place = (root / ".dvc" / str(named)).resolve()
    return next(each for each in (place, *place.parents) if each.exists())


def _device(folder: Path) -> int:
    return folder.stat().st_dev
