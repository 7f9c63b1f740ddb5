"""Where weights come from, one source per file: class `Model`, a frozen dataclass of settings with one method."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Model(Protocol):
    """What the obtain stage needs of a source."""

    def obtain(self, folder: Path, cache: Path) -> None:
        """Write safetensors weights, config, tokenizer and ORIGIN.md into `folder`.

        Downloads go to, and resume in, `cache`.

        Raises:
            SettingsError: a hash does not match, or the source has no such model.
        """
        ...


def obtain(models: Mapping[str, Model], out: Path, cache: Path) -> None:
    """Write `<out>/<name>/` for each model, in the study's order: one may be made from another named before it."""
    for name, model in models.items():
        model.obtain(out / name, cache)
        print(f"{name}: made")
