"""Run a command, such as `dvc repro`, whose stages start warm: forked off a process that has the libraries loaded.

Loading torch, transformers, TRL and lm-eval takes most of a small stage's time (`bench/starting.json`). The keeper
loads them once, computes nothing, and forgets our own code before it runs any, so what it forks off is what a fresh
process would be. Where no keeper answers, a stage runs by itself.

Example: `python -m stages.warm dvc exp run -S study=smoke`.
"""

import argparse
import atexit
import contextlib
import dataclasses
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

PLACE = "QUP_WARM"
"Environment variable: the keeper's socket."
LIBRARIES = (
    "torch",
    "transformers.generation.utils",
    "transformers.models.llama.modeling_llama",
    "datasets",
    "trl.trainer.sft_trainer",
    "lm_eval.evaluator",
    "lm_eval.tasks",
)
"What most stages load. What is not here a stage loads itself."
LONGEST = 1 << 20
"Bytes of a message."
TAKEN = b"taken"
"The keeper's word that a stage is its to run."


@dataclass(frozen=True)
class Request:
    """What a stage would have been as a process of its own."""

    module: str
    folder: str
    arguments: list[str]
    environment: dict[str, str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command given, with a keeper beside it; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run, with its own flags")
    command = parser.parse_args(argv).command
    if not command:
        parser.error("a command is required, e.g. dvc repro")
    with keeper() as place:
        try:
            process = subprocess.Popen(command, env={**os.environ, PLACE: place})
        except OSError as error:
            parser.error(f"{command[0]}: {error.strerror}")
        # Ctrl-C is for the command, which may have to tidy up.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def keeper() -> Iterator[str]:
    """The socket of a keeper that lives as long as the context. Requests made while it still loads wait for it."""
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder, "keeper"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(place)
            listener.listen()
            start = f"from stages import warm; warm.keep({listener.fileno()})"
            # Else torch's look for a GPU would leave a CUDA that no fork can use.
            env = {**os.environ, "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
            process = subprocess.Popen(
                [sys.executable, "-c", start], env=env, stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
            )
        try:
            yield place
        finally:
            # Where this process dies without coming here, the end of its input ends the keeper.
            process.terminate()
            process.communicate()


def keep(listening: int) -> NoReturn:
    """Load the libraries, then fork off whatever is asked for, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = socket.socket(fileno=listening)
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"qup: stages load {name} themselves ({error})", file=sys.stderr)
    # Else collecting garbage would touch, and so copy, every page that a fork shares.
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            serve(connection)
        connection.close()
    os._exit(0)


def serve(connection: socket.socket) -> NoReturn:
    """In a fork of the keeper: fork off the stage and say how it ended; end it if nobody waits for it any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, files, _, _ = socket.recv_fds(connection, LONGEST, 3)
    connection.send(TAKEN)
    stage = os.fork()
    if not stage:
        connection.close()
        become(Request(**json.loads(message)), files)
    for file in files:
        os.close(file)
    asked, ended = connection.fileno(), os.pidfd_open(stage)
    if asked in select.select([asked, ended], [], [])[0]:
        os.kill(stage, signal.SIGTERM)
    code = os.waitstatus_to_exitcode(os.waitpid(stage, 0)[1])
    with contextlib.suppress(OSError):
        connection.send(str(code).encode())
    os._exit(0)


def become(request: Request, files: Sequence[int]) -> NoReturn:
    """Be the process that asked: its files, folder, environment and arguments; run its module and end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for file, taken in enumerate(files):
        os.dup2(taken, file)
        os.close(taken)
    os.environ.update(request.environment)
    os.chdir(request.folder)
    # Our own code comes from the caller's folder, which need not be the keeper's.
    sys.path[0] = request.folder
    for name in [name for name in sys.modules if name.partition(".")[0] in ("qup", "stages")]:
        del sys.modules[name]
    sys.argv[1:] = request.arguments
    from qup import workers

    # It has computed nothing yet, and processes that are spawned would load it all again.
    workers.START = "fork"
    code = run(request.module)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    # An interpreter's own end lets go of every library, object by object, which takes a second.
    os._exit(code)


def run(module: str) -> int:
    """Run a module as `python -m` does: its exit code."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        print(left.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run_elsewhere() -> int | None:
    """Let the keeper that this process was told of run its module instead: the exit code, None where it does not."""
    place, spec = os.environ.pop(PLACE, None), sys.modules["__main__"].__spec__
    if place is None or spec is None:
        return None
    request = Request(spec.name, str(Path.cwd()), sys.argv[1:], dict(os.environ))
    code = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection, contextlib.suppress(OSError):
        connection.connect(place)
        socket.send_fds(connection, [json.dumps(dataclasses.asdict(request)).encode()], [0, 1, 2])
        if connection.recv(LONGEST) == TAKEN:
            code = b"1"
            code = connection.recv(LONGEST) or code
    return ended(int(code)) if code else None


def ended(code: int) -> int:
    """The exit code of a stage that ended so; if a signal ended it, this process is ended by the same."""
    if code < 0:
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main())
