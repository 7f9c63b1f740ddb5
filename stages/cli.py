"""What every stage's command line shares: flags, one-line errors with exit code 2, signals, and the stage's time.

A stage module is a docstring, `main(argv)` and `if __name__ == "__main__": cli.run(main)`: flags, files, one call.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from qup import repository, study, whole
from qup.errors import SettingsError
from qup.lm import starting, workers
from qup.study import Study

RUNS = Path(".qup/runs")
"Where in the repository stages leave how long they took; ignored by Git and DVC, nothing depends on it."
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"What stops a stage in good order: Ctrl-C, a scheduler, the end of a terminal."
PARTIAL = threading.Event()
"Set by a stage part of whose work was kept from before: how long it took says nothing of the next time."
GRACE = 8.0
"Seconds that a stage has to end in good order; schedulers and containers kill ten seconds after they ask."


def parser(doc: str | None, **paths: str) -> argparse.ArgumentParser:
    """The parser of a stage of one study: `--study`, and a required path for each of `paths`."""
    return flags(doc, study="study file, e.g. studies/smoke.yaml", **paths)


def flags(doc: str | None, **paths: str) -> argparse.ArgumentParser:
    """A parser with the stage's docstring as its help and a required path for each of `paths`."""
    command = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, text in paths.items():
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
    PARTIAL.clear()
    heed_signals()
    starting.begin()
    try:
        with whole.room_in(Path(), Path(tempfile.gettempdir())):
            main(None)
            if not PARTIAL.is_set():
                leave_time(begin)
    except SettingsError as error:
        print(f"qup: {error}", file=sys.stderr)
        sys.exit(2)


def leave_time(begin: float) -> None:
    """How long the stage took, where DVC runs it."""
    name = os.environ.get("DVC_STAGE")
    if name:
        info = {"stage": name, "seconds": round(time.time() - begin, 1), "started": begin, "host": platform.node()}
        info |= {"python": platform.python_version(), "cpu": platform.processor() or platform.machine()}
        whole.write(runs() / f"{name}.json", json.dumps(info) + "\n")


def heed_signals() -> None:
    """Let the signals that ask a process to stop end this one as an error would: nothing is left behind."""
    for name in SIGNALS:
        number = getattr(signal, name, None)
        # Whoever has them ignored, as `nohup` has, means it.
        if number and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


def stop(number: int, frame: FrameType | None) -> NoReturn:
    """Leave with 128 + the signal's number; by force where a library keeps this process, whose children end with it."""
    for name in SIGNALS:
        signal.signal(getattr(signal, name, number), signal.SIG_IGN)
    force = threading.Timer(GRACE, os._exit, [128 + number])
    force.daemon = True
    force.start()
    # Not `print`: the signal may have come in the middle of another.
    os.write(2, f"qup: stopped by {signal.Signals(number).name}: run the same command again\n".encode())
    sys.exit(128 + number)
