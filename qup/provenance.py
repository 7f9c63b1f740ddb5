"""Where a result comes from: the commit, the hashes that DVC has of every output, the versions of what made it."""

import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from qup.errors import SettingsError
from qup.settings import read_yaml

LIBRARIES = ("torch", "transformers", "trl")


def hashes(lock: Path, below: Path, leave_out: Path, arms: Iterable[str]) -> dict[str, str]:
    """Path to DVC's md5 of every output below a folder; below `leave_out` only those of `arms`.

    Raises:
        SettingsError: the lock file is missing or holds none of them.
    """
    mine = tuple(f"{leave_out / arm}/" for arm in arms)
    sums = {
        path: md5
        for path, md5 in outputs(lock).items()
        if path.startswith(f"{below}/") and (not path.startswith(f"{leave_out}/") or path.startswith(mine))
    }
    if not sums:
        raise SettingsError(f"{lock} holds no output below {below}: run `dvc repro` first")
    return sums


def outputs(lock: Path) -> dict[str, str]:
    """Path to DVC's md5 of every output in dvc.lock, sorted; nothing where there is no lock file."""
    if not lock.is_file():
        return {}
    stages = read_yaml(lock)["stages"].values()
    return dict(sorted((out["path"], out["md5"]) for stage in stages for out in stage.get("outs", []) if "md5" in out))


def commit(root: Path, *paths: str) -> tuple[str | None, bool | None]:
    """The commit that is checked out, and whether all below some paths is as it has them; None outside a repository."""
    head = _git(root, "rev-parse", "HEAD").strip()
    if not head:
        return None, None
    return head, not _git(root, "status", "--porcelain", "--", *paths).strip()


def committed(path: Path) -> str:
    """A text file as the commit that is checked out has it; nothing where it has none."""
    return _git(path.parent, "show", f"HEAD:./{path.name}")


def environment(root: Path) -> dict[str, str]:
    """Git commit, whether the tree has changes, and versions, as tags for MLflow."""
    tags = {"python": platform.python_version(), "torch": _version("torch")}
    commit = _git(root, "rev-parse", "HEAD")
    if commit:
        dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
        tags |= {"mlflow.source.git.commit": commit.strip(), "git.dirty": str(dirty).lower()}
    return tags


def versions() -> dict[str, str]:
    """Python's version and those of the libraries that numbers depend on, read without importing them."""
    return {"python": platform.python_version()} | {package: _version(package) for package in LIBRARIES}


def _version(package: str) -> str:
    """An installed package's version, read without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _git(root: Path, *words: str) -> str:
    """What a git command prints; nothing outside a repository or before the first commit."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
