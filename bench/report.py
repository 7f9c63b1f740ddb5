"""The report stage on synthetic arms: its time grows with the number of problems, not with its square.

Processor time, that of an idle core: other work beside it moves it little. That of the process which paints the charts
beside it is not in it. `threads: 1` of a study limits the sums too.
"""

import contextlib
import io
import tempfile
import time
from pathlib import Path

from bench import _synthetic
from bench._given import Given
from stages import report

UNIT = "s"
PROBLEMS = (125, 625)
"For each trace that other benchmarks work on: 4,000 and 20,000, to train on and in every task."


def measure(given: Given) -> dict[str, list[float]]:
    """From the measured arms to all files of the report, for a study of fewer problems and one of more."""
    return {f"problems-{size * given.count}": _runs(given, size * given.count) for size in PROBLEMS}


def _runs(given: Given, problems: int) -> list[float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _synthetic.write(given.study, problems, folder / "arms")
        params = folder / "params.yaml"
        params.write_text(f"{{study: {given.name}, refiner: style_aligned, oracles: [home]}}", encoding="utf-8")
        outs = {"arms": "arms", "metrics": "metrics.json", "plots": "plots", "out": "report", "params": params.name}
        flags = [f"--study={given.file}", *(f"--{flag}={folder / path}" for flag, path in outs.items())]
        return [_seconds(flags) for _ in range(given.repeats)]


def _seconds(flags: list[str]) -> float:
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        report.main(flags)
    return time.process_time() - start
