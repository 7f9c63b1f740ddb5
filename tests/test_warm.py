"""A stage that starts warm is what a fresh process would be, and ends with whoever asked for it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stages import warm

ROOT = Path(__file__).resolve().parents[1]
PROBE = """
import os, sys, time
from pathlib import Path
loaded = [name for name in ("torch", "trl") if name in sys.modules]
from qup import workers
from qup.errors import SettingsError
from stages import cli

def heirs(jobs):
    return [(os.getpid(), "torch" in sys.modules) for _ in jobs]

def main(argv=None):
    own = Path(cli.__file__).parent == Path("stages").absolute()
    print(Path.cwd().name, os.environ["WORD"], sys.argv[1:], loaded, own)
    if "refuse" in sys.argv:
        raise SettingsError("refused")
    if "spread" in sys.argv:
        workers.cpu_count = lambda: 2
        found = workers.spread(heirs, [1, 2], 1)
        print([pid == os.getpid() for pid, _ in found], [had for _, had in found])
    if "die" in sys.argv:
        os.kill(os.getpid(), 9)
    if "wait" in sys.argv:
        Path("pid").write_text(str(os.getpid()))
        time.sleep(600)

if __name__ == "__main__":
    cli.run(main)
"""


@dataclass(frozen=True)
class Probe:
    """A stage in a folder that has its own `stages`, with a keeper or without."""

    folder: Path
    place: str | None

    def start(self, *words: str) -> subprocess.Popen[str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "WORD": "hello"}
        env |= {} if self.place is None else {warm.PLACE: self.place}
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "stages.probe", *words]
        return subprocess.Popen(command, cwd=self.folder, env=env, stdout=pipe, stderr=pipe, text=True)

    def run(self, *words: str) -> tuple[str, str, int]:
        process = self.start(*words)
        out, err = process.communicate()
        return out, err, process.returncode


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """One keeper for all tests: it takes seconds to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        with warm.keeper() as found:
            yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stages").mkdir()
    for name in ("__init__", "cli", "warm"):
        (tmp_path / "stages" / f"{name}.py").symlink_to(ROOT / "stages" / f"{name}.py")
    (tmp_path / "stages" / "probe.py").write_text(PROBE)
    return tmp_path


def test_a_warm_stage_has_its_callers_folder_code_environment_and_arguments_and_the_libraries(
    folder: Path, place: str
) -> None:
    out, err, code = Probe(folder, place).run("one", "two words")
    assert out == f"{folder.name} hello ['one', 'two words'] ['torch', 'trl'] True\n"
    assert (err, code) == ("", 0)


def test_its_processes_have_the_libraries_too(folder: Path, place: str) -> None:
    out, _, code = Probe(folder, place).run("spread")
    assert (out.splitlines()[1:], code) == (["[False, False] [True, True]"], 0)


def test_a_users_error_is_the_same_line_and_exit_code_as_in_a_fresh_process(folder: Path, place: str) -> None:
    _, err, code = Probe(folder, place).run("refuse")
    assert (err, code) == ("qup: refused\n", 2)
    assert Probe(folder, None).run("refuse")[1:] == (err, code)


def test_without_a_keeper_that_answers_a_stage_runs_by_itself(folder: Path) -> None:
    out, _, code = Probe(folder, str(folder / "nobody")).run("one")
    assert (out, code) == (f"{folder.name} hello ['one'] [] True\n", 0)


def test_a_stage_that_a_signal_ends_looks_so_to_its_caller(folder: Path, place: str) -> None:
    assert Probe(folder, place).run("die")[2] == -signal.SIGKILL


def test_a_keeper_that_dies_before_it_takes_a_stage_leaves_it_to_its_caller(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(folder / "keeper"))
        listener.listen()
        process = Probe(folder, str(folder / "keeper")).start("one")
        listener.accept()[0].close()
    assert process.communicate()[0] == f"{folder.name} hello ['one'] [] True\n"
    assert process.returncode == 0


def test_a_keeper_ends_with_the_process_that_started_it() -> None:
    start = ["import time; from stages import warm", "with warm.keeper() as place:"]
    start += [" print(place, flush=True)", " time.sleep(600)"]
    process = subprocess.Popen([sys.executable, "-c", "\n".join(start)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    place = process.stdout.readline().strip()
    process.kill()
    process.communicate()
    until(lambda: not answers(place))


def test_a_stage_ends_with_the_process_that_asked_for_it(folder: Path, place: str) -> None:
    process = Probe(folder, place).start("wait")
    until(lambda: (folder / "pid").is_file() and bool((folder / "pid").read_text()))
    stage = int((folder / "pid").read_text())
    assert alive(stage)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: not alive(stage))


def test_a_command_has_a_keeper_while_it_runs_and_its_own_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    shown = f"import os, sys; print(os.path.exists(os.environ['{warm.PLACE}'])); sys.exit(3)"
    assert warm.main([sys.executable, "-c", shown]) == 3
    assert capfd.readouterr().out == "True\n"


@pytest.mark.parametrize(("argv", "said"), [([], "a command is required"), (["no-such-command"], "No such file")])
def test_a_call_without_a_command_that_is_there_says_so(
    argv: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        warm.main(argv)
    assert stop.value.code == 2
    assert said in capfd.readouterr().err


def answers(place: str) -> bool:
    """Whether somebody listens at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        return connection.connect_ex(place) == 0


def alive(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
