"""KL between learner before and after training: arithmetic by hand, no step no divergence, and weights left alone."""

import contextlib
import dataclasses
import math
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from qup import records
from qup.records import Divergence, Problem, TrainRun
from qup.training import Budget, TrainingSettings
from qup.training import divergence as module
from qup.training.divergence import between, divergence
from qup.training.examples import Example, examples
from qup.training.probes import Heldout
from qup.training.settings import Probes
from qup.training.trainer import Cell, tokenizer, train

BEFORE = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.2, 0.3, 0.5]]
AFTER = [[0.25, 0.25, 0.5], [0.125, 0.125, 0.75], [0.2, 0.3, 0.5]]
"Three tokens of a vocabulary of three."
LN2, LN3 = math.log(2), math.log(3)
# KL(p || q) is the sum of p log(p / q), by token:
#   1: .5 log 2 + .25 log 1 + .25 log .5          = .25 log 2
#   2: .5 log 4 + .25 log 2 + .25 log(1/3)        = 1.25 log 2 - .25 log 3
#   3: the same distribution                      = 0
FORWARD = 1.5 * LN2 - 0.25 * LN3
#   1: .25 log .5 + .25 log 1 + .5 log 2          = .25 log 2
#   2: .125 log(1/4) + .125 log(1/2) + .75 log 3  = .75 log 3 - .375 log 2
#   3: 0
BACKWARD = 0.75 * LN3 - 0.125 * LN2


def logits(rows: list[list[float]], shift: float = 0.0) -> Any:
    """Of distributions, up to a constant that a softmax takes no notice of."""
    return torch.tensor(rows).log() + shift


def test_kl_of_three_tokens_over_three_words_both_ways_by_hand() -> None:
    assert between(logits(BEFORE), logits(AFTER)) == pytest.approx((FORWARD, BACKWARD), rel=1e-5)


def test_kl_has_a_direction() -> None:
    # The hand's two values differ by far more than the tolerance above, so that ways that were swapped would fail it.
    assert abs(FORWARD - BACKWARD) > 0.02
    assert between(logits(AFTER), logits(BEFORE)) == pytest.approx((BACKWARD, FORWARD), rel=1e-5)


def test_kl_does_not_depend_on_the_pieces_it_is_summed_in_nor_on_a_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    for chunk in (1, 4, 6, 100):
        monkeypatch.setattr(module, "CHUNK", chunk)
        assert between(logits(BEFORE, 7.0), logits(AFTER, -3.0)) == pytest.approx((FORWARD, BACKWARD), rel=1e-5)


class Adapted:
    """A model of an adapter that says `AFTER`, and `BEFORE` while it is switched off; the prompt's token is certain."""

    device, training, off = "cpu", True, False

    def eval(self) -> None:
        self.training = False

    def train(self, mode: bool) -> None:
        self.training = mode

    @contextlib.contextmanager
    def disable_adapter(self) -> Iterator[None]:
        self.off = True
        yield
        self.off = False

    def __call__(self, input_ids: Any, attention_mask: Any) -> Any:
        assert not self.training
        rows = BEFORE if self.off else AFTER
        # Of the prompt, one of two tokens, nothing may count: there the two learners part the most.
        prompt = [[0.98, 0.01, 0.01] if self.off else [0.01, 0.01, 0.98]]
        return types.SimpleNamespace(logits=logits(prompt + rows + rows[:1])[None].expand(len(input_ids), -1, -1))


def test_only_completion_tokens_count_and_the_adapter_off_is_the_learner_before() -> None:
    trace = Example([1, 2, 0, 1, 2], [-100, -100, 0, 1, 2], truncated=False)
    model = Adapted()
    found = divergence(model, [trace, trace], [])
    assert found == Divergence(6, pytest.approx(2 * FORWARD, rel=1e-5), pytest.approx(2 * BACKWARD, rel=1e-5))
    assert (model.training, model.off) == (True, False)


def test_nothing_held_out_is_no_divergence_and_no_number_is_no_zero() -> None:
    assert divergence(Adapted(), [], []) is None
    assert math.isnan(module._magnitude(math.nan))
    assert module._magnitude(-1e-9) == 0


# --- on a learner


@pytest.fixture(scope="module")
def traces(learner: Path) -> list[Example]:
    texts = ["two: \\boxed{2}", "a longer one, by far: \\boxed{3}", "\\boxed{1}", "it is \\boxed{2}"]
    problems = [Problem(f"p{i}", f"What is {i} + 1?", "2", "toy") for i in range(4)]
    return examples(tokenizer(learner), list(zip(problems, texts, strict=True)), "boxed", 512)


def ran(learner: Path, traces: list[Example], out: Path, count: int, **own: Any) -> TrainRun:
    heldout = Heldout(traces[2:], traces[2:], Probes(count=2, traces=1, ends=1, divergence=count))
    given: dict[str, Any] = {"batch": 1, "rank": 4, "learning_rate": 1e-2, "dtype": "float32"}
    settings = TrainingSettings(**{"budget": Budget(epochs=2), **given, **own})
    return train(learner, traces[:2], settings, Cell("sft", 1, 1), out, heldout)[1]


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_comparing_leaves_the_same_bytes_and_the_same_account(
    learner: Path, traces: list[Example], tmp_path: Path, method: str
) -> None:
    compared, plain = (ran(learner, traces, tmp_path / str(n) / "sft-1", n, method=method) for n in (2, 0))
    assert files(tmp_path / "2" / "sft-1") == files(tmp_path / "0" / "sft-1")
    assert compared.divergence
    assert plain == dataclasses.replace(compared, divergence=None)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_divergence_is_of_the_saved_learners_by_a_pass_of_each(
    learner: Path, traces: list[Example], tmp_path: Path, method: str
) -> None:
    found = ran(learner, traces, tmp_path / "sft-1", 2, method=method).divergence
    forward, backward = by_loading(learner, tmp_path / "sft-1", traces[2:], method)
    assert found
    assert found.tokens == sum(trace.trained for trace in traces[2:])
    assert (found.forward, found.backward) == pytest.approx((forward, backward), rel=1e-3)
    assert abs(forward - backward) > 1e-2 * forward


def by_loading(learner: Path, trained: Path, traces: list[Example], method: str) -> tuple[float, float]:
    """Both ways, of a learner loaded from each folder, in float64 by the definition, a trace and a token at a time."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    before, after = (AutoModelForCausalLM.from_pretrained(learner, dtype=torch.float32).eval() for _ in range(2))
    if method == "lora":
        after = PeftModel.from_pretrained(after, trained).eval()
    else:
        after = AutoModelForCausalLM.from_pretrained(trained, dtype=torch.float32).eval()
    sums = [0.0, 0.0]
    for trace in traces:
        with torch.no_grad():
            p, q = (
                m(input_ids=torch.tensor([trace.input_ids])).logits[0].double().softmax(-1) for m in (before, after)
            )
        for place in range(len(trace.labels) - 1):
            if trace.labels[place + 1] != -100:
                sums[0] += float((p[place] * (p[place] / q[place]).log()).sum())
                sums[1] += float((q[place] * (q[place] / p[place]).log()).sum())
    return sums[0], sums[1]


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_without_a_step_there_is_no_divergence(
    learner: Path, traces: list[Example], tmp_path: Path, method: str, dtype: Any
) -> None:
    # Steps of a rate that no weight feels; both learners go the same way, so that not even a last bit differs.
    found = ran(learner, traces, tmp_path / "sft-1", 2, method=method, dtype=dtype, learning_rate=1e-30).divergence
    assert found == Divergence(sum(trace.trained for trace in traces[2:]), 0.0, 0.0)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_learner_that_computes_in_bfloat16_diverges_about_as_far(
    learner: Path, traces: list[Example], tmp_path: Path, method: str
) -> None:
    fine, coarse = (
        ran(learner, traces, tmp_path / dtype / "sft-1", 2, method=method, dtype=dtype).divergence
        for dtype in ("float32", "bfloat16")
    )
    assert fine
    assert coarse
    assert coarse.forward == pytest.approx(fine.forward, rel=0.2)


def test_weights_point_to_the_trained_numbers_again_when_a_pass_fails(learner: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(learner, dtype=torch.float32)
    start = [torch.zeros_like(parameter) for parameter in model.parameters()]
    before = [parameter.data_ptr() for parameter in model.parameters()]
    with pytest.raises(RuntimeError, match="no memory"), module._untrained(model, start)():
        assert not any(parameter.any() for parameter in model.parameters())
        raise RuntimeError("no memory")
    assert [parameter.data_ptr() for parameter in model.parameters()] == before


# --- records


def test_runs_of_before_are_read_and_written_as_they_were(tmp_path: Path) -> None:
    old = TrainRun("sft", 1, 2, 0, 10, 2, "sft-1", 1.0, 1.0)
    records.write(tmp_path / "runs.jsonl", [old])
    assert "divergence" not in (tmp_path / "runs.jsonl").read_text(encoding="utf-8")
    new = dataclasses.replace(old, replicate=2, divergence=Divergence(10, 0.5, 0.25))
    records.write(tmp_path / "runs.jsonl", [old, new])
    assert records.read(tmp_path / "runs.jsonl", TrainRun) == [old, new]
