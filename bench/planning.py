"""What `qup plan` says of the time a study takes, after a calibration of just now, against the time that was taken.

Where the whole study has run here its stages have left their times: all of them together are compared, and those of
sampling, training, evaluation and the further arms. Elsewhere the sample stage is run for it.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench._given import Given
from qup import study
from qup.arms import HOME
from qup.plan import calibration, lengths, runs
from qup.plan.estimator import Estimator
from qup.plan.machine import named
from qup.plan.shapes import shapes

UNIT = "s"
MACHINE = "cpu"
CALIBRATE = "import sys; from bench.planning import calibrate; calibrate(*sys.argv[1:])"
GROUPS = {"run": "", "sample": "sample", "train": "train", "evaluate": "evaluate", "further": "further"}
"Name of a sum to what the stages in it start with."


def measure(given: Given) -> dict[str, list[float]]:
    """Planned and measured seconds: of sampling, and of what of a whole run has left its times."""
    estimator = _estimator(given)
    stages = estimator.stages(list(given.study.main_arms([HOME]).values()))
    planned = {stage.name: estimator.speed.seconds(stage, given.study.threads).mid for stage in stages}
    taken = runs.measured(given.root).get(given.name, {}) | runs.latest(given.root, given.name)
    if set(planned) <= set(taken):
        return _sums(planned, taken)
    return {"sample-planned": [planned["sample"]], "sample-measured": [_sampled(given) for _ in range(given.repeats)]}


def _sums(planned: Mapping[str, float], taken: Mapping[str, float]) -> dict[str, list[float]]:
    """Sums over the stages of each group."""
    sums = {}
    for name, start in GROUPS.items():
        own = [stage for stage in planned if stage.startswith(start)]
        sums[f"{name}-planned"] = [sum(planned[stage] for stage in own)]
        sums[f"{name}-measured"] = [sum(taken[stage] for stage in own)]
    return sums


def _estimator(given: Given) -> Estimator:
    """The study on this machine as a calibration has it now; nothing of it is kept."""
    data, models = given.root / "data" / given.name, given.learner.folder.parent
    seen, sizes, machine = lengths.of_study(given.study, data), shapes(given.study, models), named(MACHINE, 1)
    question, answer = round(seen.question.mid), round(seen.answer(given.study.sampling.max_tokens).mid)
    # A benchmark's process may start no others side by side, as stages do; a fresh one may.
    words = [str(given.file), str(models), str(question), str(answer)]
    done = subprocess.run([sys.executable, "-c", CALIBRATE, *words], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    speed = calibration.speed_of(found, machine, sizes, own=True)
    return Estimator(given.study, data / "problems" / "evaluation", seen, sizes, machine, speed)


def calibrate(file: str, models: str, question: str, answer: str) -> None:
    """Print what a calibration finds, as JSON."""
    print(json.dumps(calibration.measure(study.read(Path(file)), Path(models), int(question), int(answer))))


def _sampled(given: Given) -> float:
    """Seconds of the sample stage, from the start of its process to its end."""
    flags = {"study": given.file, "problems": given.root / "data" / given.name / "problems" / "train.jsonl"}
    flags |= {"models": given.learner.folder.parent}
    with tempfile.TemporaryDirectory() as folder:
        flags["out"] = Path(folder, "traces.jsonl")
        command = [sys.executable, "-m", "stages.sample", *(f"--{flag}={path}" for flag, path in flags.items())]
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - begin
