"""What every stage's command line shares: flags, one-line errors with exit code 2, and the stage's time.

A stage module is a docstring, `main(argv)` and `if __name__ == "__main__": cli.run(main)`: flags, files, one call.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from qup import repository, study
from qup.errors import SettingsError
from qup.lm import workers
from qup.study import Study

RUNS = Path(".qup/runs")
"Where in the repository stages leave how long they took; ignored by Git and DVC, nothing depends on it."


def parser(doc: str | None, **flags: str) -> argparse.ArgumentParser:
    """A parser with the stage's docstring as its help, `--study`, and a required path for each of `flags`."""
    command = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--study", type=Path, required=True, help="study file, e.g. studies/smoke.yaml")
    for name, text in flags.items():
        command.add_argument(f"--{name}", type=Path, required=True, help=text)
    return command


def start(args: argparse.Namespace) -> Study:
    """The study that a stage was given, checked in full before anything is done; limits this process to its threads."""
    chosen = study.read(args.study)
    workers.limit(chosen.threads)
    return chosen


def runs() -> Path:
    """`RUNS` of the repository, also in a temporary copy of it that an experiment runs in."""
    return repository.root() / RUNS


def run(main: Callable[[Sequence[str] | None], None]) -> None:
    """Run a stage: a `SettingsError` becomes one line on stderr and exit code 2; the time taken is left in `RUNS`."""
    begin = time.time()
    try:
        main(None)
    except SettingsError as error:
        print(f"qup: {error}", file=sys.stderr)
        sys.exit(2)
    name = os.environ.get("DVC_STAGE")
    if name:
        runs().mkdir(parents=True, exist_ok=True)
        info = {"stage": name, "seconds": round(time.time() - begin, 1), "started": begin, "host": platform.node()}
        info |= {"python": platform.python_version(), "cpu": platform.processor() or platform.machine()}
        (runs() / f"{name}.json").write_text(json.dumps(info) + "\n")
