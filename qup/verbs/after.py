"""Verbs of a run and of what comes of it: run, show, compare, export, card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from qup import whole
from qup.errors import SettingsError, unknown
from qup.params import read_params
from qup.verbs import RESULTS, app


@app.command("run")
def run_study(
    name: Annotated[str | None, typer.Argument(help="a study; params.yaml's if not said")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", "-S", help="as of `dvc exp run`: refiner=unfiltered")
    ] = None,
) -> None:
    """Run a study, `dvc repro` or with changes an experiment: a line a stage, then what to train on and the verdict."""
    from qup import running

    chosen = name or read_params(Path("params.yaml")).study
    code = running.run(running.Run(Path(), chosen, tuple(changes or ())), Console(highlight=False))
    if code:
        raise typer.Exit(code)


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
    """A report's choices, verdicts and cautions, in lines."""
    lines = [f"[bold]{escape(summary['study']['title'])}[/bold]"]
    for choice in summary.get("choices", []):
        lines += ["", f"[bold]{escape(choice['objective'].upper())}, Oracle {escape(choice['oracle'])}: "]
        lines[-1] += f"{escape(choice['headline'])}[/bold]"
        lines += [f"- {escape(choice['sentence'])}"]
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


@app.command("export")
def export_stream(
    name: Annotated[str, typer.Argument(help="a study")],
    arm: Annotated[str, typer.Argument(help="an arm of it, as home/style_aligned")],
    out: Annotated[Path, typer.Argument(help="a new folder")],
) -> None:
    """Write an arm's training traces as chat `messages`, with a card: a data set that any trainer reads."""
    from qup import export

    count = export.export(export.Exported(Path(), name, arm), out)
    print(f"{count} traces: {out / export.ROWS}, {out / export.CARD}")


@app.command("card")
def card_of(
    name: Annotated[str, typer.Argument(help="a study")],
    arm: Annotated[str, typer.Argument(help="an arm of it, as home/style_aligned")],
    objective: Annotated[str, typer.Option(help="what its training minimized")] = "sft",
) -> None:
    """The card of the learners that were trained on an arm: what made them, how good they are, whose licences."""
    from qup import export

    print(export.model_card(export.Exported(Path(), name, arm), objective), end="")
