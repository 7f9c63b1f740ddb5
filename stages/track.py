"""Mirror the finished state into MLflow, print what each stage took, and keep those times in runtime.json."""

import argparse
import dataclasses
import hashlib
import json
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from qup import records, tracking
from qup.errors import SettingsError
from stages import cli


def flags() -> argparse.ArgumentParser:
    """The stage's command line."""
    made = cli.parser(__doc__)
    made.add_argument("--data", type=Path, required=True, help="the study's data folder, data/<study>")
    made.add_argument("--arms", nargs="+", required=True, help="arms of the report; duplicates collapse")
    made.add_argument("--metrics", type=Path, required=True, help="the report's numbers, report.json")
    made.add_argument("--report", type=Path, required=True, help="the report's folder")
    made.add_argument("--lock", type=Path, required=True, help="dvc.lock; its folder is the repository root")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Mirror, then show times."""
    args = flags().parse_args(argv)
    study, arms = cli.read_study(args.study), list(dict.fromkeys(args.arms))
    sums = locked(args.lock, [args.data, args.metrics, args.report], arms)
    curves = {arm: args.data / arm / "trajectory.jsonl" for arm in arms}
    mirror = tracking.Mirror(
        experiment=f"qup/{args.study.stem}",
        state=hashlib.sha256(json.dumps([arms, sums]).encode()).hexdigest(),
        summary=json.loads(args.metrics.read_text(encoding="utf-8")),
        settings=dataclasses.asdict(study),
        steps={arm: records.read(path, records.Step) for arm, path in curves.items() if path.is_file()},
        tags=environment(args.lock.parent),
        arm_tags={arm: arm_sums(sums, args.data / arm) for arm in arms},
        artifacts=args.report,
    )
    run, added = tracking.track(mirror, args.lock.resolve().parent)
    print(f"MLflow: {'added' if added else 'already there'}, run {run} of {mirror.experiment}")
    times = timings(args.study.stem, arms)
    if times:
        show(times)
        merge(args.metrics.with_name("runtime.json"), times)


def locked(lock: Path, under: Sequence[Path], arms: Sequence[str]) -> dict[str, str]:
    """Path to DVC's md5 of every out at or below one of the `under` paths, other arms' files left out.

    Raises:
        SettingsError: the lock file is missing or holds none of them.
    """
    entries = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"] if lock.is_file() else {}
    outs = {o["path"]: o["md5"] for entry in entries.values() for o in entry.get("outs", []) if "md5" in o}
    wanted = {path: md5 for path, md5 in sorted(outs.items()) if belongs(Path(path), under, arms)}
    if not wanted:
        raise SettingsError(f"{lock} holds no output below {under[0]}: run `dvc repro` first")
    return wanted


def belongs(path: Path, under: Sequence[Path], arms: Sequence[str]) -> bool:
    """Whether an out is part of the state: `under` one of the paths and not the file of an arm outside the report."""
    data = under[0]
    if not any(path == place or place in path.parents for place in under):
        return False
    inside = path.relative_to(data).parts if data in path.parents else ()
    return len(inside) < 2 or inside[0] in {*arms, "base", "problems"}


def arm_sums(sums: dict[str, str], folder: Path) -> dict[str, str]:
    """DVC's md5 of an arm's files as tags `dvc.<file>`."""
    return {f"dvc.{Path(p).name}": md5 for p, md5 in sums.items() if Path(p).parent == folder}


def environment(root: Path) -> dict[str, str]:
    """Git commit, whether the tree has changes, and versions, as tags."""
    tags = {"python": platform.python_version(), "torch": version("torch")}
    commit = git(root, "rev-parse", "HEAD")
    if commit:
        dirty = bool(git(root, "status", "--porcelain", "--untracked-files=no"))
        tags |= {"mlflow.source.git.commit": commit.strip(), "git.dirty": str(dirty).lower()}
    return tags


def version(package: str) -> str:
    """An installed package's version, read without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def git(root: Path, *words: str) -> str:
    """What a git command prints; nothing outside a repository or before the first commit."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def timings(study: str, arms: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Stage to seconds and start, for the stages of this study that have left their time."""
    refiners = tuple(arm.partition("-")[0] for arm in arms)
    found = {}
    for path in sorted(cli.RUNS.glob("*.json")):
        stage, _, item = path.stem.partition("@")
        rest = item.removeprefix(study).lstrip("-")
        if item.startswith(study) and (not rest or rest.startswith(refiners)):
            info = json.loads(path.read_text(encoding="utf-8"))
            started = datetime.fromtimestamp(info["started"], UTC).isoformat(timespec="seconds")
            found[f"{stage}@{rest}" if rest else stage] = {"seconds": info["seconds"], "started": started}
    return found


def show(times: dict[str, dict[str, Any]]) -> None:
    """The measured times as a table, in the order the stages started."""
    from rich.console import Console
    from rich.table import Table

    table = Table("stage", "started")
    table.add_column("seconds", justify="right")
    for stage, info in sorted(times.items(), key=lambda item: item[1]["started"]):
        table.add_row(stage, info["started"], f"{info['seconds']:.1f}")
    Console().print(table)


def merge(path: Path, times: dict[str, dict[str, Any]]) -> None:
    """Add times to a file that keeps those of stages not run here."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps(before | times, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
