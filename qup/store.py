"""Whether the data are still what DVC wrote: each object of its cache and each output, hashed again.

DVC itself takes a file of its cache that nobody may write for what its name says, and an output whose size and time are
the same for what it was; a bad block of a disk changes neither. For what a remote holds see docs/sharing.md.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qup import provenance
from qup.errors import SettingsError

LOCK = "dvc.lock"


@dataclass
class Findings:
    """What was looked at, and what was found."""

    objects: dict[str, bool | None] = field(default_factory=dict)
    "Object of the cache to whether it is what its name says; None where it is not here, as on a fresh clone."
    outputs: dict[str, bool | None] = field(default_factory=dict)
    "Output, by its path, to whether it is what was recorded."
    damaged: list[str] = field(default_factory=list)
    "A line for each thing that is damaged, with its remedy."

    @property
    def summary(self) -> str:
        """Counts, in a line."""
        found = [*self.objects.values(), *self.outputs.values()]
        here = (sum(whole is not None for whole in table.values()) for table in (self.objects, self.outputs))
        return "{} objects of the cache and {} outputs hashed again, {} damaged; {} are not here".format(
            *here, len(self.damaged), found.count(None)
        )


def check(root: Path) -> Findings:
    """Hash everything again that dvc.lock and the .dvc files of a workspace name.

    Raises:
        SettingsError: `root` is no workspace of DVC, or its pipeline cannot be read.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            return _checked(repo, root.resolve())
    except DvcException as error:
        raise SettingsError(f"{root.resolve()}: DVC cannot read it: {str(error).splitlines()[0]}") from error


def _checked(repo: Any, root: Path) -> Findings:
    from tqdm import tqdm

    # A cache of its own: that of `repo` remembers hashes by size and time.
    cache = type(repo.cache.local)(repo.cache.local.fs, repo.cache.local.path)
    findings = Findings()
    for path, oid in tqdm(_recorded(repo, root).items(), desc="hashing again", unit="output", disable=None):
        _object(cache, oid, path, findings)
        tree = _tree(cache, oid) if findings.objects[oid] and oid.endswith(".dir") else {}
        for below, each in tree.items():
            _object(cache, each, f"{path}/{below}", findings)
        _output(repo, cache, root, path, oid, findings)
    return findings


def _recorded(repo: Any, root: Path) -> dict[str, str]:
    """Output, by its path below the root, to DVC's md5 of it; those of studies that are not chosen now too."""
    outs = (out for out in repo.index.outs if out.hash_info and out.hash_name == "md5" and out.protocol == "local")
    added = {Path(out.fs_path).relative_to(root).as_posix(): str(out.hash_info.value) for out in outs}
    return dict(sorted((provenance.outputs(root / LOCK) | added).items()))


def _object(cache: Any, oid: str, of: str, findings: Findings) -> None:
    """Hash an object of the cache, the first time that something is said to be in it."""
    from dvc_data.hashfile.hash import hash_file

    if oid in findings.objects:
        return
    path = Path(cache.oid_to_path(oid))
    if not path.is_file():
        findings.objects[oid] = None
        return
    _, found = hash_file(str(path), cache.fs, "md5")
    findings.objects[oid] = found.value == oid.removesuffix(".dir")
    if not findings.objects[oid]:
        remedy = f"delete it, then `dvc pull {of}`, or `dvc repro` where no remote has it"
        findings.damaged.append(f"{path} is damaged, which holds {of}: {remedy}")


def _tree(cache: Any, oid: str) -> dict[str, str]:
    """What a folder holds: path below it to md5."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    tree = Tree.load(cache, HashInfo("md5", oid))
    return {"/".join(key): str(info.value) for key, _, info in tree}


def _output(repo: Any, cache: Any, root: Path, path: str, oid: str, findings: Findings) -> None:  # noqa: PLR0917
    """Hash an output, file or folder, and say which of its files are others than was recorded."""
    from dvc_data.hashfile.build import build

    if not (root / path).exists():
        findings.outputs[path] = None
        return
    _, _, found = build(cache, str(root / path), repo.fs, "md5", dry_run=True, ignore=repo.dvcignore)
    findings.outputs[path] = found.hash_info.value == oid
    if found.hash_info.value == oid:
        return
    kept = findings.objects[oid]
    changed = _changed(found, _tree(cache, oid)) if kept and oid.endswith(".dir") else ""
    # DVC would not look at a file whose size and time are the same, so that one must go first.
    remedy = f"`dvc checkout {path}`" if kept else f"`git checkout {path}` if Git has it, else `dvc repro`"
    findings.damaged.append(
        f"{path}{changed} is not what {LOCK} has: if that is no edit of yours delete it, then {remedy}"
    )


def _changed(found: Any, recorded: dict[str, str]) -> str:
    """The first file of a folder that differs, and how many more."""
    there = {"/".join(key): str(info.value) for key, _, info in found} if hasattr(found, "as_dict") else {}
    names = sorted(name for name in there.keys() | recorded.keys() if there.get(name) != recorded.get(name))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"/{names[0]}{more}" if names else ""
