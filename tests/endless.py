"""Work without end for the processes of `qup.lm.workers.spread`, which leave a file each when they have begun."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from qup.answers import bounded
from qup.lm import lifeline


def _begun(jobs: Sequence[Path]) -> None:
    jobs[0].mkdir(exist_ok=True)
    (jobs[0] / str(os.getpid())).touch()


def sleep(jobs: Sequence[Path]) -> list[None]:
    """Waits, as for a model."""
    _begun(jobs)
    time.sleep(3600)
    return [None] * len(jobs)


def convert(jobs: Sequence[Path]) -> list[None]:
    """Waits for an interpreter of its own, as for one that converts weights."""
    _begun(jobs)
    lifeline.finished("import time; time.sleep(3600)")
    return [None] * len(jobs)


def compute(jobs: Sequence[Path]) -> list[None]:
    """Long integer arithmetic, in which no thread of the interpreter has a turn."""
    _begun(jobs)
    print(9 ** (9**9) % 7)
    return [None] * len(jobs)


def grade(jobs: Sequence[Path]) -> list[None]:
    """The same in a grader's process, the child of this one."""
    bounded.KILL_AFTER = 3600
    bounded.judge([("1/2", "0.50"), ("1/3", "2/6")])
    _begun(jobs)
    bounded.judge([("1/2", "9^{9^{9^9}}"), ("1/3", "8^{9^{9^9}}")])
    return [None] * len(jobs)
