"""A benchmark in a process of its own: an engine holds memory, and threads are set once a process.

Not in `__main__`: a process that is started anew cannot import a package's `__main__`, and so not what stands in it.
"""

import importlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from bench._given import Given
from qup.lm import workers

Runs = dict[str, list[float]]


def measured(name: str, given: Given) -> tuple[str, Runs]:
    """The unit of a benchmark, and the runs of each of its sides, on as many threads as the study has."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, name, given).result()


def _measure(name: str, given: Given) -> tuple[str, Runs]:
    workers.limit(given.study.threads)
    benchmark = importlib.import_module(f"bench.{name}")
    return benchmark.UNIT, benchmark.measure(given)
