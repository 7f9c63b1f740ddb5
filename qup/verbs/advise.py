"""The verb of candidate traces: which to train on."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from qup import whole
from qup.verbs import app


@app.command()
def advise(  # noqa: PLR0917 - flags
    learner: Annotated[str, typer.Argument(help="a model folder, a hub id, or a YAML file: a study or a model source")],
    files: Annotated[list[str], typer.Argument(help="candidate traces, JSON Lines or another table, a stream each")],
    reference: Annotated[str | None, typer.Option(help="the stream that others are held against; the first")] = None,
    limit: Annotated[int, typer.Option(min=0, help="traces scored altogether, drawn by --seed; 0: all")] = 200,
    seed: Annotated[int, typer.Option(help="of the draw and the intervals")] = 1,
    prompt: Annotated[str | None, typer.Option(help="a file of qup/prompts/learner; the question as it stands")] = None,
    template: Annotated[str | None, typer.Option(help="chat template for a base model: `qup list templates`")] = None,
    dtype: Annotated[str | None, typer.Option(help="bfloat16, float16 or float32")] = None,
    max_length: Annotated[int, typer.Option(min=16, help="longest prompt and trace together, tokens")] = 4096,
    question: Annotated[str | None, typer.Option(help="column of the question; recognised")] = None,
    response: Annotated[str | None, typer.Option(help="column of the trace; recognised")] = None,
    answer: Annotated[str | None, typer.Option(help="column of the gold answer; recognised")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="all of it, for programs")] = False,
    html: Annotated[Path | None, typer.Option(help="also write a page that loads nothing")] = None,
) -> None:
    """Which of some streams of traces to train a learner on, why, how often that was right, and what is not known."""
    from qup import advise as advising
    from qup.advise import page, plain, terminal

    columns = {"question": question, "response": response, "answer": answer}
    given = {"reference": reference, "prompt": prompt, "template": template, "dtype": dtype}
    asked = advising.Asked(learner, tuple(files), limit=limit, seed=seed, max_length=max_length, **given, **columns)
    made = advising.advise(asked)
    if html is not None:
        whole.write(html, page.html(made))
    if as_json:
        print(json.dumps(plain.plain(made), indent=1, ensure_ascii=False))
        return
    terminal.show(made, Console(highlight=False))
    if html is not None:
        print(f"\n{html}")
