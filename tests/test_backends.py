"""Sampling belongs to the item, adapters come off again, and both backends say the same about a token."""

import dataclasses
import importlib.util
import itertools
import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from awkward import edit

from qup.backends import Backend as AnyBackend
from qup.backends import BackendSettings, Completion, Sampling, open_backend
from qup.backends import hf as hf_module
from qup.backends.hf import Backend
from qup.errors import SettingsError
from qup.evals.cells import Cells
from qup.evals.model import harness_model
from qup.learner import Learner
from qup.prompts.learner import ask
from qup.records import Finish, Problem
from qup.settings import load, read
from qup.training import Budget, TrainingSettings
from qup.training.examples import examples
from qup.training.trainer import Cell, tokenizer, train

DRAWN = Sampling(1.0, 12, seed=3)
GREEDY = Sampling(0.0, 12, seed=3)
CHATS = [ask("boxed", f"What is {i} + {'1' * (3 * i + 1)}?") for i in range(5)]
IDS = [f"p{i}#0" for i in range(5)]


def opened(folder: Path, dtype: str = "float32") -> Backend:
    """A backend that cuts nothing here."""
    return Backend(folder, dtype, batch=8, max_length=512)


def peaked(folder: Path, out: Path) -> Path:
    """A copy with weights four times as large: random ones give nearly even odds, on which any two models agree."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    for name, weight in model.named_parameters():
        if weight.dim() == 2:
            weight.data.mul_(8 if "embed" in name else 4)
    model.save_pretrained(out)
    tokenizer(folder).save_pretrained(out)
    # As many checkpoints do; no backend may go by it.
    edit(out / "generation_config.json", {"repetition_penalty": 1.9, "top_k": 3, "min_p": 0.2})
    return out


def make_adapter(learner: Path, out: Path) -> Path:
    """A LoRA adapter for `learner` that changes what it says."""
    traces = examples(tokenizer(learner), [(Problem("p", "1 + 1?", "2", "toy"), "222")], "boxed", 512)
    settings = TrainingSettings(budget=Budget(epochs=10), batch=1, rank=4, learning_rate=3e-2, dtype="float32")
    train(learner, traces, settings, Cell("sft", 1, 1), out)
    return out


@pytest.fixture(scope="module")
def peaky(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return peaked(tiny(architecture="qwen2", seed=5, hidden=64, layers=2), tmp_path_factory.mktemp("peaky") / "learner")


@pytest.fixture(scope="module")
def adapter(peaky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_adapter(peaky, tmp_path_factory.mktemp("adapter") / "sft-1")


@pytest.fixture(scope="module")
def hf(peaky: Path) -> Backend:
    return opened(peaky)


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


@pytest.mark.parametrize("batch", [1, 5])
def test_an_answer_ends_before_the_first_text_that_stops_it(hf: Backend, batch: int) -> None:
    free = hf.generate(CHATS, DRAWN, IDS)
    stops = tuple({whole.text[4:6] for whole in free[:2]} | {free[0].text[2:4], "never said"})
    other = replace(hf, batch=batch)
    vars(other)["model"] = hf.model
    done = other.generate(CHATS, replace(DRAWN, stops=stops), IDS)
    for whole, cut in zip(free, done, strict=True):
        places = [whole.text.find(stop) for stop in stops if stop in whole.text]
        # The draw is the same; only where it ends is another.
        assert cut.token_ids == whole.token_ids[: cut.tokens]
        assert (cut.text, cut.finish) == (
            (whole.text[: min(places)], Finish.STOP) if places else (whole.text, whole.finish)
        )
    assert done[0].text == free[0].text[:2]
    assert done[0].tokens < free[0].tokens


def test_log_likelihoods_are_sums_of_what_scoring_says_of_each_token(hf: Backend, adapter: Path) -> None:
    pairs = [hf.encode(chat, "2 + 2 = 4") for chat in CHATS]
    expected = [(sum(stats.logprob), stats.rank == [1] * len(stats.token_ids)) for stats in hf.score(pairs)]
    found = hf.loglikelihoods(pairs)
    assert [logp for logp, _ in found] == pytest.approx([logp for logp, _ in expected], abs=1e-4)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
    assert hf.loglikelihoods(pairs, adapter) != found
    assert hf.loglikelihoods(pairs) == found


def test_answers_that_differ_in_their_last_token_are_rated_as_if_alone(hf: Backend) -> None:
    prompt = hf.encode(CHATS[0])[0]
    pairs = [(prompt, [7, token]) for token in (3, 4, 5)] + [([*prompt, 7], [3])]
    together, alone = hf.loglikelihoods(pairs), [hf.loglikelihoods([pair])[0] for pair in pairs]
    assert [logp for logp, _ in together] == pytest.approx([logp for logp, _ in alone], abs=1e-4)
    assert len({logp for logp, _ in together}) == 4


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
    noise = hf_module.GumbelNoise(Sampling(temperature, 1, 11, top_p), [f"p#{i}" for i in range(n)])
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
    backend = opened(peaky)
    kept = weights(backend)

    def failing(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Backend, "_generate", failing)
        backend.generate(CHATS, GREEDY, IDS, adapter)
    assert backend.model.state_dict().keys() == kept.keys()


def test_other_full_weights_are_used_for_one_call_only(hf: Backend, learner: Path, peaky: Path) -> None:
    before = hf.generate(CHATS, GREEDY, IDS)
    other = opened(learner).generate(CHATS, GREEDY, IDS)
    assert hf.generate(CHATS, GREEDY, IDS, learner) == other
    assert hf.generate(CHATS, GREEDY, IDS) == before


# --- the longest prompt plus completion


def room(backend: Backend, chat: list[dict[str, str]]) -> int:
    """Tokens that its prompt leaves for a completion."""
    return backend.max_length - len(backend.encode(chat)[0])


@pytest.fixture(scope="module")
def whole(hf: Backend) -> list[Completion]:
    """Each chat's draw, none of which ends by itself, with room for all twelve tokens."""
    done = hf.generate(CHATS, DRAWN, IDS)
    assert {(c.tokens, c.finish) for c in done} == {(12, Finish.LENGTH)}
    return done


def short(hf: Backend, max_length: int) -> Backend:
    """The same model with another `max_length`."""
    made = replace(hf, max_length=max_length)
    vars(made)["model"] = hf.model
    return made


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_completion_ends_where_its_own_prompt_leaves_no_more_room(
    hf: Backend, whole: list[Completion], batch: int
) -> None:
    # Prompts of the chats are 3 tokens apart: what leaves the longest 2 tokens leaves the others 5, 8, 11 and all 12.
    cramped = replace(short(hf, len(hf.encode(CHATS[-1])[0]) + 2), batch=batch)
    vars(cramped)["model"] = hf.model
    assert [room(cramped, chat) for chat in CHATS] == [14, 11, 8, 5, 2]
    done = cramped.generate(CHATS, DRAWN, IDS)
    assert [c.tokens for c in done] == [12, 11, 8, 5, 2]
    assert [c.token_ids for c in done] == [c.token_ids[:n] for c, n in zip(whole, [12, 11, 8, 5, 2], strict=True)]
    assert all(c.finish is Finish.LENGTH for c in done)
    assert [c.text for c in done] == [hf.tokenizer.decode(c.token_ids, skip_special_tokens=True) for c in done]


def test_nothing_changes_where_nothing_is_cut(hf: Backend, whole: list[Completion]) -> None:
    fitting = short(hf, len(hf.encode(CHATS[-1])[0]) + 12)
    assert [room(fitting, chat) for chat in CHATS] == [24, 21, 18, 15, 12]
    assert fitting.generate(CHATS, DRAWN, IDS) == whole


def test_a_completion_that_ends_with_its_last_free_token_was_not_cut(hf: Backend, whole: list[Completion]) -> None:
    # The second token of the first chat's draw is made to be the one that ends an answer.
    first, second = whole[0].token_ids[:2]
    assert second != first
    prompt = len(hf.encode(CHATS[0])[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hf.model.generation_config, "eos_token_id", second)
        (ended,) = short(hf, prompt + 2).generate(CHATS[:1], DRAWN, IDS[:1])
        (cut,) = short(hf, prompt + 1).generate(CHATS[:1], DRAWN, IDS[:1])
    assert (ended.tokens, ended.finish) == (2, Finish.STOP)
    assert (cut.tokens, cut.finish) == (1, Finish.LENGTH)


def test_no_chats_are_no_answers(hf: Backend) -> None:
    assert hf.generate([], DRAWN, []) == []


# --- which one


def test_a_study_names_its_backend_and_how_it_runs(tmp_path: Path) -> None:
    given = read(BackendSettings, {"name": "hf", "dtype": "float16", "batch": 3, "score_batch": 5, "max_length": 99})
    assert open_backend(given, tmp_path) == Backend(tmp_path, "float16", batch=3, max_length=99, score_batch=5)


@pytest.mark.parametrize(("installed", "name"), [(None, "hf"), ("spec", "vllm")])
def test_auto_is_vllm_where_it_is_installed_and_says_which(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    installed: str | None,
    name: str,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: installed)
    assert type(open_backend(BackendSettings(), tmp_path)).__module__ == f"qup.backends.{name}"
    assert capsys.readouterr().out.startswith(f"backend: {name}")


def test_a_backend_that_runs_no_folder_cannot_run_the_learner() -> None:
    with pytest.raises(SettingsError, match=r"^name: unknown backend 'openai': .*known: auto, hf, vllm$"):
        read(BackendSettings, {"name": "openai"})


@pytest.mark.parametrize("module", ["hf", "vllm"])
def test_the_defaults_of_running_a_model_stand_in_the_settings_alone(module: str) -> None:
    fields = {f.name: f for f in dataclasses.fields(load("backends", module))}
    for name in ("dtype", "batch", "max_length"):
        assert fields[name].default is dataclasses.MISSING


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
        reference = opened(peaky, "bfloat16")
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

    def test_both_backends_say_the_same_tokens_whatever_the_checkpoint_would_have_them_drawn_with(
        self, vllm: AnyBackend, peaky: Path
    ) -> None:
        reference = opened(peaky, "bfloat16")
        ours, theirs = (backend.generate(CHATS, GREEDY, IDS) for backend in (reference, vllm))
        pairs = list(zip(ours, theirs, strict=True))
        # At 16 bits a near tie may fall either way, and from there on the two go on differently.
        same = [sum(1 for _ in itertools.takewhile(bool, map(operator.eq, a.token_ids, b.token_ids))) for a, b in pairs]
        forks = [(c, a, n) for c, (a, b), n in zip(CHATS, pairs, same, strict=True) if n < min(a.tokens, b.tokens)]
        assert all(gap(reference, [c], [replace(a, token_ids=a.token_ids[: n + 1])])[-1] < 0.1 for c, a, n in forks)
        assert sum(same) > 3 * len(CHATS)
        # The penalty would have changed the text: some token stands there twice.
        assert any(len(set(a.token_ids[:n])) < n for (a, _), n in zip(pairs, same, strict=True))
        assert all(a.text == b.text for a, b in pairs if a.token_ids == b.token_ids)

    def test_an_answer_stops_at_every_end_that_the_checkpoint_names(self, vllm: Any) -> None:
        (whole,) = vllm.generate(CHATS[:1], GREEDY, IDS[:1])
        # Its second token is made to be one that ends an answer.
        first, second = whole.token_ids[:2]
        ends = (*vllm.chat.ends, second)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(vars(vllm), "chat", replace(vllm.chat, ends=ends))
            (ended,) = vllm.generate(CHATS[:1], GREEDY, IDS[:1])
        kept = [first] if first == second else [first, second]
        assert (ended.token_ids, ended.finish) == (kept, Finish.STOP)

    def test_both_backends_agree_on_log_likelihoods_with_an_adapter_and_without(
        self, vllm: Any, peaky: Path, adapter: Path
    ) -> None:
        reference = opened(peaky, "bfloat16")
        pairs = [reference.encode(chat, "2 + 2 = 4") for chat in CHATS]
        told = []
        for weights in (None, adapter):
            ours, theirs = (backend.loglikelihoods(pairs, weights) for backend in (reference, vllm))
            for (mine, _), (other, _), (_, given) in zip(ours, theirs, pairs, strict=True):
                assert other == pytest.approx(mine, abs=0.1 * len(given))
            told.append([logp for logp, _ in theirs])
        # By so much that none passes for the other.
        moved = [abs(bare - worn) / len(given) for bare, worn, (_, given) in zip(*told, pairs, strict=True)]
        assert min(moved) > 0.2
        # What it says greedily is rated as greedy.
        (said,) = vllm.generate(CHATS[:1], GREEDY, IDS[:1])
        own = [(vllm.encode(CHATS[0])[0], said.token_ids[:3])]
        assert [greedy for _, greedy in vllm.loglikelihoods(own)] == [True]
        assert [greedy for _, greedy in vllm.loglikelihoods([(own[0][0], [said.token_ids[0], 0])])] == [False]

    def test_a_log_likelihood_is_the_pairs_own_whatever_is_asked_beside_it(self, vllm: Any) -> None:
        """As choices of one question are: they share a prompt, which the engine keeps from one to the next."""
        prompt = vllm.encode(CHATS[3])[0]
        pairs = [(prompt, vllm.encode(CHATS[3], said)[1]) for said in ("4", "2 + 2", "5", "so \\boxed{2}")]
        together = [logp for logp, _ in vllm.loglikelihoods(pairs)]
        alone = [vllm.loglikelihoods([pair])[0][0] for pair in pairs]
        assert together == pytest.approx(alone, abs=0.1)
        assert [logp for logp, _ in vllm.loglikelihoods(pairs[::-1])] == pytest.approx(together[::-1], abs=0.1)
        assert len({round(logp) for logp in alone}) > 1

    def test_lm_evals_requests_get_the_reference_s_log_likelihoods_rolling_and_cut_contexts_too(
        self, vllm: Any, peaky: Path
    ) -> None:
        def model(runner: Any) -> Any:
            learner = Learner(peaky, "boxed", BackendSettings(name="hf", dtype="bfloat16", max_length=512))
            vars(learner)["runner"] = runner
            return harness_model(Cells(learner, None), None, 7)

        ours, theirs = model(vllm), model(opened(peaky, "bfloat16"))
        pairs = [("Question: 1 + 1?\nAnswer:", " 2"), ("", "no context"), ("x" * 600, "cut at its start")]
        texts = ("short", "a text in several windows " * 24)
        for asked, of in ((pairs, "loglikelihood"), ([(text,) for text in texts], "loglikelihood_rolling")):
            given = [SimpleNamespace(args=each) for each in asked]
            mine, other = (getattr(each, of)(given) for each in (ours, theirs))
            logps = [[each[0] if isinstance(each, tuple) else each for each in side] for side in (mine, other)]
            tokens = [len(ours.tok_encode(each[-1])) for each in asked]
            assert [a / n for a, n in zip(logps[0], tokens, strict=True)] == pytest.approx(
                [b / n for b, n in zip(logps[1], tokens, strict=True)], abs=0.1
            )
            assert min(logps[0]) < -1

    def test_both_backends_cut_an_answer_at_its_first_stop(self, vllm: Any) -> None:
        (whole,) = vllm.generate(CHATS[:1], GREEDY, IDS[:1])
        stops = (whole.text[6:8], whole.text[3:5])
        (cut,) = vllm.generate(CHATS[:1], replace(GREEDY, stops=stops), IDS[:1])
        place = min(whole.text.find(stop) for stop in stops)
        assert (cut.text, cut.finish) == (whole.text[:place], Finish.STOP)
        assert cut.tokens == len(cut.token_ids) < whole.tokens

    def test_a_prompt_without_room_is_left_out_as_in_the_reference(self, vllm: AnyBackend, peaky: Path) -> None:
        chats = [CHATS[0], ask("boxed", "1" * 600), CHATS[1]]
        ours = opened(peaky, "bfloat16").generate(chats, GREEDY, IDS[:3])
        theirs = vllm.generate(chats, GREEDY, IDS[:3])
        assert theirs[1] == ours[1] == Completion("", [], Finish.LENGTH, 0)
        assert theirs[0] == vllm.generate(CHATS[:1], GREEDY, IDS[:1])[0]
        assert vllm.generate(chats[1:2], GREEDY, IDS[:1]) == theirs[1:2]

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

    def test_a_completion_ends_where_its_own_prompt_leaves_no_more_room(self, vllm: AnyBackend) -> None:
        long = [ask("boxed", "1" * (300 + 5 * i)) for i in range(8)]
        done = vllm.generate(long, Sampling(1.0, 512, seed=1), [f"r{i}" for i in range(8)])
        # A draw may end by itself; else it fills the 512 tokens that the engine was given.
        cut = [(chat, c) for chat, c in zip(long, done, strict=True) if c.finish is Finish.LENGTH]
        assert cut
        assert all(c.tokens == 512 - len(vllm.encode(chat)[0]) for chat, c in cut)
