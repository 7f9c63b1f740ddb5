"""Sampling belongs to the item, adapters come off again, and both backends say the same about a token."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qup import training
from qup.backends import Backend as AnyBackend
from qup.backends import Completion, Sampling
from qup.backends import hf as hf_module
from qup.backends.hf import Backend
from qup.params import Budget, TrainingSettings
from qup.prompts.learner import ask
from qup.records import Finish, Problem, Refined, Verdict

DRAWN = Sampling(1.0, 12, seed=3)
GREEDY = Sampling(0.0, 12, seed=3)
CHATS = [ask("boxed", f"What is {i} + {'1' * (3 * i + 1)}?") for i in range(5)]
IDS = [f"p{i}#0" for i in range(5)]


def peaked(folder: Path, out: Path) -> Path:
    """A copy with weights four times as large: random ones give nearly even odds, on which any two models agree."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    for name, weight in model.named_parameters():
        if weight.dim() == 2:
            weight.data.mul_(8 if "embed" in name else 4)
    model.save_pretrained(out)
    training.tokenizer(folder).save_pretrained(out)
    return out


def make_adapter(learner: Path, out: Path) -> Path:
    """A LoRA adapter for `learner` that changes what it says."""
    problem, refined = (
        Problem("p", "1 + 1?", "2", "toy"),
        Refined("p", "solved", "222", "kept", 0, 0, 0, Verdict.CORRECT),
    )
    traces = training.examples(training.tokenizer(learner), [problem], [refined], "boxed", 512)
    settings = TrainingSettings(budget=Budget(epochs=10), batch=1, rank=4, learning_rate=3e-2, dtype="float32")
    training.train(learner, traces, settings, "sft", 1, out)
    return out


@pytest.fixture(scope="module")
def peaky(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return peaked(tiny(architecture="qwen2", seed=5, hidden=64, layers=2), tmp_path_factory.mktemp("peaky") / "learner")


@pytest.fixture(scope="module")
def adapter(peaky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_adapter(peaky, tmp_path_factory.mktemp("adapter") / "sft-1")


@pytest.fixture(scope="module")
def hf(peaky: Path) -> Backend:
    return Backend(peaky, "float32", batch=8)


@pytest.fixture(scope="module")
def alone(hf: Backend) -> list[Completion]:
    """Each chat's draw in a batch of its own."""
    return [hf.generate([chat], DRAWN, [name])[0] for chat, name in zip(CHATS, IDS, strict=True)]


# --- hf


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_item_says_the_same_in_any_batch_and_any_order(hf: Backend, alone: list[Completion], batch: int) -> None:
    other = replace(hf, batch=batch)
    vars(other)["model"] = hf.model
    assert other.generate(CHATS, DRAWN, IDS) == alone
    assert other.generate(CHATS[::-1], DRAWN, IDS[::-1]) == alone[::-1]


def test_another_id_or_another_seed_draws_anew(hf: Backend, alone: list[Completion]) -> None:
    repeats = hf.generate([CHATS[0]] * 4, DRAWN, [f"p0#{i}" for i in range(4)])
    assert repeats[0] == alone[0]
    assert len({c.text for c in repeats}) == 4
    assert hf.generate(CHATS[:1], replace(DRAWN, seed=4), IDS[:1]) != alone[:1]


def test_temperature_zero_is_the_models_own_greedy_decoding(hf: Backend) -> None:
    import torch

    done = hf.generate(CHATS, GREEDY, IDS)
    for chat, completion in zip(CHATS, done, strict=True):
        prompt = torch.tensor([hf.encode(chat)[0]])
        with torch.inference_mode():
            plain = hf.model.generate(
                prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=12
            )
        assert completion.token_ids == plain[0, prompt.shape[1] :].tolist()


def test_the_stop_reason_tells_an_ended_answer_from_a_cut_one(hf: Backend) -> None:
    eos = hf.tokenizer.eos_token_id
    ended = hf._completion([*hf.tokenizer.encode("ab"), eos, 0, 0], hf.model.generation_config)
    assert (ended.text, ended.finish, ended.tokens, ended.token_ids[-1]) == ("ab", Finish.STOP, 3, eos)
    cut = hf._completion(hf.tokenizer.encode("ab"), hf.model.generation_config)
    assert (cut.text, cut.finish, cut.tokens) == ("ab", Finish.LENGTH, 2)


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, [0.5, 0.25, 0.15, 0.1]),
        # Square roots 0.7071, 0.5, 0.3873, 0.3162, which sum to 1.9106.
        (2.0, 1.0, [0.3701, 0.2617, 0.2027, 0.1655]),
        # The first two are the fewest that hold 0.7 of the mass: 0.5 / 0.75 and 0.25 / 0.75.
        (1.0, 0.7, [0.6667, 0.3333, 0.0, 0.0]),
    ],
)
def test_gumbel_noise_makes_the_largest_logit_a_draw_from_the_distribution(
    temperature: float, top_p: float, expected: list[float]
) -> None:
    import torch

    n = 4000
    noise = hf_module._GumbelNoise(Sampling(temperature, 1, 11, top_p), [f"p#{i}" for i in range(n)])
    logits = torch.tensor([0.5, 0.25, 0.15, 0.1]).log().expand(n, 4)
    # The second token of each item must be as good a draw as the first.
    for _ in range(2):
        drawn = noise(torch.zeros(n, 1, dtype=torch.long), logits).argmax(-1).bincount(minlength=4) / n
        # Four standard errors: 4 sqrt(0.5 * 0.5 / 4000) = 0.032.
        assert drawn.tolist() == pytest.approx(expected, abs=0.032)
        assert all(count == 0 for count, p in zip(drawn.tolist(), expected, strict=True) if p == 0)


def weights(backend: Backend) -> dict[str, Any]:
    return {name: weight.clone() for name, weight in backend.model.state_dict().items()}


def test_an_adapter_changes_the_answers_and_leaves_the_base_as_it_was(hf: Backend, adapter: Path) -> None:
    import torch

    before, kept = hf.generate(CHATS, GREEDY, IDS), weights(hf)
    worn = hf.generate(CHATS, GREEDY, IDS, adapter)
    assert all(a.token_ids != b.token_ids for a, b in zip(before, worn, strict=True))
    assert hf.generate(CHATS, GREEDY, IDS) == before
    after = hf.model.state_dict()
    assert after.keys() == kept.keys()
    assert all(torch.equal(kept[name], after[name]) for name in kept)
    assert hf.generate(CHATS, GREEDY, IDS, adapter) == worn


def test_an_adapter_comes_off_even_when_generation_fails(
    peaky: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Backend(peaky, "float32")
    kept = weights(backend)

    def failing(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Backend, "_generate", failing)
        backend.generate(CHATS, GREEDY, IDS, adapter)
    assert backend.model.state_dict().keys() == kept.keys()


def test_other_full_weights_are_used_for_one_call_only(hf: Backend, learner: Path, peaky: Path) -> None:
    before = hf.generate(CHATS, GREEDY, IDS)
    other = Backend(learner, "float32").generate(CHATS, GREEDY, IDS)
    assert hf.generate(CHATS, GREEDY, IDS, learner) == other
    assert hf.generate(CHATS, GREEDY, IDS) == before


# --- vLLM


def gap(judge: Backend, chats: list[Any], said: list[Completion]) -> list[float]:
    """By how many nats each token of `said` is less likely than the likeliest, in `judge`'s eyes."""
    import torch

    out: list[float] = []
    for chat, completion in zip(chats, said, strict=True):
        prompt = judge.encode(chat)[0]
        with torch.inference_mode():
            logits = judge.model(torch.tensor([prompt + completion.token_ids])).logits[0, len(prompt) - 1 : -1]
        logp = logits.float().log_softmax(-1)
        taken = logp.gather(1, torch.tensor(completion.token_ids)[:, None])[:, 0]
        out += (logp.amax(-1) - taken).tolist()
    return out


@pytest.fixture(scope="module")
def vllm(peaky: Path) -> Iterator[AnyBackend]:
    """One bfloat16 engine for all tests: it takes half a minute to start."""
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM is not installed")
    from qup.backends.vllm import Backend as Vllm

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        yield Vllm(peaky, "bfloat16", batch=8, max_length=512)


needs_engine = [
    pytest.mark.slow,
    pytest.mark.models,
    # vLLM and what it imports warn at will.
    pytest.mark.filterwarnings("ignore"),
]


class TestVllm:
    pytestmark = needs_engine

    def test_both_backends_agree_on_the_log_probs_of_the_same_traces(self, vllm: AnyBackend, peaky: Path) -> None:
        reference = Backend(peaky, "bfloat16")
        pairs = [reference.encode(chat, "2 + 2 = 4\nso \\boxed{2}") for chat in CHATS]
        ours, theirs = reference.score(pairs), vllm.score(pairs)
        mine = [logp for stats in ours for logp in stats.logprob]
        other = [logp for stats in theirs for logp in stats.logprob]
        # The learner is sure of some tokens and surprised by others, or agreement would mean little.
        assert max(mine) - min(mine) > 3
        assert sum(abs(a - b) for a, b in zip(mine, other, strict=True)) / len(mine) < 0.05
        assert [stats.token_ids for stats in theirs] == [c for _, c in pairs]
        first = [stats.rank[0] for stats in ours if stats.rank]
        assert [stats.rank[0] for stats in theirs if stats.rank] == pytest.approx(first, abs=3)

    def test_an_adapter_says_what_it_says_in_the_reference_and_comes_off_again(
        self, vllm: AnyBackend, hf: Backend, adapter: Path
    ) -> None:
        bare = vllm.generate(CHATS, GREEDY, IDS)
        worn = vllm.generate(CHATS, GREEDY, IDS, adapter)
        again = vllm.generate(CHATS, GREEDY, IDS)
        assert again == bare
        assert [c.token_ids for c in worn] != [c.token_ids for c in bare]
        # At 16 bits a near tie may fall either way: each token is the reference's first choice or all but.
        with hf._wearing(adapter) as model:
            dressed = replace(hf)
            vars(dressed)["model"] = model
            gaps = gap(dressed, CHATS, worn)
            wrong = gap(dressed, CHATS, bare)
        assert max(gaps) < 0.25
        assert sum(wrong) / len(wrong) > 0.25
        assert max(gap(hf, CHATS, bare)) < 0.25

    def test_the_same_call_gives_the_same_traces_and_another_seed_others(self, vllm: AnyBackend) -> None:
        first = vllm.generate(CHATS, DRAWN, IDS)
        assert vllm.generate(CHATS, DRAWN, IDS) == first
        assert vllm.generate(CHATS, replace(DRAWN, seed=4), IDS) != first

    def test_the_stop_reason_is_length_only_when_cut(self, vllm: AnyBackend) -> None:
        for completion in vllm.generate(CHATS * 4, Sampling(1.0, 12, seed=1), [f"s{i}" for i in range(20)]):
            if completion.finish is Finish.LENGTH:
                assert completion.tokens == 12
            else:
                assert completion.token_ids[-1] == vllm.encode(CHATS[0], "")[1][-1]
