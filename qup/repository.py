"""Where state that outlives a run is kept: at the repository's root, whatever copy of it the run works in.

`dvc exp run --temp` and `--queue` run in a throw-away copy below `.dvc/tmp/exps` of the repository, and a linked Git
worktree is a further checkout of it. Paid answers, their account, MLflow's store and the stages' times belong to the
repository itself.
"""

import subprocess
from pathlib import Path

EXPERIMENTS = (".dvc", "tmp", "exps")
"Folders below which DVC makes its copies of the repository; each is one of Git's own, so Git cannot say whose copy."


def root(folder: Path | None = None) -> Path:
    """The root of the repository that `folder` (the working folder) is the root of, or a copy's root."""
    here = (folder or Path.cwd()).resolve()
    for depth in range(len(here.parts)):
        if here.parts[depth : depth + len(EXPERIMENTS)] == EXPERIMENTS:
            return root(Path(*here.parts[:depth]))
    return _main_checkout(here)


def _main_checkout(folder: Path) -> Path:
    """The same folder in the checkout that a linked Git worktree belongs to; the folder itself anywhere else."""
    command = ["git", "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-toplevel"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        shared, top = map(Path, done.stdout.splitlines())
        below = folder.relative_to(top)
    except (OSError, subprocess.CalledProcessError, ValueError):
        # No Git, no repository, or GIT_DIR names one that the folder is not in.
        return folder
    # A bare repository's worktrees and a submodule have no other checkout.
    return folder if shared.name != ".git" or shared.parent == top else shared.parent / below
