"""Training on several GPUs is training on one: which of them a run has shows in no byte. Here the GPUs are a list."""

from pathlib import Path

import pytest
from modelfolder import contents

from qup import training
from qup.lm import devices, workers
from qup.records import Finish, Problem, Refined, Trace, Verdict
from qup.training.settings import Budget, Probes, TrainingSettings

PROBLEMS = [Problem(f"p{i}", f"What is {i} + 1?", str(i + 1), "toy", replicate=1 + i % 2) for i in range(8)]
TRACES = [Trace(p.id, 0, f"it is \\boxed{{{p.answer}}}", 9, Finish.STOP, p.answer, Verdict.CORRECT) for p in PROBLEMS]
STREAM = [
    Refined(p.id, p.replicate or 1, "solved", f"so {p.answer}", "changed", 0, 1, 9, Verdict.CORRECT) for p in PROBLEMS
]


@pytest.mark.slow
def test_runs_spread_over_three_gpus_leave_the_bytes_of_one_process(
    learner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = Probes(count=2, traces=2, ends=4, divergence=2)
    asked = TrainingSettings(Budget(epochs=1), method="full", dtype="float32", batch=2, probes=probes, max_length=256)
    start = training.Start(learner, "boxed", 1, PROBLEMS, TRACES)
    done = {}
    for count in (0, 3):
        monkeypatch.setattr(devices, "visible", lambda count=count: [str(number) for number in range(count)])
        # As many threads in every process: how many share a sum shows in its last digits.
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        with workers.alone(1):
            told = training.fine_tune(start, STREAM, asked, tmp_path / str(count), threads=1 if count else None)
        done[count] = told, contents(tmp_path / str(count))
    # Two objectives, two replicates: more than there are GPUs.
    assert [(run.objective, run.replicate) for run in done[3][0][1]] == [("sft", 1), ("sft", 2), ("dft", 1), ("dft", 2)]
    assert done[0] == done[3]
