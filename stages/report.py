"""Tables, plots and a page from the records of all arms; equal records give equal bytes."""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from qup import records, report
from qup.errors import SettingsError
from qup.params import Study, control_arms
from qup.report import ArmData
from stages import cli


def flags() -> argparse.ArgumentParser:
    """The stage's command line."""
    made = cli.parser(__doc__)
    made.add_argument("--data", type=Path, required=True, help="the study's data folder, data/<study>")
    made.add_argument("--arms", nargs="+", required=True, help="arms in table order; duplicates collapse")
    made.add_argument("--controls", type=Path, help="folder of the arms that only the study's controls name")
    made.add_argument("--learner", type=Path, help="the learner's folder; a study that made it left a curve there")
    made.add_argument("--metrics", type=Path, required=True, help="where the numbers go, report.json")
    made.add_argument("--out", type=Path, required=True, help="folder for report.md, index.html and the plots")
    return made


def read_arm(folder: Path) -> ArmData:
    """All records of an arm; a file that is not there leaves its quantities out, but the stream must be there."""
    if not (folder / "stream.jsonl").is_file():
        found = ", ".join(sorted(p.parent.name for p in folder.parent.glob("*/stream.jsonl"))) or "none"
        raise SettingsError(f"arm {folder.name!r} has no {folder / 'stream.jsonl'}; arms with a stream: {found}")
    return ArmData(
        stream=read(folder / "stream.jsonl", records.Refined),
        scores=read(folder / "scores.jsonl", records.Score),
        compat=read(folder / "compat.jsonl", records.Compat),
        steps=read(folder / "trajectory.jsonl", records.Step),
        runs=read(folder / "runs.jsonl", records.TrainRun),
        evals=read(folder / "evals.jsonl", records.Eval),
    )


def read_controls(folder: Path | None, study: Study, main: Iterable[str]) -> dict[str, ArmData]:
    """The records of every control arm; none without a folder, all of them with one."""
    if folder is None or not folder.is_dir():
        return {}
    return {arm: read_arm(folder / arm) for arm in control_arms(study, main)}


def read(path: Path, kind: type[records.T]) -> list[records.T]:
    """The records in a file, none if there is no such file."""
    return records.read(path, kind) if path.is_file() else []


def main(argv: Sequence[str] | None = None) -> None:
    """Read, build, write."""
    args = flags().parse_args(argv)
    study, data = cli.read_study(args.study), args.data
    arms = {arm: read_arm(data / arm) for arm in dict.fromkeys(args.arms)}
    path = data / "problems" / "checks.json"
    checks = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    base = read(data / "base" / "evals.jsonl", records.Eval)
    controls = read_controls(args.controls, study, arms)
    curve = read(args.learner / "pretraining.jsonl", records.Step) if args.learner else []
    traces = read(data / "traces.jsonl", records.Trace)
    built = report.build(study, arms, base, checks, traces, controls, curve)
    write(built, args.metrics, args.out)
    for verdict in built.summary["verdicts"]:
        print(f"{verdict['objective']}, Oracle {verdict['oracle']}: {verdict['headline']}")
    for name, control in built.summary["controls"].items():
        print(f"control {name}: {control['outcome']}")


def write(built: report.Report, metrics: Path, out: Path) -> None:
    """The numbers as JSON, the page twice and every plot as SVG, PNG and Vega-Lite."""
    metrics.parent.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    metrics.write_text(json.dumps(built.summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "report.md").write_text(built.markdown, encoding="utf-8")
    (out / "index.html").write_text(built.html, encoding="utf-8")
    for name, plot in built.plots.items():
        (out / f"{name}.svg").write_text(plot.svg, encoding="utf-8")
        (out / f"{name}.png").write_bytes(plot.png)
        (out / f"{name}.vl.json").write_text(json.dumps(plot.spec) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
