"""Run a command, such as `dvc repro`, whose stages start warm: forked off a process that has the libraries loaded.

Loading torch, transformers, TRL and lm-eval takes a stage 4 to 7 seconds, and a study has some 30 stages. The keeper
loads libraries only, none of our own code, and computes nothing, so what it forks off is what a fresh process would be.
Without it every stage runs all the same.

Example: `python -m stages.warm dvc exp run -S study=smoke`.
"""

import atexit
import contextlib
import dataclasses
import gc
import importlib
import json
import multiprocessing
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


@dataclass(frozen=True)
class Request:
    """What a stage would have been as a process of its own."""

    module: str
    folder: str
    arguments: list[str]
    environment: dict[str, str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command given, with a keeper beside it; its exit code."""
    command = list(sys.argv[1:] if argv is None else argv)
    if not command or command[0].startswith("-"):
        print(__doc__)
        return 0 if command in (["-h"], ["--help"]) else 2
    with keeper() as place:
        return subprocess.run(command, env={**os.environ, PLACE: place}, check=False).returncode


@contextlib.contextmanager
def keeper() -> Iterator[str]:
    """The socket of a keeper that lives as long as the context. Requests made while it still loads wait for it."""
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder, "keeper"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(place)
            listener.listen()
            start = f"from stages import warm; warm.keep({listener.fileno()})"
            process = subprocess.Popen([sys.executable, "-c", start], pass_fds=[listener.fileno()])
        try:
            yield place
        finally:
            process.terminate()
            process.wait()


def keep(listening: int) -> None:
    """Load the libraries, then fork off whatever is asked for, until terminated."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # Else collecting garbage would touch, and so copy, every page that a fork shares.
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(fileno=listening)
    while True:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            serve(connection)
        connection.close()


def serve(connection: socket.socket) -> None:
    """In a fork of the keeper: fork off the stage and say how it ended; end it if nobody waits for it any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, files, _, _ = socket.recv_fds(connection, LONGEST, 3)
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


def become(request: Request, files: Sequence[int]) -> None:
    """Be the process that asked: its files, folder, environment and arguments; run its module and end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for file, taken in enumerate(files):
        os.dup2(taken, file)
        os.close(taken)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    sys.path[0] = request.folder
    sys.argv[1:] = request.arguments
    # Its own processes are forked too: they would load it all again, and it has computed nothing yet.
    multiprocessing.set_start_method("fork")
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
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run_elsewhere() -> int | None:
    """Let the keeper that this process was told of run its module instead: the exit code, None without a keeper."""
    place, spec = os.environ.pop(PLACE, None), sys.modules["__main__"].__spec__
    if place is None or spec is None:
        return None
    request = Request(spec.name, str(Path.cwd()), sys.argv[1:], dict(os.environ))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        try:
            connection.connect(place)
        except OSError:
            return None
        socket.send_fds(connection, [json.dumps(dataclasses.asdict(request)).encode()], [0, 1, 2])
        code = b""
        with contextlib.suppress(OSError):
            code = connection.recv(LONGEST)
    if not code:
        print("qup: the process that ran this stage died; try again without stages.warm", file=sys.stderr)
    return int(code or 1)


if __name__ == "__main__":
    sys.exit(main())
