"""What training sees, how long it lasts, what it minimizes, and that it leaves the same bytes every time."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qup.settings
from qup.backends import BackendSettings
from qup.backends.hf import Backend
from qup.errors import SettingsError
from qup.learner import Learner
from qup.lm.chat import ChatFormat
from qup.prompts.learner import ask
from qup.records import Mask, Problem, Refined, Verdict, traces_of
from qup.training import Budget, TrainingSettings
from qup.training.examples import Example, examples, schedule, trainable
from qup.training.trainer import Cell, tokenizer, train

TEXTS = ["two: \\boxed{2}", "a longer one, by far: \\boxed{3}", "\\boxed{1}", "so\nso\n\\boxed{2}"]
PROBLEMS = [Problem(f"p{i}", f"What is {i} + 1?", "2", "toy", replicate=1 + i // 2) for i in range(len(TEXTS))]
PAIRS = list(zip(PROBLEMS, TEXTS, strict=True))
STREAM = [
    Refined(f"p{i}", 1 + i // 2, "solved", text, "kept", 0, 0, 0, Verdict.CORRECT) for i, text in enumerate(TEXTS)
]
"Two problems of each of two replicates."


def settings(**others: Any) -> TrainingSettings:
    given: dict[str, Any] = {"batch": 2, "rank": 4, "learning_rate": 1e-2, "dtype": "float32"}
    return TrainingSettings(**{"budget": Budget(epochs=1), **given, **others})


def rows(*trained: int) -> list[Example]:
    """Examples of one prompt token and as many trained ones as said."""
    return [Example([1] * (n + 1), [-100] + [1] * n, truncated=False) for n in trained]


# --- the schedule


def test_a_token_budget_ends_with_the_first_step_that_reaches_it() -> None:
    # Steps of 2 x 10 tokens: 20, 40, 60. A budget of 40 is reached by the second step, one of 41 by the third.
    assert len(schedule(rows(*[10] * 8), settings(budget=Budget(tokens=40)), seed=1)) == 2
    assert len(schedule(rows(*[10] * 8), settings(budget=Budget(tokens=41)), seed=1)) == 3
    assert len(schedule(rows(*[10] * 8), settings(budget=Budget(tokens=1)), seed=1)) == 1


def test_a_short_stream_is_repeated_until_the_token_budget_is_spent() -> None:
    # An epoch is 3 x 10 = 30 tokens; 100 tokens at 20 a step are 5 steps, which is 10 traces, 3 and a third epochs.
    plan = list(itertools.chain(*schedule(rows(10, 10, 10), settings(budget=Budget(tokens=100)), seed=1)))
    assert len(plan) == 10
    for epoch in (plan[0:3], plan[3:6], plan[6:9]):
        assert sorted(epoch) == [0, 1, 2]


def test_epochs_are_laid_end_to_end_and_only_the_last_step_may_be_short() -> None:
    # 1.5 epochs of 7 traces are 10.5, rounded to even 10: 3 + 3 + 3 + 1.
    plan = schedule(rows(*[5] * 7), settings(budget=Budget(epochs=1.5), batch=3), seed=1)
    assert [len(step) for step in plan] == [3, 3, 3, 1]
    seen = list(itertools.chain(*plan))
    assert sorted(seen[:7]) == list(range(7))
    assert len(set(seen[7:])) == 3


def test_each_epoch_and_each_seed_has_its_own_order_and_the_same_seed_the_same() -> None:
    traces, two = rows(*[5] * 16), settings(budget=Budget(epochs=2), batch=16)
    first, second = schedule(traces, two, seed=1)
    assert first != second
    assert schedule(traces, two, seed=1) == [first, second]
    assert schedule(traces, two, seed=2)[0] != first


def test_arms_of_different_length_spend_the_same_tokens_to_within_a_batch() -> None:
    budget = settings(budget=Budget(tokens=300))
    for traces in (rows(*[5] * 9), rows(*[40] * 9), rows(3, 80, 7, 21)):
        plan = schedule(traces, budget, seed=1)
        spent = [sum(traces[i].trained for i in step) for step in plan]
        assert sum(spent[:-1]) < 300 <= sum(spent)


def test_steps_grouped_by_length_hold_every_trace_once_and_little_padding() -> None:
    lengths = [5, 50] * 20
    plan = schedule(rows(*lengths), settings(batch=4, group_by_length=True), seed=1)
    assert sorted(itertools.chain(*plan)) == list(range(40))
    assert all(len({lengths[i] for i in step}) == 1 for step in plan)
    assert len({lengths[step[0]] for step in plan[:5]}) == 2, "short steps and long ones must not come in blocks"


def test_a_stream_with_nothing_to_train_on_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"widen streams\.scope or sample more problems"):
        trainable([])
    with pytest.raises(SettingsError, match=r"each of the 2 prompts fills 1 tokens.*raise training\.max_length"):
        trainable(rows(0, 0))


def test_a_small_share_of_an_epoch_is_at_least_one_step() -> None:
    assert schedule(rows(*[5] * 8), settings(budget=Budget(epochs=0.05)), seed=1)


# --- the examples


@pytest.fixture(scope="module")
def encoder(learner: Path) -> Any:
    return tokenizer(learner)


def test_the_prompt_carries_no_loss_and_the_completion_does_to_its_end_of_sequence(encoder: Any) -> None:
    (made,) = examples(encoder, PAIRS[:1], "boxed", 512)
    asked = made.labels.count(-100)
    assert made.labels[:asked] == [-100] * asked
    assert encoder.decode(made.labels[asked:]) == "two: \\boxed{2}<|im_end|>"
    assert encoder.decode(made.input_ids[:asked]).endswith("<|im_start|>assistant\n")
    assert "What is 0 + 1?" in encoder.decode(made.input_ids[:asked])
    # Five characters, the box as one token, end-of-sequence.
    assert (made.trained, made.truncated) == (7, False)


def test_a_trace_is_trained_on_as_it_was_scored(learner: Path, encoder: Any) -> None:
    (made,) = examples(encoder, PAIRS[1:2], "boxed", 512)
    scored = Learner(learner, "boxed", BackendSettings(dtype="float32"))
    prompt, completion = scored.encode(PROBLEMS[1].question, TEXTS[1])
    assert made.input_ids == prompt + completion
    assert made.labels == [-100] * len(prompt) + completion


def test_a_long_trace_is_cut_and_marked_and_one_that_just_fits_is_not(encoder: Any) -> None:
    (whole,) = examples(encoder, PAIRS[:1], "boxed", 512)
    length = len(whole.input_ids)
    (fits,) = examples(encoder, PAIRS[:1], "boxed", length)
    (cut,) = examples(encoder, PAIRS[:1], "boxed", length - 3)
    assert fits == whole
    assert cut == Example(whole.input_ids[:-3], whole.labels[:-3], truncated=True)
    assert cut.trained == 4


def test_a_problem_without_a_trace_gives_no_example(encoder: Any) -> None:
    none = Refined("p0", 1, "failed", None, "failed", 0, 2, 9, Verdict.WRONG)
    pairs = zip(*traces_of([none, *STREAM[1:]], PROBLEMS), strict=True)
    assert len(examples(encoder, list(pairs), "boxed", 512)) == 3


def test_masked_tokens_carry_no_loss_and_are_not_counted(encoder: Any) -> None:
    (whole,) = examples(encoder, PAIRS[:1], "boxed", 512)
    asked = whole.labels.count(-100)
    # `two: ` is characters 0 to 4, the box 5, end-of-sequence 6.
    (made,) = examples(encoder, PAIRS[:1], "boxed", 512, [Mask(7, [0, 4, 6])])
    assert made.input_ids == whole.input_ids
    assert [place for place, label in enumerate(made.labels[asked:]) if label == -100] == [0, 4, 6]
    assert [label for label in made.labels if label != -100] == [whole.labels[asked + place] for place in (1, 2, 3, 5)]
    assert made.trained == 4
    assert examples(encoder, PAIRS[:1], "boxed", 512, [Mask(7, [])]) == [whole]


def test_a_masked_trace_is_cut_as_any_other(encoder: Any) -> None:
    (whole,) = examples(encoder, PAIRS[:1], "boxed", 512)
    length = len(whole.input_ids)
    # Of seven completion tokens four are left, the first of which is masked.
    (cut,) = examples(encoder, PAIRS[:1], "boxed", length - 3, [Mask(7, [0, 6])])
    assert (cut.trained, cut.truncated, len(cut.input_ids)) == (3, True, length - 3)


@pytest.mark.parametrize("mask", [Mask(6, [0]), Mask(8, [0]), Mask(7, [7])])
def test_a_mask_of_other_tokens_is_refused_in_a_line(encoder: Any, mask: Mask) -> None:
    with pytest.raises(SettingsError, match=r"the trace of problem p0 has 7 tokens for this learner, its mask is of"):
        examples(encoder, PAIRS[:1], "boxed", 512, [mask])


def test_a_mask_ends_where_the_learners_positions_do(encoder: Any) -> None:
    form = ChatFormat(encoder)
    asked = len(form.encode(ask("boxed", PROBLEMS[0].question), "")[0])
    short = ChatFormat(encoder, positions=asked + 3)
    (made,) = examples(short, PAIRS[:1], "boxed", 512, [Mask(3, [1])])
    assert (made.trained, made.truncated) == (2, True)
    with pytest.raises(SettingsError, match="has 3 tokens for this learner, its mask is of 7"):
        examples(short, PAIRS[:1], "boxed", 512, [Mask(7, [1])])


def test_a_trace_that_is_masked_whole_is_left_out_and_counted_and_budgets_follow_the_mask(encoder: Any) -> None:
    masks = [Mask(7, list(range(7))), *[None] * 3]
    made = examples(encoder, PAIRS, "boxed", 512, masks)
    kept = trainable(made)
    assert kept == made[1:]
    plan = schedule(kept, settings(budget=Budget(epochs=1)), seed=1)
    assert sum(len(step) for step in plan) == 3
    with pytest.raises(SettingsError, match="the masks leave nothing of 1 traces to train on"):
        trainable(made[:1])


# --- the training itself


def test_the_loss_is_the_mean_over_the_tokens_that_are_not_masked(learner: Path, encoder: Any, tmp_path: Path) -> None:
    made = examples(encoder, PAIRS[:1], "boxed", 512, [Mask(7, [0, 4, 6])])
    scorer = Learner(learner, "boxed", BackendSettings(dtype="float32"))
    (stats,) = scorer.score([scorer.encode(PROBLEMS[0].question, TEXTS[0])])
    left = [stats.logprob[place] for place in (1, 2, 3, 5)]
    for objective, expected in (
        ("sft", -sum(left) / 4),
        ("dft", -sum(math.exp(logp) * logp for logp in left) / 4),
    ):
        curve, account = train(learner, made, settings(batch=1), Cell(objective, 7, 1), tmp_path / objective)
        assert curve[0].loss == pytest.approx(expected, rel=1e-4)
        assert account.tokens == 4


@pytest.fixture(scope="module")
def traces(encoder: Any) -> list[Example]:
    return examples(encoder, PAIRS, "boxed", 512)


Runs = Callable[..., tuple[Any, Any, Path]]


@pytest.fixture(scope="module")
def trained(learner: Path, traces: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Train the tiny learner as set and give curve, account and folder."""

    def run(objective: str, seed: int = 1, model: Path = learner, **others: Any) -> tuple[Any, Any, Path]:
        out = tmp_path_factory.mktemp("trained") / f"{objective}-{seed}"
        curve, account = train(model, traces, settings(**others), Cell(objective, 7, seed), out)
        return curve, account, out

    return run


def log_probs(learner: Path, traces: list[Example]) -> list[list[float]]:
    """Of each completion under the untrained learner."""
    pairs = []
    for trace in traces:
        asked = trace.labels.count(-100)
        pairs.append((trace.input_ids[:asked], trace.input_ids[asked:]))
    return [stats.logprob for stats in Backend(learner, "float32", batch=8, max_length=512).score(pairs)]


@pytest.mark.parametrize(
    ("objective", "loss"), [("sft", lambda logp: -logp), ("dft", lambda logp: -logp * math.exp(logp))]
)
def test_the_first_loss_is_the_mean_over_completion_tokens_alone(
    learner: Path, traces: list[Example], trained: Runs, objective: str, loss: Callable[[float], float]
) -> None:
    curve, _, _ = trained(objective)
    first = schedule(traces, settings(), seed=1)[0]
    known = log_probs(learner, traces)
    terms = [loss(logp) for i in first for logp in known[i]]
    assert curve[0].loss == pytest.approx(sum(terms) / len(terms), rel=1e-3)


@pytest.fixture(scope="module")
def clueless(learner: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learner to which all V tokens are equally likely: its last norm gives zeros, so all logits are 0."""
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("clueless") / "learner"
    model = AutoModelForCausalLM.from_pretrained(learner)
    model.model.norm.weight.data.zero_()
    model.save_pretrained(folder)
    tokenizer(learner).save_pretrained(folder)
    return folder


def test_of_a_learner_without_a_clue_sft_loses_log_v_a_token_and_dft_log_v_over_v(
    clueless: Path, encoder: Any, trained: Runs
) -> None:
    v = len(encoder)
    sft, _, _ = trained("sft", model=clueless)
    dft, _, _ = trained("dft", model=clueless)
    assert sft[0].loss == pytest.approx(math.log(v), rel=1e-3)
    assert dft[0].loss == pytest.approx(math.log(v) / v, rel=1e-2)


def test_the_weight_in_dft_passes_no_gradient(learner: Path, traces: list[Example], trained: Runs) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    curve, _, _ = trained("dft", method="full", batch=1, budget=Budget(tokens=1))
    assert len(curve) == 1
    example = traces[schedule(traces, settings(batch=1, budget=Budget(tokens=1)), seed=1)[0][0]]
    model = AutoModelForCausalLM.from_pretrained(learner, dtype=torch.float32)
    asked = example.labels.count(-100)
    logp = model(torch.tensor([example.input_ids])).logits[0, asked - 1 : -1].log_softmax(-1)
    mine = logp.gather(1, torch.tensor(example.input_ids[asked:])[:, None])
    norms = {}
    for name, weight in (("stopped", mine.detach().exp()), ("passed", mine.exp())):
        model.zero_grad()
        (-mine * weight).mean().backward(retain_graph=True)
        norms[name] = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None))
    assert curve[0].grad_norm == pytest.approx(norms["stopped"], rel=1e-2)
    assert curve[0].grad_norm != pytest.approx(norms["passed"], rel=1e-1)


def test_the_curve_counts_the_tokens_that_were_trained_on(traces: list[Example], trained: Runs) -> None:
    curve, account, out = trained("sft", budget=Budget(epochs=2), batch=3)
    total = sum(trace.trained for trace in traces)
    # Eight rows in steps of 3, 3 and 2.
    assert [step.step for step in curve] == [1, 2, 3]
    assert [step.epoch for step in curve] == [0.75, 1.5, 2.0]
    assert curve[-1].tokens == account.tokens == 2 * total
    assert (account.steps, account.traces, account.truncated, account.path) == (3, 4, 0, out.name)
    # Cosine from the set rate towards zero.
    assert [step.learning_rate for step in curve] == pytest.approx([1e-2, 0.75e-2, 0.25e-2])


# --- the recipe


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


@pytest.mark.parametrize(
    ("objective", "how"), [("sft", {"micro_batch": 1}), ("dft", {"micro_batch": 1, "gradient_checkpointing": True})]
)
def test_what_saves_memory_leaves_loss_and_weights_as_they_are(trained: Runs, objective: str, how: Any) -> None:
    # Steps of 3, 3 and 2 traces of different lengths: a mean over means would be another loss.
    plain = {"batch": 3, "budget": Budget(epochs=2), "method": "full", "learning_rate": 1e-3}
    whole, _, mine = trained(objective, **plain)
    thrifty, account, theirs = trained(objective, **plain, **how)
    assert [step.loss for step in thrifty] == pytest.approx([step.loss for step in whole], rel=2e-3)
    assert [step.grad_norm for step in thrifty] == pytest.approx([step.grad_norm for step in whole], rel=2e-3)
    assert account.steps == 3
    one, other = weights(mine), weights(theirs)
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-3


def test_weight_decay_takes_its_share_of_matrices_and_spares_norms(learner: Path, trained: Runs) -> None:
    one = {"method": "full", "batch": 4, "budget": Budget(tokens=1), "learning_rate": 1e-2}
    plain, decayed = (weights(trained("sft", **one, weight_decay=decay)[2]) for decay in (0.0, 0.5))
    before = weights(learner)
    for name in ("model.embed_tokens.weight", "model.norm.weight"):
        # Of each weight 1e-2 x 0.5 in one step.
        share = 0.005 if "embed" in name else 0
        assert float((plain[name] - decayed[name] - share * before[name]).abs().max()) < 1e-6


def test_gradients_are_remembered_and_cut_as_set(trained: Runs) -> None:
    base = {"method": "full", "batch": 4, "learning_rate": 1e-3}

    def moved(**others: Any) -> float:
        return float(trained("sft", **base, **others)[1].distance)

    two = {"budget": Budget(epochs=2)}
    assert moved(**two, adam_beta1=0.0) != pytest.approx(moved(**two), rel=1e-2)
    # Adam divides by its gradient's size, but for an epsilon of 1e-8, beside which this one is little.
    assert moved(**two, clip=1e-9) < 0.1 * moved(**two)


def test_a_micro_batch_that_does_not_divide_the_batch_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"micro_batch: expected a divisor of batch, 4, got 3"):
        qup.settings.read(TrainingSettings, {"budget": {"epochs": 1}, "batch": 4, "micro_batch": 3})


def test_training_lowers_the_loss(trained: Runs) -> None:
    curve, _, _ = trained("sft", budget=Budget(epochs=8), batch=4, method="full")
    assert curve[-1].loss < curve[0].loss - 1


def test_saving_an_adapter_asks_no_network(trained: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("peft.utils.save_and_load.check_file_exists_on_hf_hub", lambda *names: asked.append(names))
    trained("sft")
    assert asked == []


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(trained: Runs) -> None:
    folders = [trained("dft", seed=seed)[2] for seed in (1, 1, 2)]
    first, again, other = ({f.name: f.read_bytes() for f in sorted(folder.iterdir())} for folder in folders)
    assert "adapter_model.safetensors" in first
    assert first == again
    assert first["adapter_model.safetensors"] != other["adapter_model.safetensors"]


def test_an_adapter_names_no_place_on_this_machine(learner: Path, trained: Runs) -> None:
    _, _, out = trained("sft")
    text = (out / "adapter_config.json").read_text(encoding="utf-8")
    assert json.loads(text)["base_model_name_or_path"] == "learner"
    modules = json.loads(text)["target_modules"]
    # PEFT lists a set, whose order differs between processes.
    assert modules == sorted(modules)
    for file in out.iterdir():
        for place in (learner.parent, out.parent):
            assert str(place).encode() not in file.read_bytes(), file.name
    assert not (out.parent / "scratch").exists()
