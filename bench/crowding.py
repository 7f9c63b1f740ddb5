"""Training runs side by side on all cores, alone and beside one process that is busy all the time.

Threads that wait for one another by spinning would take many times as long there. Wall time of a process with its
start: one of a pool would start no others.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench._given import Given
from qup.lm import workers
from qup.training import trainer
from qup.training.examples import examples

UNIT = "s"
RUNS = 4


def measure(given: Given) -> dict[str, list[float]]:
    """Runs on a few of the learner's traces, each spending the study's budget, as many at a time as threads allow."""
    # What is missing is told here, not by a process that fails.
    _ = given.learner, given.pairs
    lines = ["from pathlib import PosixPath", "from bench import crowding", "from bench._given import Given"]
    code = "\n".join([*lines, f"crowding.run({given!r})"])
    sides = {"alone": contextlib.nullcontext, "beside-a-busy-process": _busy}
    return {side: [_seconds(code, beside()) for _ in range(given.repeats)] for side, beside in sides.items()}


def _seconds(code: str, beside: contextlib.AbstractContextManager[None]) -> float:
    with beside:
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stderr)
    return seconds


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """A process that computes for as long."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def run(given: Given) -> None:
    """The runs that are timed, side by side: what the process is started for."""
    workers.limit(given.study.threads)
    workers.spread(partial(_train, given), range(RUNS), given.study.threads)


def _train(given: Given, seeds: Sequence[int]) -> list[int]:
    study, learner = given.study, given.learner.folder
    traces = examples(trainer.tokenizer(learner), given.pairs, study.prompt, study.training.max_length)
    with tempfile.TemporaryDirectory() as folder:
        cells = [trainer.Cell("sft", 1, seed=seed) for seed in seeds]
        return [trainer.train(learner, traces, study.training, cell, Path(folder, "out"))[1].tokens for cell in cells]
