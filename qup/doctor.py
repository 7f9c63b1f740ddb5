"""`qup doctor`: is all there that a run needs? One screen: what was seen of each part and, where it is amiss, a remedy.

Nothing is changed, loaded or fetched, and what is printed is what a bug report needs: no key and no address is in it.
"""

import os
import platform
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape

from qup import provenance, repository, study
from qup.errors import SettingsError
from qup.lm import devices
from qup.params import read_params
from qup.plan import machine
from qup.study import Study
from qup.tracking import _store as mlflow

State = Literal["ok", "note", "amiss"]
PYTHONS = ((3, 11), (3, 12))
SYSTEM = ("Linux", "x86_64")
DISK, MEMORY = 25e9, 16e9
"Bytes that the default study's set-up and a real study take."
NAMED = 4
"Names in a line; of more their number is told."


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    part: str
    state: State
    seen: str
    remedy: str = ""


def examine(root: Path) -> list[Finding]:
    """All parts, in the order in which a run needs them; one whose examination fails is amiss itself."""
    parts: dict[str, Callable[[Path], Iterable[Finding]]] = {
        "system": _system,
        "packages": _packages,
        "accelerator": _accelerator,
        "repository": _repository,
        "study": _study,
        "data": _data,
        "MLflow": _mlflow,
    }
    return [finding for part, look in parts.items() for finding in _looked(part, look, root)]


def _looked(part: str, look: Callable[[Path], Iterable[Finding]], root: Path) -> list[Finding]:
    try:
        return list(look(root))
    except (SettingsError, OSError, ValueError) as error:
        return [Finding(part, "amiss", f"{error}", "mend what the line names")]


def _system(root: Path) -> Iterator[Finding]:
    version = platform.python_version()
    fits = tuple(int(part) for part in version.split(".")[:2]) in PYTHONS
    yield Finding("Python", "ok" if fits else "amiss", version, "" if fits else "make .venv with Python 3.11 or 3.12")
    here = platform.system(), platform.machine()
    known = here == SYSTEM
    memory = _memory()
    held = "unknown memory" if memory is None else f"{memory / 1e9:.0f} GB of memory"
    seen = f"{' '.join(here)}, {os.cpu_count() or 1} cores, {held}"
    remedy = "" if known else f"the lock is made for {' '.join(SYSTEM)}: other packages may be needed"
    if known and memory is not None and memory < MEMORY * 0.9:
        remedy = f"real studies were run with {MEMORY / 1e9:.0f} GB: lower backend.batch, or expect swapping"
    yield Finding("machine", "note" if remedy else "ok", seen, remedy)
    free = shutil.disk_usage(root).free
    short = "" if free > DISK else f"set-up and a real study take {DISK / 1e9:.0f} GB: make room, or move DVC's cache"
    yield Finding("disk", "note" if short else "ok", f"{free / 1e9:.0f} GB free", short)


def _memory() -> int | None:
    """Bytes; None where the system does not say, as Windows."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):
        return None


def _packages(root: Path) -> Iterator[Finding]:
    """What is installed against the lock: that for GPUs where its vLLM is."""
    lock = root / ("requirements-gpu.lock" if _installed("vllm") else "requirements.lock")
    pins = dict(re.findall(r"^([A-Za-z0-9_.\-]+)==(\S+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE))
    absent = [name for name in pins if not _installed(name)]
    other = {name: seen for name, pin in pins.items() if (seen := _installed(name)) and seen.partition("+")[0] != pin}
    main = ", ".join(f"{name} {_installed(name) or 'absent'}" for name in ("torch", "transformers", "trl", "dvc"))
    seen = f"{len(pins) - len(absent) - len(other)} of {len(pins)} as locked; {main}"
    if absent:
        yield Finding("packages", "amiss", f"{seen}; absent: {_named(absent)}", "rm -rf .venv, then make test")
    elif other:
        told = _named([f"{name} {version}" for name, version in other.items()])
        yield Finding(
            "packages", "note", f"{seen}; others: {told}", "results may differ: make .venv anew for the lock's"
        )
    else:
        yield Finding("packages", "ok", seen)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _accelerator(root: Path) -> Iterator[Finding]:
    names = machine.accelerators()
    engine = "vLLM is installed" if find_spec("vllm") else "vLLM is not installed"
    if not names:
        yield Finding("accelerator", "ok", f"none; {engine}; studies for CPUs run")
        return
    build, newest = _installed("torch") or "", machine.newest_cuda()
    mine = _cuda_of_torch()
    remedy = ""
    if mine is None:
        remedy = "this torch is a CPU build: rm -rf .venv, then make .venv/ready GPU=1 (docs/gpu.md)"
    elif newest and _numbers(mine)[:1] > _numbers(newest)[:1]:
        remedy = f"this torch is for CUDA {mine}, and the driver goes up to {newest}: renew the driver"
    seen = f"{_named(names)}; driver's CUDA {newest or 'unknown'}; torch {build}, CUDA {mine or 'none'}; {engine}"
    yield Finding("accelerator", "amiss" if remedy else "ok", seen, remedy)
    chosen = {name: os.environ[name] for name in (devices.VISIBLE, devices.SHARED_BY) if name in os.environ}
    if chosen:
        yield Finding("GPUs chosen", "ok", ", ".join(f"{name}={value}" for name, value in chosen.items()))


def _cuda_of_torch() -> str | None:
    """The CUDA that torch is built for, read from its files: to import it takes seconds; None of a CPU build."""
    found = find_spec("torch")
    version = Path(found.origin).with_name("version.py") if found and found.origin else None
    if version is None or not version.is_file():
        return None
    told = re.search(r"^cuda\b[^=]*= *['\"]([\d.]+)['\"]", version.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return told[1] if told else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _repository(root: Path) -> Iterator[Finding]:
    commit, clean = provenance.commit(root, "qup", "stages", "studies", "dvc.yaml")
    if commit is None:
        yield Finding("Git", "amiss", "no repository, or no commit", "clone it: DVC needs Git")
        return
    yield Finding("Git", "ok", f"{commit[:12]}{'' if clean else ', code or studies changed'}")
    from dvc.exceptions import DvcException, NotDvcRepoError

    try:
        yield _remote(root)
    except NotDvcRepoError:
        yield Finding("DVC", "amiss", "no workspace of DVC", "clone the repository whole, or run: dvc init")
    except DvcException as error:
        # Its message may quote the file, in which addresses and keys can stand.
        seen = f"the workspace cannot be opened: {type(error).__name__}"
        yield Finding("DVC", "amiss", seen, "mend .dvc/config and .dvc/config.local: `dvc remote list` says where")


def _remote(root: Path) -> Finding:
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        remote = repo.config["core"].get("remote")
        kinds = {name: str(each.get("url", "")).partition("://")[0] for name, each in repo.config["remote"].items()}
        verified = remote is None or repo.config["remote"].get(remote, {}).get("verify", False)
    if remote is None:
        return Finding("DVC remote", "ok", "no default one: results stay on this machine (docs/sharing.md)")
    kind = kinds.get(remote, "unknown")
    kind = kind if "://" in str(kind) or kind in ("s3", "ssh", "gs", "azure", "http", "https", "webdav") else "folder"
    remedy = "" if verified else f"damaged files would come back unseen: dvc remote modify {remote} verify true"
    return Finding("DVC remote", "ok" if verified else "note", f"{remote} ({kind})", remedy)


def _study(root: Path) -> Iterator[Finding]:
    params = root / "params.yaml"
    yield Finding("study", "ok", study.check(params, root / "studies"))
    chosen = read_params(params).study
    named = study.read(root / "studies" / f"{chosen}.yaml")
    folder = root / "models" / chosen / "base"
    away = [name for name in named.models if not (folder / name).is_dir()]
    there = f"{len(named.models) - len(away)} of {len(named.models)} obtained"
    yield Finding("models", "ok", f"{there}{f'; `dvc repro` brings {_named(away)}' if away else ''}")
    yield from _keys(named)


def _keys(named: Study) -> Iterator[Finding]:
    """Whether the keys of endpoints are set; never what they are."""
    for name, oracle in named.oracles.items():
        variable = getattr(getattr(oracle, "api", None), "key_env", None)
        if variable:
            there = bool(os.environ.get(variable, "").strip())
            seen = f"{variable} is {'set' if there else 'not set'}"
            yield Finding(f"Oracle {name}", "ok" if there else "note", seen, "" if there else f"export {variable}=...")


def _data(root: Path) -> Iterator[Finding]:
    outputs = provenance.outputs(root / "dvc.lock")
    there = sum((root / path).exists() for path in outputs)
    yield Finding(
        "data", "ok", f"{there} of {len(outputs)} outputs of dvc.lock are here (`qup check --data` hashes them)"
    )


def _mlflow(root: Path) -> Iterator[Finding]:
    place = mlflow.address(repository.root(root))
    kind = "the repository's own SQLite file" if mlflow.VARIABLE not in os.environ else place.partition("://")[0]
    yield Finding("MLflow", "ok", f"{kind} (a store that fails never stops a run)")


def _named(names: Iterable[str]) -> str:
    every = list(names)
    more = [f"{len(every) - NAMED} more"] * (len(every) > NAMED)
    return ", ".join([*every[:NAMED], *more])


def show(findings: Iterable[Finding], console: Console) -> None:
    """A line each, its remedy under it."""
    colours = {"ok": "green", "note": "yellow", "amiss": "red"}
    for each in findings:
        state = f"[{colours[each.state]}]{each.state:5}[/{colours[each.state]}]"
        console.print(f"{state} {escape(each.part):12} {escape(each.seen)}", soft_wrap=True)
        if each.remedy:
            console.print(f"{'':18} -> {escape(each.remedy)}", soft_wrap=True)
