"""The verbs of the command line, a file for each time of their use; `app` has them once their files are read."""

from pathlib import Path

import typer

STUDIES, RESULTS, MODELS = Path("studies"), Path("results"), Path("models")
HELP = "The command line, `qup`: a study checked, planned, run, shown and compared. What runs it is DVC."

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
