"""A copy of the repository in which the pipeline is run for real."""

import configparser
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.settings import read_yaml

ROOT = Path(__file__).resolve().parents[1]


def hears_ctrl_c() -> None:
    """Run in a process that a test starts: in the background or under nohup tests ignore both signals."""
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)


@dataclass(frozen=True)
class Repo:
    """A checkout of the repository in which the pipeline is run."""

    folder: Path

    def environment(self) -> dict[str, str]:
        """This folder's code and this environment's commands, no network, nobody's MLflow."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(self.folder), "DVC_NO_ANALYTICS": "1", "COLUMNS": "200"}
        env |= {"QUP_CACHE": str(self.folder / ".qup" / "cache"), "HF_HUB_OFFLINE": "1"}
        # A `make` that runs the tests would have theirs name the folders it enters.
        for name in ("MLFLOW_TRACKING_URI", "MAKELEVEL", "MAKEFLAGS", "MFLAGS"):
            env.pop(name, None)
        return env

    def run(self, *command: str) -> str:
        """What a command prints, on both streams; its failure fails the test and shows all of it."""
        env = self.environment()
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
        return done.stdout + done.stderr

    def dvc(self, *words: str) -> set[str]:
        """Run a DVC command: the stages whose command it ran, but for the check, which always runs."""
        return set(re.findall(r"Running stage '([^']+)'", self.run("dvc", *words))) - {"check"}

    def commit(self) -> None:
        """Everything Git may see, in one commit."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "state")

    def restore(self) -> None:
        """Back to the last commit, with the outputs that belong to it."""
        self.run("git", "checkout", "--quiet", "--force", ".")
        self.run("dvc", "checkout", "--quiet", "--force")

    def outs(self) -> dict[str, str]:
        """Path to md5 of every output in dvc.lock."""
        lock: dict[str, Any] = read_yaml(self.folder / "dvc.lock")
        return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A command under way, in a process group of its own."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
            preexec_fn=hears_ctrl_c,  # noqa: PLW1509
        )

    def measured(self, study: str, file: str) -> list[dict[str, Any]]:
        """The measured arms in a file, as JSON has them."""
        path = self.folder / "results" / study / "arms" / file
        arms: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return arms

    def results(self, study: str = "smoke") -> dict[str, bytes]:
        """Every file of a study's results but its times."""
        top = self.folder / "results" / study
        files = [file for file in sorted(top.rglob("*")) if file.is_file() and file.name != "runtime.json"]
        return {str(file.relative_to(top)): file.read_bytes() for file in files}

    def changed(self) -> list[str]:
        """What `git status` shows."""
        return self.run("git", "status", "--porcelain").splitlines()


def names(stages: set[str]) -> set[str]:
    """Stage names without their matrix cell."""
    return {stage.split("@")[0] for stage in stages}


def copy(folder: Path) -> Repo:
    """The tracked files as they are now, as a repository of its own that runs the smoke study."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    # Results of other machines would be restored, not made.
    (folder / "dvc.lock").unlink(missing_ok=True)
    shutil.rmtree(folder / "results", ignore_errors=True)
    params = folder / "params.yaml"
    # One Oracle: the second one's arms are the same code again.
    params.write_text("study: smoke\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
    config = configparser.ConfigParser()
    config.read(folder / ".dvc" / "config", encoding="utf-8")
    config.read_dict({"core": {"remote": "here"}, "'remote \"here\"'": {"url": f"{folder}-remote"}})
    with (folder / ".dvc" / "config").open("w", encoding="utf-8") as file:
        config.write(file)
    repo = Repo(folder)
    repo.run("git", "init", "--quiet")
    repo.run("git", "config", "user.name", "test")
    repo.run("git", "config", "user.email", "test@example.org")
    repo.commit()
    return repo
