"""Answers that are not asked for again: what a learner said to one task under one decoding, kept as one cell.

A cell is found by all that its answers follow from and by nothing else: the bytes of the weights, the requests as the
backend gets them (so the task, its data, the prompt, the draw and the limits), how the model is run, the code that runs
it, the libraries and the processor. Whatever of these changes, the cell has another name, so that none can be stale;
grading and scoring come after it and are done anew each time. A task that is added, or asked more often, leaves the
cells of the others as they are. What a pass over given tokens says of each of them is kept in the same way, so that a
study whose metrics change passes over no trace again.

Cells are state of the repository and no output of DVC: they outlive a stage that is killed halfway and the throw-away
copy of `dvc exp run --temp`, where an output would be lost. What a colleague pulls are the answers themselves. The
folder may be deleted at any time.
"""

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import json
import os
import platform
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from qup import whole
from qup.backends import Completion, Message, Sampling
from qup.learner import Learner
from qup.records import Finish, TokenStats

FOLDER = Path(".qup/cells")
"Below the repository's root."
CODE = ("backends", "lm", "learner.py", "seeds.py")
"What of our code makes answers of requests."
LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "vllm")


@dataclass(frozen=True)
class Cells:
    """A learner's backend that looks into a folder first; with no folder it is asked each time."""

    learner: Learner
    threads: int | None
    folder: Path | None = None

    def generate(
        self, chats: Sequence[list[Message]], sampling: Sampling, ids: Sequence[str], weights: Path | None
    ) -> list[Completion]:
        """As `Backend.generate`."""
        asked = {"chats": list(chats), "sampling": dataclasses.asdict(sampling), "ids": list(ids)}
        rows = self._cell(asked, weights, lambda: _rows(self.learner.runner.generate(chats, sampling, ids, weights)))
        return [_completion(row) for row in rows]

    def complete(
        self, prompts: Sequence[list[int]], sampling: Sampling, ids: Sequence[str], weights: Path | None
    ) -> list[Completion]:
        """As `Backend.complete`."""
        asked = {"prompts": list(prompts), "sampling": dataclasses.asdict(sampling), "ids": list(ids)}
        rows = self._cell(asked, weights, lambda: _rows(self.learner.runner.complete(prompts, sampling, ids, weights)))
        return [_completion(row) for row in rows]

    def loglikelihoods(
        self, pairs: Sequence[tuple[list[int], list[int]]], weights: Path | None
    ) -> list[tuple[float, bool]]:
        """As `Backend.loglikelihoods`."""
        rows = self._cell(
            {"pairs": [list(pair) for pair in pairs]},
            weights,
            lambda: [[float(logp), greedy] for logp, greedy in self.learner.runner.loglikelihoods(pairs, weights)],
        )
        return [(logp, greedy) for logp, greedy in rows]

    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[TokenStats]:
        """As `Learner.score`, by the untrained learner."""
        asked = {"score": [list(pair) for pair in pairs]}
        rows = self._cell(asked, None, lambda: [dataclasses.astuple(one) for one in self.learner.score(pairs)])
        return [TokenStats(*row) for row in rows]

    def _cell(self, asked: dict[str, Any], weights: Path | None, make: Callable[[], list[Any]]) -> list[Any]:
        """The rows of a cell, made and kept where there is none, or where it is not what was written."""
        folders = [self.learner.folder, *([weights] if weights else [])]
        # What has no bytes to go by would be taken for any other such.
        if self.folder is None or not all(any(folder.rglob("*")) for folder in folders):
            return make()
        path = self.folder / f"{self._name(asked, weights)}.json.gz"
        rows = _read(path)
        if rows is None:
            rows = make()
            _write(path, rows)
        return rows

    def _name(self, asked: dict[str, Any], weights: Path | None) -> str:
        run = dataclasses.asdict(self.learner.backend) | {"runner": type(self.learner.runner).__module__}
        parts = [asked, run, _weights(self.learner.folder), weights and _weights(weights), code()]
        return _sum(json.dumps([*parts, self.threads or usual_threads(), machine()], sort_keys=True).encode())


def _rows(completions: Sequence[Completion]) -> list[Any]:
    """Completions as JSON has them."""
    return [[c.text, c.token_ids, c.finish.value, c.tokens, c.failure] for c in completions]


def _completion(row: Sequence[Any]) -> Completion:
    text, token_ids, finish, tokens, failure = row
    return Completion(text, token_ids, Finish(finish), tokens, failure)


def _read(path: Path) -> list[Any] | None:
    """The rows in a file; None if it is not there, or is damaged."""
    try:
        head, _, body = gzip.decompress(path.read_bytes()).partition(b"\n")
        rows: list[Any] = json.loads(body)
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    return rows if head.decode(errors="replace") == _sum(body) else None


def _write(path: Path, rows: Sequence[Any]) -> None:
    body = json.dumps(rows).encode()
    # By its process's number: two processes may ask the untrained learner the same.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole.room_in(path.parent):
        try:
            part.write_bytes(gzip.compress(_sum(body).encode() + b"\n" + body, mtime=0))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _weights(folder: Path) -> str:
    """A hash of all files of a model's or an adapter's folder, by their paths in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    # A file that was written again has another time or size; the bytes of the others are hashed once a process.
    hashes = [[str(path.relative_to(folder)), _hash(path, *_state(path))] for path in files]
    return _sum(json.dumps(hashes).encode())


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


@functools.cache
def _hash(path: Path, *state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def code() -> str:
    """A hash of our code that makes answers, and of which libraries it calls."""
    root = Path(__file__).parents[1]
    paths = [path for name in CODE for path in sorted(_sources(root / name))]
    sources = [[str(path.relative_to(root)), _sum(path.read_bytes())] for path in paths]
    versions = [[name, _version(name)] for name in LIBRARIES if util.find_spec(name)]
    return _sum(json.dumps([sources, versions]).encode())


def _version(name: str) -> str:
    """A library's version; the builds of some for processors go by another name."""
    for distribution in (name, f"{name}-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(distribution)
    return "unknown"


def _sources(path: Path) -> Iterator[Path]:
    yield from [path] if path.is_file() else path.rglob("*.py")


def usual_threads() -> int:
    """Threads where a study names none: as many as torch takes, which follows from the machine and the environment."""
    import torch

    return int(torch.get_num_threads())


@functools.cache
def machine() -> list[str]:
    """What computes: other processors round otherwise."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else torch.backends.cpu.get_cpu_capability()
    return [platform.machine(), device]
