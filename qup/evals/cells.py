"""Answers that are not asked for again: what a learner said to one task under one decoding, kept as one cell.

A cell is found by all that its answers follow from and by nothing else: the bytes of the weights, the requests as the
backend gets them (so the task, its data, the prompt, the draw and the limits), how the model is run, the code that runs
it, the libraries and the processor. Whatever of these changes, the cell has another name, so that none can be stale;
grading and scoring come after it and are done anew each time. A task that is added, or asked more often, leaves the
cells of the others as they are. What a pass over given tokens says of each of them is kept in the same way, so that a
study whose metrics change passes over no trace again.

Cells are state of the repository (`qup.kept`) and no output of DVC, where they would be lost with a stage that is
killed halfway. What a colleague pulls are the answers themselves.
"""

import contextlib
import dataclasses
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from qup import kept
from qup.backends import Completion, Message, Sampling
from qup.learner import Learner
from qup.lm import devices
from qup.records import Finish, TokenStats

FOLDER = kept.FOLDER
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
        path = kept.place(self.folder, *self._parts(asked, weights))
        rows = kept.read(path)
        if rows is None:
            rows = make()
            kept.write(path, rows)
        return rows

    def _parts(self, asked: dict[str, Any], weights: Path | None) -> list[Any]:
        """All that a cell's rows follow from."""
        run = dataclasses.asdict(self.learner.backend) | {"runner": type(self.learner.runner).__module__}
        models = [kept.of_folder(self.learner.folder), weights and kept.of_folder(weights)]
        return [asked, run, *models, code(), self.threads or usual_threads(), machine()]


def _rows(completions: Sequence[Completion]) -> list[Any]:
    """Completions as JSON has them."""
    return [[c.text, c.token_ids, c.finish.value, c.tokens, c.failure] for c in completions]


def _completion(row: Sequence[Any]) -> Completion:
    text, token_ids, finish, tokens, failure = row
    return Completion(text, token_ids, Finish(finish), tokens, failure)


@functools.cache
def code() -> str:
    """A hash of our code that makes answers, and of which libraries it calls."""
    root = Path(__file__).parents[1]
    paths = [path for name in CODE for path in sorted(_sources(root / name))]
    sources = [[str(path.relative_to(root)), kept.digest(path.read_bytes())] for path in paths]
    versions = [[name, _version(name)] for name in LIBRARIES if util.find_spec(name)]
    return kept.digest(json.dumps([sources, versions]).encode())


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
    return devices.computing()
