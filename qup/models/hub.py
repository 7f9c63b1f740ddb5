"""Weights from the Hugging Face hub, pinned to a commit, safetensors only: nothing that is downloaded can run code.

Example: `{source: hub, repo: Qwen/Qwen2.5-Math-1.5B, revision: <40 hex digits>}`.
"""

import re
import shutil
from pathlib import Path

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.models import _folder
from qup.settings import STRICT

WANTED = ["*.safetensors", "*.json", "*.txt", "*.jinja", "tokenizer.model"]


@dataclass(frozen=True, config=STRICT)
class Model:
    """A model repository at one commit."""

    repo: str
    revision: str
    "A commit, 40 hex digits: a branch or tag may move."

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise SettingsError(
                f"revision of {self.repo}: expected a commit of 40 hex digits, got {self.revision!r}; "
                f"see https://huggingface.co/{self.repo}/commits"
            )

    def obtain(self, folder: Path, cache: Path) -> None:
        """Download into `cache`, where an interrupted download goes on, and copy to `folder`.

        Raises:
            SettingsError: no such repository or commit, no access, no network, or no safetensors in it.
        """
        snapshot = self._download(cache / "hub")
        files = [path for path in sorted(snapshot.iterdir()) if path.is_file()]
        if not any(path.suffix == ".safetensors" for path in files):
            raise SettingsError(
                f"{self.repo} at {self.revision[:8]} has no safetensors; pickled weights are not loaded"
            )
        folder.mkdir(parents=True, exist_ok=True)
        for path in files:
            shutil.copyfile(path, folder / path.name)
        address = f"https://huggingface.co/{self.repo}/tree/{self.revision}"
        _folder.write_origin(folder, self.repo, origin=address, license="as stated there", revision=self.revision)

    def _download(self, store: Path) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            # Sub-folders hold other formats of the same weights.
            return Path(
                snapshot_download(
                    self.repo,
                    revision=self.revision,
                    cache_dir=store,
                    allow_patterns=WANTED,
                    ignore_patterns=["*/*"],
                )
            )
        except (HfHubHTTPError, LocalEntryNotFoundError) as error:
            reason = " ".join(str(error).split())
            raise SettingsError(f"{self.repo} at {self.revision[:8]} cannot be downloaded: {reason}") from error
