"""Weights that lie on this machine already: a folder as `save_pretrained` leaves it, of safetensors or, converted, of
pickled weights.

Example: `{source: folder, path: ~/models/our-1.5b, sha256: <of the weights>}`. DVC does not watch the folder: with
`sha256` other weights are a line and a changed setting, without it they are taken at the next `dvc repro -f obtain`.
"""

import re
from pathlib import Path

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.models import _checkpoint, _folder
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Model:
    """A checkpoint in a folder; it is copied."""

    path: str
    "Absolute, from `~`, or from the repository's root. It stands in the report as it is written here."
    sha256: str | None = None
    "Of the weights, 64 hex digits: `cat model*.safetensors | sha256sum`, or what ORIGIN.md says after a first run."

    def __post_init__(self) -> None:
        if not self.path.strip():
            raise SettingsError(f"expected a folder, got {self.path!r}", "path")
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise SettingsError(f"expected 64 hex digits, got {self.sha256!r}", "sha256")

    def obtain(self, folder: Path, cache: Path) -> None:
        """Copy to `folder`; pickled weights are converted below `cache`.

        Raises:
            SettingsError: there is no such folder, it is no whole checkpoint, or its weights have another SHA-256.
        """
        source = self.place
        try:
            found = _checkpoint.digest(_checkpoint.files(source))
            if self.sha256 not in (None, found):
                raise SettingsError(f"expected weights of SHA-256 {self.sha256}, got {found}")
            _checkpoint.copy(source, folder, cache / "converted")
        except (SettingsError, OSError) as error:
            raise SettingsError(f"{self.path}: {error}") from error
        _folder.tidy(folder)
        facts = {"origin": "a folder of whoever ran the study", "license": "as its owner says"}
        _folder.write_origin(folder, source.name, **facts, sha256_of_the_weights=found)

    @property
    def place(self) -> Path:
        """Where it is.

        Raises:
            SettingsError: there is no such folder.
        """
        try:
            source = Path(self.path).expanduser()
            if source.is_dir():
                return source
            what = "is a file" if source.exists() else "is not there"
        except (OSError, RuntimeError) as error:
            raise SettingsError(f"{self.path}: {error}") from error
        # What Git ignores is not in the copy in which `dvc exp run --temp` and `--queue` work.
        place = "" if source.is_absolute() else f" in {Path.cwd()} (an absolute path is the same anywhere)"
        raise SettingsError(f"{self.path} {what}{place}: expected a folder with config.json, tokenizer and weights")
