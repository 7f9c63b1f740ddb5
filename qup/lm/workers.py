"""CPU threads of a run, and runs side by side on the cores that leaves free.

The last digits of a sum depend on how many threads share it, so a study that sets `threads` gives the same bytes
whatever the number of cores, and a small model on one thread leaves the other cores to its neighbours.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from multiprocessing import active_children, get_context, parent_process
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def cores() -> int:
    """The cores that this process may use: those that the machine, a container or `LOKY_MAX_CPU_COUNT` grants."""
    # It brings numpy, which many stages do without.
    from joblib import cpu_count

    return int(cpu_count())


def limit(threads: int | None) -> None:
    """Let this process, and those it starts, compute with so many threads; None changes nothing: torch takes all."""
    if threads is None:
        return
    os.environ |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "MKL_DYNAMIC": "FALSE"}
    # Threads that wait for one another spin; beside a busy process that made a step of a small model ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)


@contextlib.contextmanager
def alone(threads: int) -> Iterator[None]:
    """Compute with so many threads for a while: a run that has the machine to itself."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def spread(work: Callable[[Sequence[Job]], Sequence[Result]], jobs: Sequence[Job], threads: int | None) -> list[Result]:
    """`work(jobs)`, in as many processes as have `threads` cores each: one result per job, in order.

    A process does every n-th job in one call of `work`, so what that loads is loaded once a process. Without a number
    of threads, and inside such a process, there is no other. They start afresh: who has computed cannot be forked.
    """
    processes = 1 if threads is None or parent_process() else min(len(jobs), max(1, cores() // threads))
    if processes <= 1:
        return list(work(jobs))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        shares = [pool.submit(work, jobs[first::processes]) for first in range(processes)]
        wait(shares, return_when=FIRST_EXCEPTION)
        if failed := next((share for share in shares if share.done() and share.exception()), None):
            # Or the error would wait until the others have done all their work.
            for child in active_children():
                child.terminate()
            failed.result()
        done = [share.result() for share in shares]
    return [done[i % processes][i // processes] for i in range(len(jobs))]
