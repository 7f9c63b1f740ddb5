"""On a GPU: the same answers, scores and curves as on CPU to rounding, weights that move, memory that comes back.

`pytest -m gpu` on a machine with CUDA; elsewhere each test is skipped and says why. No number depends on the card.
"""

import gc
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from qup import compat, evals, rewards, settings, training
from qup.backends import BackendSettings, Sampling
from qup.backends._noise import GumbelNoise
from qup.backends.hf import Backend
from qup.evals.settings import EvaluationSettings
from qup.learner import Learner
from qup.lm import devices, workers
from qup.records import Finish, Problem, Refined, Trace, Verdict
from qup.sampling import SamplingSettings, sample
from qup.training.settings import Budget, Probes, TrainingSettings

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU: nothing to test CUDA on"),
]

Result = TypeVar("Result")
PROBLEMS = [Problem(f"p{i}", f"What is {i} + 1?", str(i + 1), "toy", replicate=1 + i % 2) for i in range(12)]
TEXTS = [f"{i} and one more\nmake \\boxed{{{i % 3 + 1}}}" for i in range(12)]
TRACES = [Trace(p.id, 0, text, 9, Finish.STOP, "1", Verdict.CORRECT) for p, text in zip(PROBLEMS, TEXTS, strict=True)]
STREAM = [
    Refined(p.id, p.replicate or 1, "solved", f"{text}, which is right", "changed", 0, 1, 9, Verdict.CORRECT)
    for p, text in zip(PROBLEMS, TEXTS, strict=True)
]
SHORT = {"batch": 4, "rank": 4, "learning_rate": 1e-3, "probes": Probes(count=2, traces=2, ends=4, divergence=4)}


def on_cpu(work: Callable[..., Result], *given: Any) -> Result:
    """`work(*given)` in a process that has never seen a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(devices.VISIBLE, "")
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return pool.submit(work, *given).result()


def opened(folder: Path, dtype: str = "float32") -> Backend:
    return Backend(folder, dtype, batch=8, max_length=256)


def learner_of(folder: Path) -> Learner:
    return Learner(folder, "boxed", BackendSettings("hf", "float32", 8, 8, 256))


def scored(folder: Path, dtype: str = "float32") -> list[Any]:
    runner = opened(folder, dtype)
    pairs = [runner.encode([{"role": "user", "content": p.question}], t) for p, t in zip(PROBLEMS, TEXTS, strict=True)]
    return runner.score(pairs)


def generated(folder: Path, temperature: float, problems: Sequence[Problem] = PROBLEMS) -> list[tuple[str, int]]:
    chats = [[{"role": "user", "content": problem.question}] for problem in problems]
    sampling = Sampling(temperature, max_tokens=24, seed=5)
    done = opened(folder).generate(chats, sampling, [problem.id for problem in problems])
    return [(each.text, each.tokens) for each in done]


def gradients(folder: Path) -> list[list[float]]:
    runner = opened(folder)
    pair = runner.encode([{"role": "user", "content": "What is 1 + 1?"}], "it is \\boxed{2}")
    return runner.gradients([pair], 16)


def trained(folder: Path, out: Path, others: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    start = training.Start(folder, "boxed", 1, PROBLEMS, TRACES)
    given = TrainingSettings(**({"budget": Budget(epochs=2), "max_length": 256} | SHORT | others))
    return training.fine_tune(start, STREAM, given, out, threads=None)


def measured(folder: Path) -> list[Any]:
    metrics = [settings.load("compat", name)() for name in settings.names("compat")]
    return compat.measure(learner_of(folder), metrics, PROBLEMS, TRACES, STREAM)


def close(ours: Sequence[float], theirs: Sequence[float], **tolerance: float) -> None:
    assert list(ours) == pytest.approx(list(theirs), **{"rel": 1e-3, "abs": 1e-4} | tolerance)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {k: v for file in sorted(folder.rglob("*.safetensors")) for k, v in load_file(file).items()}


def test_the_model_is_on_the_gpu(learner: Path) -> None:
    assert opened(learner).model.device.type == "cuda"


def test_scores_are_those_of_a_cpu_to_rounding(learner: Path) -> None:
    ours, theirs = scored(learner), on_cpu(scored, learner)
    for here, there in zip(ours, theirs, strict=True):
        assert here.token_ids == there.token_ids
        close(here.logprob, there.logprob)
        close(here.entropy, there.entropy)
        close(here.variance, there.variance)
        # Where two tokens are as likely to the last digit, either may be the first.
        assert sum(a != b for a, b in zip(here.rank, there.rank, strict=True)) <= 0.05 * len(here.rank)


def test_scores_in_bfloat16_are_near_those_in_float32(learner: Path) -> None:
    for rough, fine in zip(scored(learner, "bfloat16"), scored(learner), strict=True):
        close(rough.logprob, fine.logprob, rel=0.02, abs=0.05)


def test_greedy_answers_are_those_of_a_cpu(learner: Path) -> None:
    # Rounding turns a token now and then, and all after it.
    ours, theirs = generated(learner, 0.0), on_cpu(generated, learner, 0.0)
    assert sum(a == b for a, b in zip(ours, theirs, strict=True)) >= 10


def test_a_draw_belongs_to_the_item_and_not_to_its_neighbours(learner: Path) -> None:
    every, few = generated(learner, 1.0), generated(learner, 1.0, PROBLEMS[5:8])
    assert sum(a == b for a, b in zip(every[5:8], few, strict=True)) >= 2
    assert len(set(every)) > 1


def test_draws_are_as_frequent_as_their_probability() -> None:
    count, logits = 4000, torch.tensor([0.0, 1.0, 2.0, -3.0], device="cuda")
    noise = GumbelNoise(Sampling(0.5, 1, seed=3), [str(i) for i in range(count)])
    drawn = noise(None, logits.repeat(count, 1)).argmax(-1)
    p = (logits / 0.5).softmax(-1)
    seen = torch.bincount(drawn, minlength=4) / count
    # Four standard errors.
    assert ((seen - p).abs() <= 4 * (p * (1 - p) / count).sqrt() + 1e-9).all()


def test_projected_gradients_are_those_of_a_cpu(learner: Path) -> None:
    close(gradients(learner)[0], on_cpu(gradients, learner)[0], rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_has_the_curve_that_a_cpu_gives(learner: Path, tmp_path: Path, method: str) -> None:
    others = {"method": method, "dtype": "float32", "objectives": ("sft",)}
    (ours, mine), (theirs, other) = (
        trained(learner, tmp_path / "gpu", others),
        on_cpu(trained, learner, tmp_path / "cpu", others),
    )
    close([step.loss for step in ours], [step.loss for step in theirs])
    close([run.native.after for run in mine], [run.native.after for run in other], rel=1e-2)
    close([run.distance for run in mine], [run.distance for run in other], rel=2e-2)


def test_bfloat16_training_moves_float32_weights(learner: Path, tmp_path: Path, monkeypatch: Any) -> None:
    from qup.training import trainer

    seen: list[list[Any]] = []
    asked = trainer._trained_parameters

    def noted(model: Any) -> list[Any]:
        assert model.device.type == "cuda"
        seen.append(asked(model))
        return seen[-1]

    monkeypatch.setattr(trainer, "_trained_parameters", noted)
    trained(learner, tmp_path, {"method": "full", "learning_rate": 1e-5, "objectives": ("sft",)})
    before, after = seen[:2]
    assert {weight.dtype for weight in after} == {torch.float32}
    changed = sum(int((a != b).sum()) for a, b in zip(before, after, strict=True)) / sum(a.numel() for a in before)
    # At this rate most would not move at all had they bfloat16's steps.
    assert changed > 0.9
    assert {each.dtype for each in weights(tmp_path / "sft-1").values()} == {torch.bfloat16}


def test_two_runs_and_two_draws_are_equal(learner: Path, tmp_path: Path) -> None:
    for method in ("full", "lora"):
        others = {"method": method, "dtype": "bfloat16"}
        first, second = (trained(learner, tmp_path / method / name, others) for name in "ab")
        assert first == second
        ours, theirs = (weights(tmp_path / method / name) for name in "ab")
        assert ours.keys() == theirs.keys()
        assert ours
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert generated(learner, 1.0) == generated(learner, 1.0)
    assert scored(learner) == scored(learner)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_learner_that_was_trained_here_is_evaluated_here(learner: Path, tmp_path: Path, method: str) -> None:
    _, runs = trained(learner, tmp_path, {"method": method, "objectives": ("sft",)})
    asked = EvaluationSettings(("heldout",), k=2, max_tokens=16).asked({"heldout": 4})
    paper = evals.Paper(asked, {"heldout": PROBLEMS[:4]}, seed=1)
    results = evals.evaluate(learner_of(learner), evals.examinees(runs, tmp_path), paper, threads=1)
    assert {(answer.objective, answer.replicate) for answer in results.answers} == {("sft", 1), ("sft", 2)}
    # Two learners, four problems, two draws and one greedy answer.
    assert len(results.answers) == 2 * 4 * 3


def test_the_metrics_of_a_stream_are_those_of_a_cpu(learner: Path) -> None:
    ours, theirs = measured(learner), on_cpu(measured, learner)
    for here, there in zip(ours, theirs, strict=True):
        assert here.values.keys() == there.values.keys()
        # What counts ranks or correlates them moves by whole steps.
        names = [name for name in here.values if not name.startswith(("rsr", "lark", "style_auc", "grace"))]
        close([here.values[name] for name in names], [there.values[name] for name in names], rel=1e-2, abs=1e-2)


def test_a_reward_model_scores_as_on_a_cpu(tiny: Callable[..., Path]) -> None:
    folder = tiny(architecture="deepseek", seed=3, hidden=32, layers=2, classes=1)
    ours, theirs = rewarded(folder.parent, folder.name), on_cpu(rewarded, folder.parent, folder.name)
    close(ours, theirs)


def rewarded(models: Path, name: str) -> list[float]:
    plug = settings.Plug("rewards").make({"reward": "sequence_classifier", "model": name, "dtype": "float32"})
    return [score.value or 0.0 for score in rewards.score({"rm": plug}, PROBLEMS, STREAM, models, TRACES)]


def test_one_gpu_is_given_to_one_process_whatever_the_cores(learner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "cores", lambda: 16)
    monkeypatch.setenv(devices.VISIBLE, devices.visible()[0])
    assert workers.spread(process, [1, 2, 3], 1) == [os.getpid()] * 3
    monkeypatch.setenv(devices.SHARED_BY, "2")
    shared = workers.spread(process, [1, 2, 3], 1)
    assert os.getpid() not in shared
    assert len(set(shared)) == 2


def process(jobs: Sequence[int]) -> list[int]:
    torch.zeros(1, device="cuda")
    return [os.getpid() for _ in jobs]


def test_two_processes_on_one_gpu_train_and_sample_as_one(
    learner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"method": "full", "dtype": "float32"}
    asked = SamplingSettings(n=2, max_tokens=24)
    alone = trained(learner, tmp_path / "one", others), sample(learner_of(learner), PROBLEMS, asked, 1, None)
    monkeypatch.setenv(devices.SHARED_BY, "2")
    shared = trained(learner, tmp_path / "two", others), sample(learner_of(learner), PROBLEMS, asked, 1, None)
    assert alone == shared
    ours, theirs = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_model_that_is_let_go_of_gives_its_memory_back(learner: Path, tmp_path: Path) -> None:
    def held() -> int:
        gc.collect()
        torch.cuda.empty_cache()
        return torch.cuda.memory_allocated()

    scored(learner)
    trained(learner, tmp_path / "a", {"objectives": ("sft",)})
    before = held()
    for turn in range(3):
        scored(learner)
        trained(learner, tmp_path / str(turn), {"objectives": ("sft",)})
    # What cuBLAS keeps for itself is there before.
    assert held() - before < 1e6
