"""The command line, `qup`: what can be asked of a study without running it. Running is DVC's.

qup check               # params.yaml and its study, before DVC touches anything
qup check --data        # and whether the data are still what DVC wrote
qup list refiners       # or metrics, rewards, graders, oracles, sources, models, backends, templates, benchmarks,
                        # studies
qup plan glassbox       # what it will cost and what of it will run, before anything does
qup show glassbox       # the verdict in the terminal
qup compare             # all published studies side by side; two names also show what changed in their settings
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from qup import problems, settings, study, templates, whole
from qup.errors import SettingsError, unknown
from qup.lm import progress
from qup.params import read_params

STUDIES, RESULTS, MODELS = Path("studies"), Path("results"), Path("models")
REFERENCE = Path("docs/settings.md")

app = typer.Typer(help=__doc__.splitlines()[0], no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def main() -> None:
    """Run a verb; bad input is one line on stderr and exit code 2."""
    progress.show_any_text()
    try:
        app()
    except SettingsError as error:
        print(f"qup: {error}", file=sys.stderr)
        sys.exit(2)


@app.command()
def check(
    params: Annotated[Path, typer.Option(help="what `dvc repro` runs")] = Path("params.yaml"),
    studies: Annotated[Path, typer.Option(help="folder of the study files")] = STUDIES,
    data: Annotated[bool, typer.Option("--data", help="hash all data again, in DVC's cache and here")] = False,
    models: Annotated[bool, typer.Option("--models", help="also examine the study's models that are there")] = False,
) -> None:
    """Check params.yaml and its study: a wrong name or number is one line, and nothing is touched."""
    print(study.check(params, studies))
    if models:
        chosen = read_params(params).study
        _examine(study.read(studies / f"{chosen}.yaml"), MODELS / chosen / "base")
    if data:
        _check_data()


def _examine(named: study.Study, folder: Path) -> None:
    """A line per model that has been obtained, and one per thing to know of it."""
    from qup.models import examine

    for name, model in named.models.items():
        if not (folder / name).is_dir():
            print(f"{name}: not there yet; `dvc repro obtain@{folder.parent.name}` brings it")
            continue
        seen = examine(name, model, folder / name)
        print(f"{name}: template {seen.template}, a turn ends with {seen.closing}, {seen.positions} positions")
        for note in seen.notes:
            print(f"{name}: {note}")


def _check_data() -> None:
    """Every damaged file of the store in a line, and exit code 2 where there is one."""
    from qup import store

    findings = store.check(Path())
    for line in findings.damaged:
        print(f"qup: {line}", file=sys.stderr)
    print(findings.summary)
    if findings.damaged:
        raise typer.Exit(2)


@app.command("list")
def list_plugs(
    kind: Annotated[
        str,
        typer.Argument(help="refiners, metrics, rewards, graders, oracles, sources, models, backends, ..., studies"),
    ],
) -> None:
    """What there is of a kind, each with what its docstring says first, or its title."""
    rows = _listed(kind)
    width = max(map(len, rows), default=0)
    console = Console(highlight=False)
    for name, text in rows.items():
        console.print(f"[bold]{escape(name):{width}}[/bold]  {escape(text)}", soft_wrap=True)


def _listed(kind: str) -> dict[str, str]:
    """Each of a kind with a line on it."""
    rooms = {f"{noun.lower()}s": room for room, (noun, _) in settings.ROOMS.items()}
    if kind in rooms:
        return {name: settings.summary(settings.load(rooms[kind], name)) for name in settings.names(rooms[kind])}
    if kind == "studies":
        return {path.stem: study.read(path).title for path in sorted(STUDIES.glob("*.yaml"))}
    if kind == "templates":
        return {name: templates.summary(name) for name in templates.names()}
    if kind == "benchmarks":
        return {name: each.title for name, each in problems.benchmarks().items()}
    raise unknown("kind", kind, [*rooms, "studies", "templates", "benchmarks"])


@app.command()
def plan(  # noqa: PLR0917 - flags
    name: Annotated[str, typer.Argument(help="a study")],
    device: Annotated[str | None, typer.Option(help="plan for this accelerator, or for cpu")] = None,
    gpus: Annotated[int, typer.Option(help="how many of --device")] = 1,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="measure this machine first: half a minute")] = False,
    status: Annotated[bool, typer.Option(help="ask DVC what will run and why")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="all of it, for programs")] = False,
) -> None:
    """What a study will cost, stage by stage, and what of it will run and why; nothing is run."""
    from qup import plan as planning
    from qup.plan import view

    if calibrate:
        print(f"calibrated: {planning.calibrate(Path(), name)}", file=sys.stderr)
    made = planning.plan(Path(), name, planning.Asked(device, gpus, status))
    if as_json:
        print(json.dumps(view.plain(made), indent=1))
    else:
        view.show(made, Console(highlight=False))


@app.command()
def show(name: Annotated[str, typer.Argument(help="a study that has been run")]) -> None:
    """The verdict of a study, as its report has it."""
    reports = {path.parent.parent.name: path for path in RESULTS.glob("*/report/report.json")}
    if name not in reports:
        raise unknown("report of study", name, reports)
    try:
        lines = _verdicts(json.loads(reports[name].read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise SettingsError(f"{reports[name]} is no report of this version: run `dvc repro`") from error
    Console(highlight=False).print("\n".join(lines))
    print(f"\n{reports[name].with_name('index.html')}")


def _verdicts(summary: Mapping[str, Any]) -> list[str]:
    """A report's verdicts and cautions, in lines."""
    lines = [f"[bold]{escape(summary['study']['title'])}[/bold]"]
    for verdict in summary["verdicts"]:
        lines += ["", f"[bold]{escape(verdict['objective'].upper())}, Oracle {escape(verdict['oracle'])}[/bold]"]
        lines += [f"[bold]{escape(verdict['headline'])}[/bold]"]
        lines += [f"- {escape(sentence)}" for sentence in verdict["sentences"]]
    cautions = [f"- {escape(caution)}" for caution in summary["cautions"]]
    return lines + (["", "[bold]Cautions[/bold]", *cautions] if cautions else [])


@app.command()
def compare(
    names: Annotated[
        list[str] | None, typer.Argument(help="studies, folders of results or experiments; none: all published")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    html: Annotated[bool, typer.Option("--html", help="write results/index.html, over all published studies")] = False,
) -> None:
    """Studies side by side: learner, verdict, V, C, paradox index, and the paper's rows beside them."""
    from qup import compare as comparing
    from qup.compare import terminal

    if html and (names or as_json):
        raise SettingsError("--html is the page over all published studies: leave names and --json out")
    if html:
        place = RESULTS / "index.html"
        whole.write(place, comparing.html(comparing.everything(RESULTS)))
        print(place)
        return
    made = comparing.compare(names or [], RESULTS)
    if as_json:
        print(json.dumps(made.summary, indent=1, ensure_ascii=False))
        return
    terminal.show(made.sides, Console(highlight=False))


@app.command()
def reference(
    write: Annotated[bool, typer.Option("--write", help="write studies/schema.json and docs/settings.md")] = False,
) -> None:
    """All settings of a study file as a page, made from the classes that read it."""
    from qup.reference import page, schema

    if not write:
        print(page())
        return
    whole.write(REFERENCE, page())
    whole.write(STUDIES / "schema.json", json.dumps(schema(), indent=1) + "\n")


if __name__ == "__main__":
    main()
