"""Verbs that ask before a run: a new study, what is amiss, whether it fits, what there is, what it will cost."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from qup import problems, settings, study, templates, whole
from qup.errors import SettingsError, unknown
from qup.params import read_params
from qup.verbs import MODELS, STUDIES, app

REFERENCE = Path("docs/settings.md")


@app.command("new")
def new_study(  # noqa: PLR0917 - flags
    name: Annotated[str, typer.Argument(help="of the study")],
    learner: Annotated[str, typer.Option(prompt=True, help="a folder, or owner/name@commit of the hub")],
    problems_file: Annotated[Path, typer.Option("--problems", prompt=True, help="JSON Lines: question and answer")],
    oracle: Annotated[str, typer.Option(prompt=True, help="as the learner; with --endpoint its model's name")],
    endpoint: Annotated[str | None, typer.Option(help="base URL of an OpenAI-compatible API")] = None,
    key_env: Annotated[str, typer.Option(help="the variable that holds its key")] = "OPENAI_API_KEY",
    budget: Annotated[int, typer.Option(help="tokens that the endpoint may cost")] = 2_000_000,
    answer_after: Annotated[str | None, typer.Option(help="mark before the final answer, as ####")] = None,
    replicates: Annotated[int, typer.Option(help="training sets; one resolves nothing")] = 3,
) -> None:
    """Write a first study of your own, commented: what is not said is asked."""
    from qup import new

    wishes = new.Wishes(
        name, learner, problems_file, oracle, endpoint, key_env, budget, answer_after, replicates=replicates
    )
    drafted = new.draft(wishes, Path())
    print(f"{drafted.file}: read it, then `qup plan {name}` and `qup run {name}`")
    for note in drafted.notes:
        print(f"- {note}")


@app.command("doctor")
def examine_all(as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """Is all there that a run needs: environment, models, keys, remote, disk, MLflow, each with its remedy."""
    from qup import doctor

    findings = doctor.examine(Path())
    if as_json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
    else:
        doctor.show(findings, Console(highlight=False))
    if any(finding.state == "amiss" for finding in findings):
        raise typer.Exit(2)


@app.command()
def check(
    params: Annotated[Path, typer.Option(help="what `dvc repro` runs")] = Path("params.yaml"),
    studies: Annotated[Path, typer.Option(help="folder of the study files")] = STUDIES,
    data: Annotated[bool, typer.Option("--data", help="hash all data again, in DVC's cache and here")] = False,
    models: Annotated[bool, typer.Option("--models", help="also examine the study's models that are there")] = False,
    ahead: Annotated[
        bool, typer.Option("--preflight", help="also ask endpoints for a token, look at models, answers and disk")
    ] = False,
) -> None:
    """Check params.yaml and its study: a wrong name or number is one line, and nothing is touched."""
    if ahead and studies != STUDIES:
        raise SettingsError(f"--preflight is of what would run here, a study of {STUDIES}: leave out --studies")
    print(study.check(params, studies))
    if models:
        chosen = read_params(params).study
        _examine(study.read(studies / f"{chosen}.yaml"), MODELS / chosen / "base")
    if data:
        _check_data()
    if ahead:
        _look_ahead(read_params(params).study)


def _look_ahead(name: str) -> None:
    """What would stop the study's next run, each in a line; exit code 2 where anything would."""
    from qup import plan as planning
    from qup import preflight

    made = planning.plan(Path(), name)
    faults = preflight.preflight(Path(), made)
    for note in preflight.notes_on(Path(), made):
        print(f"note: {note}")
    for fault in faults:
        print(f"qup: {fault}", file=sys.stderr)
    if faults:
        raise typer.Exit(2)
    print("all is there that the next run needs")


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
    calibrate: Annotated[bool, typer.Option("--calibrate", help="measure this machine first, in minutes")] = False,
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
