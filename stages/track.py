"""Put the report where Git keeps it, say what made it, mirror the run in MLflow, show stages' times; always runs.

Nothing is added twice, and nothing that MLflow does not like stops the stage. DVC does not know the report's place
under results/, so no experiment on another study can remove it. It does know the measured arms and metrics.json there:
`dvc exp run` removes those of every study that params.yaml does not name, and this stage puts them back from DVC's
cache.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qup import compare, provenance, repository, settings, tracking, whole
from qup.arms import main_names
from qup.compare import made
from qup.measured import Curve, files
from qup.params import Params, read_params
from qup.records import LEARNER, Step
from qup.report import page
from qup.training import live
from stages import cli

TIMES = "runtime.json"
"Beside a study's report; Git ignores it, for it differs from run to run."


def main(argv: Sequence[str] | None = None) -> None:
    """Copy, put back, compare, mirror, show times."""
    flags = {"params": "params.yaml", "arms": "folder of the arms' records", "report": "folder of the report stage"}
    flags |= {"models": "folder of the study's models"}
    flags |= {"results": "where Git keeps results", "lock": "dvc.lock; its folder is the repository root"}
    args = cli.parser(__doc__, **flags).parse_args(argv)
    study, chosen = cli.start(args), read_params(args.params)
    results = args.results / args.study.stem
    if args.report.is_dir():
        copy(args.report, results / "report")
    for path in put_back(args.lock, args.results, args.study.stem):
        print(f"put back: {path}")
    made.write(results, settings.plain(study), args.study, args.models / LEARNER, args.lock.parent)
    stamp(results, args.study.stem)
    whole.write(args.results / "index.html", compare.html(compare.everything(args.results)))
    arms = main_names(chosen.oracles, chosen.refiner)
    sums = provenance.hashes(args.lock, args.arms.parent, args.arms, arms)
    # What arms might use is no result; what they did use made theirs.
    sums.pop(str(args.arms.parent / "uses"), None)
    summary = json.loads((results / "report" / "report.json").read_text(encoding="utf-8"))
    tags = provenance.environment(args.lock.parent)
    mirror = tracking.Mirror(
        experiment=live.experiment(args.study.stem),
        state=hashlib.sha256(json.dumps([arms, sums]).encode()).hexdigest(),
        summary=summary,
        settings=settings.plain(study),
        curves=curves(results / "arms", arms),
        tags=tags,
        arm_tags={arm: arm_sums(sums, args.arms / arm) for arm in arms},
        artifacts=results / "report",
        name=called(chosen, tags, os.environ.get("DVC_EXP_NAME", "")),
        data=used(sums, args.arms, summary),
        pretraining=pretraining(results / "arms" / "base.json"),
    )
    print(tracking.attempt(mirror, repository.root(args.lock.resolve().parent)))
    if times := timings(args.study.stem, arms):
        show(times)
        merge(results / TIMES, times)


def copy(source: Path, target: Path) -> None:
    """Make a folder like another one: files that are equal stay untouched, others are written, strays removed."""
    wanted = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    for path in [path for path in target.rglob("*") if path.is_file()]:
        if path.relative_to(target) not in wanted:
            path.unlink()
    for name, content in wanted.items():
        place = target / name
        if not place.is_file() or place.read_bytes() != content:
            whole.write(place, content)


def stamp(top: Path, study: str) -> None:
    """Say on a study's page what made it, and how it is made again; its bytes were its measurements' alone."""
    place, by = top / "report" / "index.html", made.read(top)
    if not place.is_file():
        return
    commit = f"commit `{by.commit}`" if by.commit else "no known commit"
    changed = ", with changes to the code since" if by.clean is False else ""
    again = f"`git checkout {by.commit} && make repro`" if by.commit else "`make repro`"
    versions = "; ".join(f"{name} {version}" for name, version in by.versions.items())
    line = (
        f"Made by {commit}{changed}{f' ({versions})' if versions else ''}. Again: {again} with `study: {study}` in "
        f"params.yaml, or `qup run {study}`. All versions: requirements.lock of that commit."
    )
    text = place.read_text(encoding="utf-8")
    if (stamped := page.stamped(text, line)) != text:
        whole.write(place, stamped)


def put_back(lock: Path, results: Path, study: str) -> list[Path]:
    """Restore outputs of other studies below `results` that are gone and that DVC's cache holds: their paths.

    Only what a study's report is of: dvc.lock keeps the arms of earlier experiments too, and those of studies that were
    deleted. What this writes DVC has not linked, so it will not remove it again.
    """
    reports = {path for path in results.glob("*/report/report.json") if path.parent.parent.name != study}
    wanted = {file for report in reports for file in files_behind(report)}
    gone = {
        path: md5
        for path, md5 in ((Path(out), md5) for out, md5 in provenance.outputs(lock).items())
        if path in wanted and not path.is_file()
    }
    if not gone:
        return []
    from dvc.repo import Repo

    with Repo(str(lock.resolve().parent)) as repo:
        cache = {path: Path(repo.cache.local.oid_to_path(md5)) for path, md5 in gone.items()}
    kept = {path: copy_of for path, copy_of in cache.items() if copy_of.is_file()}
    for path, copy_of in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy_of, path)
    return list(kept)


def files_behind(report: Path) -> set[Path]:
    """The files below results/ that a study's report was made from or with, and that DVC knows."""
    top = report.parent.parent
    arms = json.loads(report.read_text(encoding="utf-8"))["arms"]
    return {top / "arms" / f"{name}.json" for name in (*arms, "base", "further")} | {top / "metrics.json"}


def called(chosen: Params, tags: Mapping[str, str], experiment: str) -> str:
    """What a whole report is called in MLflow: what was compared, and DVC's experiment or the commit that made it."""
    commit = tags.get("mlflow.source.git.commit", "")[:7] + "+" * (tags.get("git.dirty") == "true")
    return " ".join(filter(None, (chosen.refiner, "by", ", ".join(chosen.oracles), experiment or commit)))


def curves(folder: Path, arms: Sequence[str]) -> dict[str, list[Curve]]:
    """Training curves of the main arms and of those beside them, from their records, which a fresh clone has too."""
    measured = [files.read_arm(folder / f"{name}.json") for name in arms]
    further = folder / "further.json"
    return {arm.name: arm.curves for arm in [*measured, *(files.read(further) if further.is_file() else [])]}


def pretraining(base: Path) -> list[Step]:
    """The learner's own curve; none where it was not made here."""
    return files.read_base(base).pretraining if base.is_file() else []


def used(sums: Mapping[str, str], arms: Path, summary: dict[str, Any]) -> dict[str, list[tracking.Data]]:
    """What each arm was trained on and judged by, and the untrained learner and the whole, as DVC keeps it."""

    def data(path: Path, context: str, traces: int | None = None) -> list[tracking.Data]:
        return [tracking.Data(str(path), sums[str(path)], context, traces)] if str(path) in sums else []

    judged = data(arms.parent / "problems", "evaluation")
    own = {
        arm: data(arms / arm / "stream.jsonl", "training", told.get("stream", {}).get("traces"))
        for arm, told in summary["arms"].items()
    }
    beside = {arm: data(arms.parent / "further", "training") for arm in summary.get("control_arms", {})}
    sampled = {tracking.WHOLE: data(arms.parent / "traces.jsonl", "training"), "base": []}
    return {arm: [*streams, *judged] for arm, streams in (own | beside | sampled).items()}


def arm_sums(sums: dict[str, str], folder: Path) -> dict[str, str]:
    """DVC's md5 of an arm's files as tags `dvc.<file>`."""
    return {f"dvc.{Path(p).name}": md5 for p, md5 in sums.items() if Path(p).parent == folder}


def timings(study: str, arms: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Stage to seconds and start, for the stages of this study and these arms that have left their time."""
    # Whole names of cells: one study's name may start with another's.
    cells = {study: "", **{f"{study}-{arm}": f"@{arm}" for arm in (name.replace("/", "-") for name in arms)}}
    times = {}
    for path in sorted(cli.runs().glob("*.json")):
        stage, _, cell = path.stem.partition("@")
        if cell in cells:
            info = json.loads(path.read_text(encoding="utf-8"))
            started = datetime.fromtimestamp(info["started"], UTC).isoformat(timespec="seconds")
            times[stage + cells[cell]] = {"seconds": info["seconds"], "started": started}
    return times


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
    whole.write(path, json.dumps(before | times, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    cli.run(main)
