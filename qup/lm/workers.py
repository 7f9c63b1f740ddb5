"""CPU threads of a run, and runs side by side on the cores that leaves free, or on the GPUs that there are.

The last digits of a sum depend on how many threads share it, so a study that sets `threads` gives the same bytes
whatever the number of cores, and a small model on one thread leaves the other cores to its neighbours. Where there are
GPUs, what counts is those: a run has one to itself.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from typing import Any, TypeVar

from qup.errors import SettingsError
from qup.lm import devices, lifeline, starting

Job = TypeVar("Job")
Result = TypeVar("Result")

KILLED = (
    "a process of this stage was killed, mostly by the system for want of memory: free some, or set more `threads` in "
    "the study, so that fewer processes run side by side"
)


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


def spread(
    work: Callable[[Sequence[Job]], Sequence[Result]], jobs: Sequence[Job], threads: int | None, gpus: int = 1
) -> list[Result]:
    """`work(jobs)`, in as many processes as have `threads` cores each: one result per job, in order.

    A process does every n-th job in one call of `work`, so what that loads is loaded once a process. Without a number
    of threads, and inside such a process, there is no other. They start afresh: who has computed cannot be forked. They
    end with this process, however it dies, and what they put into temporary folders goes when they are done.

    Where torch sees GPUs there are as many processes as these have room for, each with `gpus` of them to itself and
    blind to the others (`qup.lm.devices`).

    Raises:
        SettingsError: a process was killed from outside, or there are too few GPUs.
    """
    seats = _seats(len(jobs), threads, gpus)
    processes = len(seats)
    if processes == 0:
        return list(work(jobs))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, _pool(seats, scratch) as pool:
        try:
            shares = [pool.submit(work, jobs[first::processes]) for first in range(processes)]
            _await(shares)
            for share in filter(Future.done, shares):
                share.result()
        except BaseException as error:
            # Or the error, or the signal that stops this process, would wait until the others have done all their work.
            for child in active_children():
                child.kill()
            if isinstance(error, BrokenProcessPool):
                raise SettingsError(KILLED) from error
            raise
        done = [share.result() for share in shares]
    return [done[i % processes][i // processes] for i in range(len(jobs))]


def _seats(jobs: int, threads: int | None, gpus: int) -> list[str | None]:
    """The GPUs of each process to start, None where CPUs compute; no process: the work is done in this one."""
    inside = parent_process() is not None
    if jobs and (seen := devices.visible()):
        # A process of the pool has its share of the machine, and may have more GPUs than one run of its own needs.
        places = devices.places(seen, gpus, 1 if inside else devices.sharing())
        # One that is to be blind to other GPUs must start so: this one may have looked at them.
        return [*places[:jobs]] if len(seen) > gpus or (len(places) > 1 and jobs > 1) else []
    processes = 1 if threads is None or inside else min(jobs, max(1, cores() // threads))
    return [None] * processes if processes > 1 else []


def _await(shares: Sequence[Future[Any]]) -> None:
    """Return when all are done or one has failed.

    Raises:
        BrokenProcessPool: a process died; the pool misses the death of one that it started after it last looked.
    """
    started = len(active_children())
    while True:
        done, under_way = wait(shares, timeout=1, return_when=FIRST_EXCEPTION)
        if not under_way or any(share.exception() for share in done):
            return
        if len(active_children()) < started:
            raise BrokenProcessPool("a process died")


def _pool(seats: Sequence[str | None], scratch: str) -> ProcessPoolExecutor:
    """Processes that end with this one and keep their temporary files in `scratch`, each with a seat of its own."""
    context = get_context("spawn")
    free = context.SimpleQueue()
    for seat in seats:
        free.put(seat)
    return ProcessPoolExecutor(len(seats), context, initializer=_begin, initargs=(scratch, free))


def _begin(scratch: str, free: Any) -> None:
    lifeline.follow_parent()
    starting.begin()
    # A process that is killed leaves such files behind, and here whoever killed it can remove them.
    tempfile.tempdir = scratch
    if (seat := free.get()) is not None:
        os.environ[devices.VISIBLE] = seat
