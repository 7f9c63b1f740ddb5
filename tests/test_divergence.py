"""Training that diverges: stopped at the step, said in one line, and never a number in a record."""

from pathlib import Path
from typing import Any

import pytest

from qup.errors import SettingsError
from qup.models.random import Model
from qup.records import Problem, Refined, Verdict
from qup.training import Budget, Start, TrainingSettings, fine_tune
from qup.training import trainer as trained

PROBLEMS = [Problem(f"p{i}", f"What is {i} + 1?", "2", "toy", replicate=1) for i in range(4)]
STREAM = [Refined(p.id, 1, "solved", f"so {p.id} 2", "kept", 0, 0, 0, Verdict.CORRECT) for p in PROBLEMS]


def fine_tuned(tmp_path: Path, **settings: Any) -> Any:
    Model(architecture="llama", seed=1, hidden=32, layers=2).obtain(tmp_path / "learner", tmp_path)
    chosen = TrainingSettings(
        budget=Budget(epochs=2), objectives=("sft",), batch=2, rank=4, learning_rate=1e-2, dtype="float32", **settings
    )
    start = Start(tmp_path / "learner", "boxed", 1, PROBLEMS, [])
    return fine_tune(start, STREAM, chosen, tmp_path / "out", None, arm="home/restyled")


def overflow(monkeypatch: pytest.MonkeyPatch, *, after_step: int) -> None:
    """Let the weights overflow once so many steps are done, as those of too high a learning rate do."""
    import torch
    from transformers import TrainerCallback

    class Overflow(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
            if state.global_step == after_step:
                with torch.no_grad():
                    next(p for p in model.parameters() if p.requires_grad).fill_(float("inf"))

    # Another's callback, which comes before it in the trainer's list.
    watch = trained._watch

    def watched(*args: Any) -> Any:
        watcher = watch(*args)
        watcher.on_step_end = Overflow().on_step_end
        return watcher

    monkeypatch.setattr(trained, "_watch", watched)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_loss_that_is_no_number_stops_the_run_at_its_step_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    overflow(monkeypatch, after_step=1)
    told = (
        r"^home/restyled: sft, replicate 1: training has diverged: loss is (nan|inf) at step 2: lower "
        r"training\.learning_rate, now 0\.01, or raise training\.warmup$"
    )
    with pytest.raises(SettingsError, match=told):
        fine_tuned(tmp_path, method=method)


def test_weights_that_overflow_at_the_last_step_are_no_learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two epochs of four traces, two a step.
    overflow(monkeypatch, after_step=4)
    with pytest.raises(SettingsError, match=r"diverged: distance moved is (nan|inf) at step 4: lower"):
        fine_tuned(tmp_path)


def test_a_run_that_learns_has_its_losses_in_the_record(tmp_path: Path) -> None:
    steps, _ = fine_tuned(tmp_path)
    assert len(steps) == 4
    assert all(step.loss > 0 for step in steps)
