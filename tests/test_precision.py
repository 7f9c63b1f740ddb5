"""What training does to weights as people have them: float32 where they move, tied or with rows to spare; they load."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qup.backends import Sampling
from qup.backends.hf import Backend
from qup.records import Problem
from qup.training import Budget, TrainingSettings, trainer
from qup.training.examples import Example, examples
from qup.training.trainer import Cell, tokenizer, train

PROBLEMS = [Problem(f"p{i}", f"What is {i} + 1?", "2", "toy") for i in range(4)]
PAIRS = [(problem, f"so\nit is \\boxed{{{i % 3 + 1}}}") for i, problem in enumerate(PROBLEMS)]
CELL = Cell("sft", 1, 1)


def settings(**others: Any) -> TrainingSettings:
    given: dict[str, Any] = {"budget": Budget(epochs=3), "batch": 4, "rank": 4, "learning_rate": 1e-5}
    return TrainingSettings(**{**given, **others})


@pytest.fixture(scope="module")
def traces(learner: Path) -> list[Example]:
    return examples(tokenizer(learner), PAIRS, "boxed", 512)


def tensors(file: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(file))


@pytest.fixture
def weights_of(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The weights that training moves, as they are before the first step and after the last."""
    seen: list[list[Any]] = []
    asked = trainer._trained_parameters

    def noted(model: Any) -> list[Any]:
        seen.append(asked(model))
        return seen[-1]

    monkeypatch.setattr(trainer, "_trained_parameters", noted)
    return seen


def moved(before: list[Any], after: list[Any]) -> float:
    """Share of the weights that are others than before."""
    changed = sum(int((a != b).sum()) for a, b in zip(before, after, strict=True))
    return changed / sum(a.numel() for a in before)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_at_a_small_rate_full_fine_tuning_moves_nearly_every_weight(
    learner: Path, traces: list[Example], tmp_path: Path, weights_of: list[list[Any]], dtype: str
) -> None:
    import torch

    train(learner, traces, settings(method="full", dtype=dtype), CELL, tmp_path / "sft-1")
    before, after = weights_of
    assert {weight.dtype for weight in after} == {torch.float32}
    # In bfloat16, whose steps near 0.02 are 1e-4, hardly any of them would.
    assert moved(before, after) > 0.95
    assert moved([w.bfloat16() for w in before], [w.bfloat16() for w in after]) < 0.5


def test_what_was_trained_in_float32_is_saved_in_the_studys_dtype(
    learner: Path, traces: list[Example], tmp_path: Path, weights_of: list[list[Any]]
) -> None:
    import torch

    train(learner, traces, settings(method="full", learning_rate=1e-2), CELL, tmp_path / "sft-1")
    saved = tensors(tmp_path / "sft-1/model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "sft-1/config.json").read_text())["dtype"] == "bfloat16"
    # The very weights that moved, rounded once.
    rounded = {weight.bfloat16().flatten().view(torch.int16).numpy().tobytes() for weight in weights_of[1]}
    assert {tensor.flatten().view(torch.int16).numpy().tobytes() for tensor in saved.values()} == rounded


def test_the_learner_that_is_probed_computes_as_the_one_that_is_trained(
    learner: Path, traces: list[Example], tmp_path: Path
) -> None:
    for dtype, folder in (("bfloat16", "a"), ("float32", "b")):
        curve, _ = train(learner, traces, settings(method="full", dtype=dtype), CELL, tmp_path / folder)
        assert curve[0].loss == pytest.approx(4.6, abs=0.3)


def test_an_adapter_on_a_bfloat16_base_is_float32(learner: Path, traces: list[Example], tmp_path: Path) -> None:
    import torch

    train(learner, traces, settings(method="lora", dtype="bfloat16"), CELL, tmp_path / "sft-1")
    saved = tensors(tmp_path / "sft-1/adapter_model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
    # From zero, in each of three steps of about 1e-5 a weight.
    up = [tensor for name, tensor in saved.items() if "lora_B" in name]
    assert moved([torch.zeros_like(tensor) for tensor in up], up) > 0.95


# --- learners as people have them


@pytest.fixture(scope="module")
def of_kind(learner: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The learner with more rows than its tokenizer has tokens, in float16, untied, or with settings for generation."""

    def folder(kind: str) -> Path:
        import torch
        from transformers import AutoModelForCausalLM

        made = tmp_path_factory.mktemp("kind") / "learner"
        model = AutoModelForCausalLM.from_pretrained(learner)
        if kind == "rows":
            model.resize_token_embeddings(len(tokenizer(learner)) + 23)
        if kind == "untied":
            model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
            model.config.tie_word_embeddings = False
        model.to(torch.float16 if kind == "float16" else torch.float32).save_pretrained(made)
        tokenizer(learner).save_pretrained(made)
        if kind == "generation":
            file = made / "generation_config.json"
            # As chat models have it: `do_sample` is left out, and the rest then means nothing.
            file.write_text(json.dumps(json.loads(file.read_text()) | {"temperature": 0.6, "top_p": 0.9}))
        return made

    return folder


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("kind", ["tied", "untied", "rows", "float16", "generation"])
def test_learners_as_people_have_them_are_trained_and_answer(
    of_kind: Callable[[str], Path], traces: list[Example], tmp_path: Path, kind: str, method: str
) -> None:
    learner, out = of_kind(kind), tmp_path / "sft-1"
    _, account = train(learner, traces, settings(method=method, learning_rate=1e-2), CELL, out)
    assert account.distance > 0
    asked, item = [[{"role": "user", "content": "What is 1 + 1?"}]], ["p#0"]
    runner = Backend(learner, "bfloat16", batch=1, max_length=128)
    bare, trained = (runner.generate(asked, Sampling(1.0, 12, 1), item, weights) for weights in (None, out))
    assert bare != trained
    assert ("lm_head.weight" in tensors(learner / "model.safetensors")) == (kind == "untied")
    if method == "full":
        assert ("lm_head.weight" in tensors(out / "model.safetensors")) == (kind == "untied")


# --- adapters


@pytest.mark.parametrize("absolute", [False, True])
def test_an_adapter_loads_by_itself_in_the_repositorys_root(
    learner: Path, traces: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool
) -> None:
    import shutil

    import torch
    from peft import AutoPeftModelForCausalLM, PeftModel
    from transformers import AutoModelForCausalLM

    monkeypatch.chdir(tmp_path)
    base, out = Path("models/toy/base/learner"), Path("models/toy/trained/home/restyled/sft-1")
    shutil.copytree(learner, base)
    train(base.absolute() if absolute else base, traces, settings(learning_rate=1e-2), CELL, out)
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == base.as_posix()
    assert not any(str(tmp_path).encode() in file.read_bytes() for file in out.iterdir())
    ids = torch.tensor([traces[0].input_ids])
    bare = AutoModelForCausalLM.from_pretrained(base)
    loaded = AutoPeftModelForCausalLM.from_pretrained(out)
    with torch.no_grad():
        without = bare(ids).logits
        assert loaded(ids).logits.equal(PeftModel.from_pretrained(bare, out).eval()(ids).logits)
        assert not loaded(ids).logits.equal(without)
