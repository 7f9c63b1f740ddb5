"""A split of a data set of the hub, at one commit: from the network, or from a cache that has that very commit."""

from pathlib import Path
from typing import Any

from qup.errors import SettingsError


def load(repo: str, config: str | None, split: str, revision: str, **how: Any) -> Any:
    """The rows of a split, in the data set's order, a `datasets.Dataset`; `how` is for `load_dataset`.

    Raises:
        SettingsError: it cannot be loaded, or the cache, out of the hub's reach, has another commit.
    """
    from datasets import load_dataset

    try:
        rows = load_dataset(repo, config, revision=revision, split=split, **how)
        _check_commit(rows, revision)
    except Exception as error:
        # The loader raises dozens of kinds: no such repository, split or configuration, no network, no access.
        raise SettingsError(f"{repo} at {revision[:8]} cannot be loaded: {error}") from error
    return rows


def _check_commit(rows: Any, revision: str) -> None:
    """Out of the hub's reach `datasets` takes what its cache had last, of whatever commit."""
    places = [Path(file["filename"]).parent for file in getattr(rows, "cache_files", [])]
    if others := [place for place in places if place.name != revision]:
        raise SettingsError(f"the cache has another commit of it in {others[0]}; load this one once with network")
