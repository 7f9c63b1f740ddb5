"""Stages killed in the middle and run again: the bytes of an undisturbed run, and no process that lives on.

Only the stage's own process is killed, as the system does when memory runs out; what it started must end by itself.
"""

import contextlib
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import Tally
from test_lifeline import gone

from qup.settings import read_yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[1]
STAGES: dict[str, Any] = read_yaml(ROOT / "dvc.yaml")["stages"]
CELL = {"study": "tiny", "oracle": "learner", "refiner": "rejection_sampling"}
ORDER = ["prepare", "obtain", "sample", "native", "train-native", "evaluate-native", "further"]
"One stage of each kind, in an order in which each finds what it reads."
SIDE_BY_SIDE = {"train-native", "evaluate-native", "further"}
"Those that deal their work out to processes."


@dataclass(frozen=True)
class Place:
    """A folder in which stages run."""

    folder: Path

    def start(self, stage: str) -> subprocess.Popen[str]:
        """The stage's process, under way."""
        command = STAGES[stage]["cmd"].replace("${code}", "python -m stages")
        words = re.sub(r"\$\{item\.(\w+)\}", lambda match: CELL[match[1]], command).split()
        # Two processes, however many cores there are.
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "LOKY_MAX_CPU_COUNT": "2", "HF_HUB_OFFLINE": "1"}
        with (self.folder / "said.txt").open("a") as said:
            return subprocess.Popen(
                [sys.executable, *words[1:]], cwd=self.folder, env=environment, stdout=said, stderr=said, text=True
            )

    def finish(self, stage: str) -> float:
        """Run a stage to its end; the seconds of processors it took, which are the same on a busy machine."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert self.start(stage).wait() == 0, (self.folder / "said.txt").read_text()[-4000:]
        if stage == "native":
            # The further arms read the streams of all main ones.
            arms = self.folder / "data" / "tiny" / "arms"
            for refiner in ("oracle_refined", "oracle_synthesized", "restyled", "style_aligned"):
                shutil.copytree(arms / "learner" / "rejection_sampling", arms / "home" / refiner)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def hashes(self) -> dict[str, str]:
        """File to hash of all that the stages have written, what lies beside its place included."""
        files = [path for top in ("data", "models", "results") for path in (self.folder / top).rglob("*")]
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.is_file()
        }

    def interrupt(self, stage: str, seconds: float, number: int) -> tuple[int, int] | None:
        """Kill a stage after so many seconds of processors: its exit code, and how many processes it had started.

        None if it came to its end before: how long a stage takes depends on what else the machine does.
        """
        process, children = self.start(stage), list[psutil.Process]()
        while spent(process.pid) < seconds or len(children) < 2 * (stage in SIDE_BY_SIDE):
            if process.poll() is not None:
                return None
            time.sleep(0.02)
            with contextlib.suppress(psutil.NoSuchProcess):
                children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        code = process.wait(20)
        assert gone(children, 5) == [], f"{stage} left processes"
        return code, len(children)


def spent(pid: int) -> float:
    """The seconds of processors that a process and all that it started have taken."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        stage = psutil.Process(pid)
        for process in [stage, *stage.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])
    return total


def place(folder: Path) -> Place:
    """The smoke study made smaller, and nothing run yet."""
    study = (ROOT / "studies" / "smoke.yaml").read_text(encoding="utf-8")
    study = study.replace("sampling: {n: 6", "sampling: {n: 4")
    study = re.sub(r"arms:\n  unfiltered: .*\n", ARMS, study)
    study = re.sub(r"controls:\n(  .*\n)+", "controls: {}\n", study)
    (folder / "studies").mkdir()
    (folder / "studies" / "tiny.yaml").write_text(study, encoding="utf-8")
    shutil.copytree(ROOT / "data" / "problems", folder / "data" / "problems")
    return Place(folder)


def in_place(hashes: dict[str, str]) -> dict[str, str]:
    """Those of files that are not only on their way to their place."""
    return {path: md5 for path, md5 in hashes.items() if ".part" not in path}


ARMS = """arms:
  one: {oracle: home, refiner: unfiltered, training: {objectives: [sft]}}
  two: {oracle: home, refiner: rejection_sampling, training: {objectives: [sft]}}
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], dict[str, float]]]:
    """The hashes of a run that nobody disturbed, and the seconds that each stage took."""
    calm = place(tmp_path_factory.mktemp("calm"))
    took = {stage: calm.finish(stage) for stage in ORDER}
    yield calm.hashes(), took


def test_a_stage_killed_in_the_middle_and_run_again_writes_the_bytes_of_an_undisturbed_run(
    tmp_path: Path, undisturbed: tuple[dict[str, str], dict[str, float]], tally: Tally
) -> None:
    expected, took = undisturbed
    disturbed, kills = place(tmp_path), Counter[str]()
    for stage in ORDER:
        for share, number in [(0.7, signal.SIGKILL)] + [(0.8, signal.SIGTERM)] * (stage == "train-native"):
            # What came to its end is in its place, and is to stay there whole.
            for part in (1, 0.7, 0.5, 0.3):
                before = in_place(disturbed.hashes())
                # Or a second try would find its answers, and end at once.
                shutil.rmtree(tmp_path / ".qup" / "cells", ignore_errors=True)
                if killed := disturbed.interrupt(stage, part * share * took[stage], number):
                    break
            assert killed, f"{stage} ended before it was killed"
            code, children = killed
            kills[f"{stage} {signal.Signals(number).name}, {children} processes"] += 1
            assert code == (-number if number == signal.SIGKILL else 128 + number)
            assert children >= 2 * (stage in SIDE_BY_SIDE)
            after = disturbed.hashes()
            # What is in its place is as it was or, if the kill came late, all that it is to be; beside it only a kill
            # leaves something.
            assert before.items() <= in_place(after).items() <= (before | expected).items()
            assert number == signal.SIGKILL or [path for path in after if ".part" in path] == []
        disturbed.finish(stage)
        # What is written by now, each stage's own.
        assert disturbed.hashes().items() <= expected.items()
    assert disturbed.hashes() == expected
    time.sleep(5)
    assert disturbed.hashes() == expected
    tally("stages killed in the middle", kills)
