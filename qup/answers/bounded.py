"""The judgement of pairs of answers, bounded in length, time and memory.

Answers are untrusted input to a parser: `9^{9^{9^9}}` would hold up a run, or take its memory. What cannot be judged at
sight is therefore judged in worker processes, which are killed when they take too long. Both ends of the pipe are in
this file: JSON lines [function, argument, ...] go to `serve`, and what the function says comes back as one.

>>> judge([("1/2", "0.5"), ("1/2", "2"), ("1/2", None)])
[True, False, None]
"""

import atexit
import contextlib
import functools
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from qup.answers.equality import SECONDS, at_sight, cleaned, same
from qup.lm import lifeline

LONGEST = 300
"Characters; a longer answer counts as unparsed."
KILL_AFTER = 4 * SECONDS
"Seconds, after which the worker is killed: long integer arithmetic does not hear math-verify's alarm."
MEMORY = 2 << 30
"Bytes of address space of a worker."


def judge(pairs: Sequence[tuple[str, str | None]]) -> list[bool | None]:
    """Whether each (gold, given) pair is one and the same answer.

    None where no judgement was possible: no answer, too long, or over a worker's limits. A pair is judged once, however
    often it comes.
    """
    readable = [(gold, given) for gold, given in pairs if given is not None and _readable(gold, given)]
    judged: dict[tuple[str, str | None], bool | None] = {pair: at_sight(*pair) for pair in dict.fromkeys(readable)}
    hard = [pair for pair in dict.fromkeys(readable) if judged[pair] is None]
    judged.update(zip(hard, ask(f"{__name__}:compared", hard), strict=True))
    return [judged.get(pair) for pair in pairs]


def _readable(gold: str, given: str) -> bool:
    """Whether answers are short enough to look at, and the given one is more than typography."""
    return max(len(gold), len(given)) <= LONGEST and cleaned(given) != ""


def ask(function: str, questions: Sequence[Sequence[str]], prepare: str | None = None) -> list[Any]:
    """What a function, `module:name`, says of each question, in the workers; None for one that it did not survive.

    It says true, false or null, or any other JSON; an error that it raises counts as false.

    What it says of a question does not depend on the others. `prepare` is a function that a worker calls once before,
    for as long as it takes: imports are slow on a busy machine, which is no fault of the first answer.
    """
    if not questions:
        return []
    team = workers(os.getpid())[: len(questions)]
    shares = [questions[i :: len(team)] for i in range(len(team))]
    with ThreadPoolExecutor(len(team)) as threads:
        judged_shares = threads.map(
            lambda worker, share: [worker.ask(prepare, function, *question) for question in share], team, shares
        )
    judged: list[Any] = [None] * len(questions)
    for i, share in enumerate(judged_shares):
        judged[i :: len(team)] = share
    return judged


class Worker:
    """One worker process, started when first needed and again after it was killed or died."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.prepared: set[str] = set()
        atexit.register(self.stop)

    def ask(self, prepare: str | None, *question: str) -> Any:
        """What the worker says; None if it did not survive the question, a function and its arguments."""
        if self.process and self.process.poll() is not None:
            self.stop()
        self.process = self.process or _start()
        if prepare and prepare not in self.prepared:
            _exchange(self.process, json.dumps([prepare]), None)
            self.prepared.add(prepare)
        reply = _exchange(self.process, json.dumps(question), KILL_AFTER)
        if not reply:
            self.stop()
            return None
        return json.loads(reply)

    def stop(self) -> None:
        """End the process, if there is one."""
        if self.process:
            self.process.kill()
            # Whatever was still to be written to the dead process cannot be.
            with contextlib.suppress(OSError):
                self.process.communicate()
            self.process = None
            self.prepared.clear()


@functools.cache
def workers(pid: int) -> list[Worker]:
    """The workers of process `pid`: a forked child must not talk into its parent's pipes."""
    return [Worker() for _ in range(min(4, os.cpu_count() or 1))]


def _start() -> subprocess.Popen[str]:
    """A worker process that is ready for questions."""
    # Some tasks of reasoning-gym depend on the order of sets: what one worker makes again, every worker does.
    environment = {"PYTHONHASHSEED": "0"}
    pipe = subprocess.PIPE
    process = lifeline.python(
        f"from {__name__} import serve; serve()", environment=environment, stdin=pipe, stdout=pipe
    )
    assert process.stdout
    if process.stdout.readline() != "ready\n":
        process.communicate()
        raise RuntimeError("the grader's worker process did not start; its message stands above")
    return process


def _exchange(process: subprocess.Popen[str], question: str, seconds: float | None) -> str:
    """The line that a process replies; empty if it died or was killed over the question, for which it has `seconds`."""
    assert process.stdin
    assert process.stdout
    watchdog = threading.Timer(seconds or threading.TIMEOUT_MAX, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        process.stdin.write(question + "\n")
        process.stdin.flush()
        return process.stdout.readline()
    except OSError:
        return ""
    finally:
        watchdog.cancel()


def serve() -> None:
    """A worker process's whole life: JSON lines [function, argument, ...] in, JSON lines out."""
    import logging

    import math_verify  # noqa: F401  (the first answer should not wait for it)

    logging.disable()
    _limit_memory()
    # Whatever a function prints must not pass for a judgement.
    replies, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(_attempt(*json.loads(line))), file=replies, flush=True)


def _limit_memory() -> None:
    """Put `MEMORY` on this process, where the system knows such a limit."""
    if sys.platform != "win32":
        import resource

        # macOS has the limit but does not take it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _attempt(function: str, *question: str) -> Any:
    """What a function says; None over its limits."""
    from math_verify.errors import TimeoutException

    module, _, name = function.partition(":")
    try:
        return getattr(importlib.import_module(module), name)(*question)
    except (TimeoutException, MemoryError, RecursionError):
        return None
    except Exception:
        # Whatever sympy raises on what it cannot read or compare: then the two are equal as text or not at all.
        return False


def compared(gold: str, given: str) -> bool:
    """Whether two answers are equal, by all means."""
    return same(cleaned(gold), cleaned(given))
