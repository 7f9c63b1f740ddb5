"""The smoke study run from nothing by the lines that a newcomer pastes: minutes, so it is done once for all tests."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import ROOT, Repo, copy
from filelock import FileLock
from pages import blocks

LINES = next(block for block in blocks(ROOT / "docs" / "first-hour.md") if block.language == "sh")
"What is pasted to get from a clone to the verdict; the README has the same."


@dataclass(frozen=True)
class FirstRun:
    """A clone after its first run, committed."""

    repo: Repo
    kept: Repo
    "A copy of it, for tests that change theirs while others change the first."
    said: str
    "What the shell showed."


def first_run(factory: pytest.TempPathFactory) -> FirstRun:
    """The first run, by whichever process of tests comes first; each of its repositories is for one file of tests."""
    # Every process of tests has a folder of its own in one that they share.
    base = factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "first-run"
    said = folder / "said.txt"
    with FileLock(f"{folder}.lock"):
        if not said.exists():
            text = _paste(folder)
            _keep(folder / "qup", folder / "kept")
            said.write_text(text, encoding="utf-8")
    return FirstRun(Repo(folder / "qup"), Repo(folder / "kept"), said.read_text(encoding="utf-8"))


def _keep(folder: Path, kept: Path) -> None:
    """A copy with a remote of its own, and without the MLflow store, which knows its folder by its full name."""
    shutil.copytree(folder, kept, symlinks=True, ignore=shutil.ignore_patterns("mlflow.db*", "mlruns"))
    repo = Repo(kept)
    repo.run("dvc", "remote", "modify", "here", "url", f"{kept}-remote")
    repo.commit()


def _paste(folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    origin, clone = copy(folder / "origin"), Repo(folder / "qup")
    # The environment of these tests is the clone's: to make one takes minutes and an index.
    lines = LINES.text.replace("cd qup\n", "cd qup\nmkdir .venv && touch .venv/ready\n")
    lines = re.sub("<address of this repository>", str(origin.folder), lines)
    env, shell = clone.environment(), ["bash", "-euo", "pipefail", "-c", lines]
    done = subprocess.run(shell, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    clone.run("git", "config", "user.name", "test")
    clone.run("git", "config", "user.email", "test@example.org")
    clone.commit()
    return done.stdout
