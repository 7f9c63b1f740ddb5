"""Weights from the Hugging Face hub, pinned to a commit, kept as safetensors: nothing that is downloaded can run code.

Example: `{source: hub, repo: Qwen/Qwen2.5-Math-1.5B, revision: <40 hex digits>}`. Where HF_HOME or HF_HUB_CACHE is set,
or the user's Hugging Face cache has the commit already, that cache is used and filled. HF_HUB_OFFLINE=1 works.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.models import _checkpoint, _folder
from qup.settings import STRICT

WANTED = ("*.safetensors", *_checkpoint.TEXT)
# Sub-folders hold other formats of the same weights, and so does Mistral's one file.
UNWANTED = ["*/*", "consolidated*"]


@dataclass(frozen=True, config=STRICT)
class Model:
    """A model repository at one commit."""

    repo: str
    "`owner/name`; a folder on this machine is source `folder`."
    revision: str | None
    "A commit, 40 hex digits: a branch or tag may move. null: not pinned yet, so it can be planned, but not obtained."

    def __post_init__(self) -> None:
        # Names as the hub has them; owners of the first years have none.
        if not re.fullmatch(r"(\w[\w.-]*/)?\w[\w.-]*", self.repo, re.ASCII):
            raise SettingsError(
                f"expected owner/name as on the hub, got {self.repo!r}; a folder on this machine is "
                f"{{source: folder, path: {self.repo!r}}}",
                "repo",
            )
        if self.revision is not None and not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise SettingsError(
                f"revision of {self.repo}: expected a commit of 40 hex digits, got {self.revision!r}; "
                f"see https://huggingface.co/{self.repo}/commits"
            )

    def obtain(self, folder: Path, cache: Path) -> None:
        """Download, where an interrupted download goes on, and copy to `folder`.

        Raises:
            SettingsError: no such repository or commit, no access, no network, or no whole checkpoint in it.
        """
        if self.unpinned:
            raise SettingsError(
                f"{self.repo} is not pinned, so others would run other weights: `{self.unpinned}` prints the newest "
                "commit; write it in the study",
                "revision",
            )
        store = self._store(cache / "hub")
        snapshot = self._download(store, WANTED)
        if not any(snapshot.glob("*.safetensors")):
            snapshot = self._download(store, (*WANTED, "pytorch_model*.bin"))
        try:
            weights = _checkpoint.copy(snapshot, folder, cache / "converted")
        except (SettingsError, OSError) as error:
            raise SettingsError(f"{self.repo} at {self._short}: {error}") from error
        facts = {"license": "as stated there", "revision": str(self.revision)}
        if weights[0].suffix == ".bin":
            facts["changes"] = "pickled weights converted to safetensors"
        address = f"https://huggingface.co/{self.repo}/tree/{self.revision}"
        _folder.write_origin(folder, self.repo, origin=address, **facts)

    @property
    def _short(self) -> str:
        return str(self.revision)[:8]

    @property
    def unpinned(self) -> str | None:
        """The command that prints the newest commit, where the study names none; else None."""
        return None if self.revision else f"git ls-remote https://huggingface.co/{self.repo} main"

    def _store(self, own: Path) -> Path:
        """The hub cache that has the commit's weights, the user's before ours; else the user's if named, or ours."""
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.constants import HF_HUB_CACHE

        named = _named_cache()
        users = named or Path(HF_HUB_CACHE)
        for store in (users, own):
            for name in _checkpoint.WEIGHTS:
                if isinstance(try_to_load_from_cache(self.repo, name, cache_dir=store, revision=self.revision), str):
                    return store
        return named or own

    def _download(self, store: Path, wanted: Sequence[str]) -> Path:
        from huggingface_hub import is_offline_mode, snapshot_download
        from huggingface_hub.errors import HTTPError, IncompleteSnapshotError

        try:
            return Path(
                snapshot_download(
                    self.repo,
                    revision=self.revision,
                    cache_dir=store,
                    allow_patterns=list(wanted),
                    ignore_patterns=UNWANTED,
                )
            )
        except (HTTPError, OSError, ValueError) as error:
            # No such repository or commit, no access, no network and no copy, a name that the hub cannot have, no room.
            if isinstance(error, IncompleteSnapshotError) and is_offline_mode():
                # Who loaded the model before had no need of every file; whether the weights are whole shows later.
                return Path(error.snapshot_path)
            here = Path(self.repo).is_dir()
            remedy = f"; the folder of that name here is {{source: folder, path: {self.repo!r}}}" if here else ""
            raise SettingsError(f"{self.repo} at {self._short} cannot be downloaded: {error}{remedy}") from error


def _named_cache() -> Path | None:
    """The hub cache that the environment names; read anew, for the library reads it once, when it is imported."""
    home = os.environ.get("HF_HOME")
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or (home and f"{home}/hub")
    return Path(os.path.expandvars(named)).expanduser() if named else None
