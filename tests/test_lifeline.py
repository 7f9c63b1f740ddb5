"""No process outlives the one that started it, killed or told to stop, idle or in the middle of arithmetic."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from checkout import hears_ctrl_c

ROOT = Path(__file__).resolve().parents[1]
HOLDER = """
import sys
from pathlib import Path
import endless
from qup.lm import workers
from stages import cli
workers.cores = lambda: 2
cli.GRACE = 5.0
jobs = [Path(sys.argv[2])] * 2
cli.run(lambda argv: print(workers.spread(getattr(endless, sys.argv[1]), jobs, 1)))
"""
"A stage whose two processes work without end."
pytestmark = pytest.mark.timeout(300)


def holder(work: str, folder: Path, *, deaf: bool = False) -> subprocess.Popen[bytes]:
    """The stage, once both of its processes have begun; `deaf` as under `nohup`. What it says is in said.txt."""
    begun = folder / "begun"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [*(["nohup"] if deaf else []), sys.executable, "-c", HOLDER, work, str(begun)]
    # No pipe, which those that live on would keep open. Its own group, or Ctrl-C in it would be one here.
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            preexec_fn=hears_ctrl_c,  # noqa: PLW1509
        )
    wait_for(lambda: (begun.is_dir() and len(list(begun.iterdir())) == 2) or process.poll() is not None)
    assert process.poll() is None, (folder / "said.txt").read_text()
    return process


def wait_for(true: object, seconds: float = 200) -> None:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.05)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; what died as an orphan may wait for its burial."""
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those of some processes that still run after so many seconds; they are ended then."""
    end = time.monotonic() + seconds
    while alive(processes) and time.monotonic() < end:
        time.sleep(0.05)
    left = alive(processes)
    for process in left:
        process.kill()
    return left


@pytest.mark.parametrize("work", ["sleep", "compute", "grade", "convert"])
def test_processes_of_a_killed_stage_die_with_it(tmp_path: Path, work: str) -> None:
    stage = holder(work, tmp_path)
    if work in {"grade", "convert"}:
        # Each has a child of its own, which takes a moment to be at it.
        wait_for(lambda: len(psutil.Process(stage.pid).children(recursive=True)) >= 4)
        time.sleep(1)
    children = psutil.Process(stage.pid).children(recursive=True)
    assert len(children) >= 2
    stage.kill()
    stage.wait()
    assert gone(children, 5) == []


def test_interpreters_are_started_in_one_place() -> None:
    """Or one that is started elsewhere would live on: pickled weights were converted by such a one."""
    files = [path for room in ("qup", "stages") for path in (ROOT / room).rglob("*.py")]
    starts = re.compile(r"sys\.executable|Popen\(")
    starters = {path.relative_to(ROOT).as_posix() for path in files if starts.search(path.read_text(encoding="utf-8"))}
    # `qup run` starts DVC, which is told what it is told, and ends as `dvc repro` does.
    assert starters == {"qup/lm/lifeline.py", "qup/running/__init__.py"}


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_stage_that_is_told_to_stop_says_so_and_ends_its_processes_first(tmp_path: Path, name: str) -> None:
    stage = holder("sleep", tmp_path)
    children = psutil.Process(stage.pid).children(recursive=True)
    number = getattr(signal, name)
    # Ctrl-C and the end of a terminal reach all of its processes.
    os.killpg(stage.pid, number) if name != "SIGTERM" else stage.terminate()
    stage.wait(60)
    said = (tmp_path / "said.txt").read_text()
    assert said.splitlines()[0] == f"qup: stopped by {name}: run the same command again"
    # Of a terminal's end nobody reads how multiprocessing's own helper takes it.
    assert "Traceback" not in said or name == "SIGHUP"
    assert stage.returncode == 128 + number
    assert gone(children, 1) == []


def test_a_stage_under_nohup_goes_on_when_the_terminal_ends(tmp_path: Path) -> None:
    stage = holder("sleep", tmp_path, deaf=True)
    children = psutil.Process(stage.pid).children(recursive=True)
    os.killpg(stage.pid, signal.SIGHUP)
    time.sleep(0.5)
    assert stage.poll() is None
    assert len(alive(children)) == len(children)
    stage.terminate()
    stage.wait(60)
    assert stage.returncode == 128 + signal.SIGTERM
    assert gone(children, 1) == []


@pytest.mark.parametrize("which", [0, 1])
def test_a_process_that_the_system_kills_is_one_line_and_its_neighbours_end(tmp_path: Path, which: int) -> None:
    stage = holder("sleep", tmp_path)
    children = psutil.Process(stage.pid).children(recursive=True)
    os.kill(sorted(int(begun.name) for begun in (tmp_path / "begun").iterdir())[which], signal.SIGKILL)
    stage.wait(60)
    said = (tmp_path / "said.txt").read_text()
    assert said.startswith("qup: a process of this stage was killed, mostly by the system for want of memory")
    assert len(said.splitlines()) == 1
    assert stage.returncode == 2
    assert gone(children, 1) == []
