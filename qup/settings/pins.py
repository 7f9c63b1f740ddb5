"""What pins data: a file of one's own by its SHA-256, a data set of the hub by its commit.

What is not pinned may change under a study without a word, so a pin that is missing, is none or does not fit is one
line, with the command that prints the right one.

>>> PinnedFile("gsm8k_test.jsonl", "abc")  # doctest: +SKIP
SettingsError: sha256: expected 64 hex digits, got 'abc': `sha256sum data/problems/gsm8k_test.jsonl` prints it
"""

import hashlib
import re
import shlex
from pathlib import Path

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError, shown, unknown
from qup.settings import STRICT
from qup.settings.naming import FileBelow

FOLDER = "data/problems"
"Where the files lie, as commands in messages name them."
DIGEST = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, config=STRICT)
class PinnedFile:
    """A file that must be the very one: other bytes under its name are refused."""

    file: FileBelow
    "In the folder for users' problems, data/problems."
    sha256: str | None = None
    "Of the file, 64 hex digits, as `sha256sum` prints it. It must be said."

    def __post_init__(self) -> None:
        check_digest(self.sha256, self.file)
        if self.sha256 is None:
            raise SettingsError(f"needs the SHA-256 of {self.file}: {_prints(self.file)}", "sha256")

    def read(self, files: Path) -> bytes:
        """What the file in the folder `files` holds.

        Raises:
            SettingsError: it is not there, cannot be read or is another file; the message has the hash it has.
        """
        return read_file(files, self.file, self.sha256)


def check_digest(sha256: str | None, file: str) -> None:
    """Refuse what is no SHA-256 for `file`; None is no pin, and passes.

    Raises:
        SettingsError: below `sha256`.
    """
    if sha256 is not None and not DIGEST.fullmatch(sha256):
        raise SettingsError(f"expected 64 hex digits, got {shown(sha256)}: {_prints(file)}", "sha256")


def require_commit(revision: object, dataset: str) -> str:
    """The commit to which a data set of the hub, `owner/name`, is pinned.

    Raises:
        SettingsError: below `revision`, there is none, or it is a branch or a tag, which may move.
    """
    # YAML takes one of digits alone for a number.
    if isinstance(revision, str) and COMMIT.fullmatch(revision):
        return revision
    was = "which is not pinned" if revision is None else f"got {shown(revision)}"
    raise SettingsError(
        f"expected a commit of {dataset}, 40 hex digits, {was}: `git ls-remote "
        f"https://huggingface.co/datasets/{dataset} main` prints the newest, as does `sha` in "
        f"https://huggingface.co/api/datasets/{dataset}",
        "revision",
    )


def read_file(files: Path, file: str, sha256: str | None) -> bytes:
    """What `file` in the folder `files` holds, and any file of that name if `sha256` is None.

    Raises:
        SettingsError: it is not there, cannot be read or has another SHA-256; the message has the one it has.
    """
    path = files / file
    if not is_file(path):
        raise unknown(f"problem file in {files}", file, (p.name for p in files.glob("[!.]*") if p.is_file()))
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror})") from error
    if sha256 is not None:
        _check(raw, file, sha256)
    return raw


def _check(raw: bytes, file: str, sha256: str) -> None:
    digest = hashlib.sha256(raw).hexdigest()
    if digest != sha256:
        raise SettingsError(
            f"{file} is not the pinned file: expected SHA-256 {sha256}, got {digest}; fetch the file again, "
            f"or, if this one is meant, pin it: sha256: {digest}"
        )


def _prints(file: str) -> str:
    return f"`sha256sum {shlex.quote(f'{FOLDER}/{file}')}` prints it"


def is_file(path: Path) -> bool:
    """Whether there is a file that may be looked at."""
    try:
        return path.is_file()
    except OSError:
        # A name that is too long, or a folder that may not be looked into.
        return False
