"""What `qup plan` says of the time a study takes, after a calibration of just now, against the time that was taken.

Where the whole study has run here its stages have left their times: all of them together are compared, and those of
sampling, training, evaluation and the further arms. Elsewhere the sample stage is run for it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
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
NONE = "(none)"
"A study without data: `planned-before` is what is said before anything has run."
CALIBRATE = "import sys; from bench.planning import calibrate; calibrate(*sys.argv[1:])"
GROUPS = {"run": "", "sample": "sample", "train": "train", "evaluate": "evaluate", "further": "further"}
"Name of a sum to what the stages in it start with."
UNSOLVED = "the learner solves none of"


def measure(given: Given) -> dict[str, list[float]]:
    """Planned and measured seconds: of what of a whole run has left its times, else of sampling."""
    found = _found(given)
    planned = {side: _planned(given, found, data) for side, data in (("planned", given.name), ("planned-before", NONE))}
    taken = runs.measured(given.root).get(given.name, {}) | runs.latest(given.root, given.name)
    if not set(planned["planned"]) <= set(taken):
        sampled = {"sample": statistics.mean(_sampled(given) for _ in range(given.repeats))}
        return _sums(["sample"], planned | {"measured": sampled})
    return _sums(list(planned["planned"]), planned | {"measured": taken})


def _sums(stages: Sequence[str], sides: Mapping[str, Mapping[str, float]]) -> dict[str, list[float]]:
    """Sums over the stages of each group that are among some, on each side."""
    sums = {}
    for name, start in GROUPS.items():
        own = [stage for stage in stages if stage.startswith(start)]
        sums |= {f"{name}-{side}": [sum(of[stage] for stage in own)] for side, of in sides.items() if own}
    return sums


def _planned(given: Given, found: calibration.Measured, data: str) -> dict[str, float]:
    """Stage to seconds, by a calibration and the records in a folder of the data."""
    folder, models = given.root / "data" / data, given.learner.folder.parent
    sizes, machine = shapes(given.study, models), named(MACHINE, 1)
    speed = calibration.speed_of(found, machine, sizes, own=True)
    seen = lengths.of_study(given.study, folder, models)
    estimator = Estimator(given.study, folder / "problems" / "evaluation", seen, sizes, machine, speed)
    stages = estimator.stages(list(given.study.main_arms([HOME]).values()))
    return {stage.name: speed.seconds(stage, given.study.threads).mid for stage in stages}


def _found(given: Given) -> calibration.Measured:
    """What a calibration finds just now; nothing of it is kept."""
    seen = lengths.of_study(given.study, given.root / "data" / given.name, given.learner.folder.parent)
    question, answer = round(seen.question.mid), round(seen.answer(given.study.sampling.max_tokens).mid)
    # A benchmark's process may start no others side by side, as stages do; a fresh one may.
    words = [str(given.file), str(given.learner.folder.parent), str(question), str(answer)]
    done = subprocess.run([sys.executable, "-c", CALIBRATE, *words], check=True, capture_output=True, text=True)
    found: calibration.Measured = json.loads(done.stdout.splitlines()[-1])
    return found


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
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        seconds = time.perf_counter() - begin
        # The stage ends in an error where the learner solves nothing, as an untrained one may: the work is the same.
        if done.returncode and UNSOLVED not in done.stderr:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return seconds
