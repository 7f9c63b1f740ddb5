"""What every stage's command line shares: reading the study, one-line errors with exit code 2, and the stage's time.

A stage module is a docstring, `main(argv)` and `if __name__ == "__main__": cli.run(main)`.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import yaml

from qup import params, workers
from qup.errors import SettingsError, unknown
from stages import warm

RUNS = Path(".qup/runs")
"Where stages leave how long they took; ignored by Git and DVC, nothing depends on it."


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser with the stage's docstring as its help and the `--study` flag that all stages have."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--study", type=Path, required=True, help="study file, e.g. studies/smoke.yaml")
    return made


def read_study(path: Path) -> params.Study:
    """The study in a YAML file, checked in full: an error in any section stops any stage before it does anything."""
    if not path.is_file():
        raise unknown("study", path.stem, (p.stem for p in path.parent.glob("*.yaml")))
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    study = params.section(params.Study, given, path.stem)
    workers.limit(study.threads)
    return study


def run(main: Callable[[Sequence[str] | None], None]) -> None:
    """Run a stage: a `SettingsError` becomes one line on stderr and exit code 2; the time taken is left in `RUNS`.

    Under `stages.warm` it is run in a process that has the libraries loaded; this one then waits and exits as that did.
    """
    elsewhere = warm.run_elsewhere()
    if elsewhere is not None:
        sys.exit(elsewhere)
    start = time.time()
    try:
        main(None)
    except SettingsError as error:
        print(f"qup: {error}", file=sys.stderr)
        sys.exit(2)
    name = os.environ.get("DVC_STAGE")
    if name:
        RUNS.mkdir(parents=True, exist_ok=True)
        info = {"stage": name, "seconds": round(time.time() - start, 1), "started": start, "host": platform.node()}
        info |= {"python": platform.python_version(), "cpu": platform.processor() or platform.machine()}
        (RUNS / f"{name}.json").write_text(json.dumps(info) + "\n")


def counts(values: Iterable[str]) -> str:
    """How often each value occurs, e.g. `correct 12, wrong 3`."""
    return ", ".join(f"{value} {count}" for value, count in sorted(Counter(map(str, values)).items()))
