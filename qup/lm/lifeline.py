"""No process outlives the one that started it, however that one dies.

A process holds one end of a pipe for as long as it lives, and the system closes it whatever ends it; those that it
starts watch the other end. Linux then kills them by itself, in whatever arithmetic they hang; elsewhere a thread does.
Linux's parent-death signal is no help: it comes with the end of the *thread* that started a process.
"""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import connection, parent_process
from pathlib import Path
from types import MappingProxyType
from typing import Any

STANDARD = 3
"From this descriptor on they are none of the standard streams."


def python(
    code: str, arguments: Sequence[str] = (), environment: Mapping[str, str] = MappingProxyType({}), **pipes: Any
) -> subprocess.Popen[str]:
    """A fresh interpreter that runs `code` and ends with this process.

    A fresh one, not multiprocessing's: no fork after torch, no second import of the caller's main module. It has this
    process's environment, with what `environment` sets.
    """
    end = _ends(os.getpid())[0]
    watched = f"from {__name__} import watch; watch({end}); {code}"
    # It must find `qup` from whatever folder the caller works in, installed or not.
    paths = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    own = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}
    command = [sys.executable, "-c", watched, *arguments]
    return subprocess.Popen(command, text=True, encoding="utf-8", env=own, pass_fds=[end], **pipes)


def finished(code: str, arguments: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter that runs `code` said until it was done; it ends with this process too."""
    pipe = subprocess.PIPE
    with python(code, arguments, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
        try:
            said, complained = process.communicate()
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


@functools.cache
def _ends(pid: int) -> tuple[int, int]:
    """The pipe of process `pid`, never written to: a forked child must not keep its parent's children alive."""
    ends = os.pipe()
    if min(ends) >= STANDARD:
        return ends
    import fcntl

    # Where this process has no standard input, that of a child would take the place of an end that is 0.
    first, second = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, STANDARD) for end in ends)
    for end in ends:
        os.close(end)
    return first, second


def follow_parent() -> None:
    """Let a process that multiprocessing has spawned end with the one that spawned it."""
    parent = parent_process()
    assert parent, "multiprocessing spawned this process"
    watch(parent.sentinel)


def watch(end: int) -> None:
    """End this process as soon as nobody holds the other end of a pipe; ending it any earlier is up to who does.

    Ctrl-C reaches every process of a terminal, so it is left to that one too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        import fcntl

        # Where a sandbox knows no such signal, the thread below is enough.
        with contextlib.suppress(OSError):
            # Opened anew: whom a signal goes to is a fact of the open file, which neighbours may have inherited.
            own = os.open(f"/proc/self/fd/{end}", os.O_RDONLY | os.O_NONBLOCK)
            fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_end_with, args=(end,), daemon=True, name="lifeline").start()


def _end_with(end: int) -> None:
    connection.wait([end])
    os._exit(1)
