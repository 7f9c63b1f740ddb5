"""Objectives: the gradient that each formula gives on three tokens by hand, and that a run minimizes just that."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import qup.objectives.alpha
from qup import settings
from qup.backends.hf import Backend
from qup.errors import SettingsError
from qup.objectives import Objective, on_dial
from qup.records import Problem, Refined, Verdict
from qup.training import Start, TrainingSettings, fine_tune
from qup.training.examples import Example, examples, schedule
from qup.training.probes import Heldout
from qup.training.settings import Probes
from qup.training.trainer import Cell, tokenizer, train

LN2, LN3 = math.log(2), math.log(3)

# --- three tokens by hand

PROBABILITIES = [[1 / 2, 1 / 4, 1 / 4], [1 / 2, 1 / 4, 1 / 4], [1 / 16, 3 / 16, 3 / 4]]
"Of three words each, at three tokens."
SAID = [0, 1, 0]
"The words that stand there: p = 1/2, 1/4 and 1/16."
ENTROPIES = [1.5 * LN2, 1.5 * LN2, 2.5 * LN2 - 15 / 16 * LN3]
"1/2 ln 2 + 2/4 ln 4; and 1/16 ln 16 + 3/16 (ln 16 - ln 3) + 3/4 (ln 4 - ln 3)."
IDFT = [2**-0.5, 2**0.5, 2.0]
"""a = exp(-phi): phi = -ln 2 + 1.5 ln 2 = ln 2 / 2, then -2 ln 2 + 1.5 ln 2 = -ln 2 / 2. The third token's is
-4 ln 2 + 2.5 ln 2 - 15/16 ln 3 = -2.07, whose a of 7.92 is above the largest there may be, 2."""

Dialled = tuple[Any, list[float], list[float], Callable[[int, float], float]]
HAND: list[Dialled] = [
    # Objective, p^a of each token, its loss, and a loss of p whose slope is the gradient: the second witness.
    ("sft", [1, 1, 1], [LN2, 2 * LN2, 4 * LN2], lambda _, p: -math.log(p)),
    ("dft", [1 / 2, 1 / 4, 1 / 16], [LN2 / 2, LN2 / 2, LN2 / 4], lambda _, p: 1 - p),
    ({"alpha": 1}, [1 / 2, 1 / 4, 1 / 16], [1 / 2, 3 / 4, 15 / 16], lambda _, p: 1 - p),
    ({"alpha": 0.5}, [2**-0.5, 1 / 2, 1 / 4], [2 - 2**0.5, 1, 3 / 2], lambda _, p: 2 - 2 * p**0.5),
    ({"alpha": 2}, [1 / 4, 1 / 16, 1 / 256], [3 / 8, 15 / 32, 255 / 512], lambda _, p: (1 - p**2) / 2),
    (
        "idft",
        [2 ** -(2**-0.5), 4 ** -(2**0.5), 1 / 256],
        [(1 - 2 ** -(2**-0.5)) * 2**0.5, (1 - 4 ** -(2**0.5)) / 2**0.5, 255 / 512],
        lambda token, p: (1 - p ** IDFT[token]) / IDFT[token],
    ),
]
each_objective = pytest.mark.parametrize(
    ("written", "weights", "losses", "witness"), HAND, ids=[str(hand[0]) for hand in HAND]
)


def chosen(*written: Any, **others: Any) -> TrainingSettings:
    """Settings of training as a study writes them."""
    given = {"budget": {"epochs": 1}, "batch": 2, "rank": 4, "learning_rate": 1e-2, "dtype": "float32"}
    return settings.read(TrainingSettings, {**given, "objectives": list(written), **others})


def objective_of(written: Any) -> Objective:
    return chosen(written).objectives[0].objective


def losses_of(written: Any, logits: Tensor) -> Tensor:
    """Of the words said, from logits."""
    logp = logits.log_softmax(-1)
    entropy = -(logp.exp() * logp).sum(-1)
    return objective_of(written).losses(logp.gather(1, torch.tensor(SAID)[:, None])[:, 0], entropy.detach())


@each_objective
def test_the_losses_are_those_of_the_formula_by_hand(
    written: Any, weights: list[float], losses: list[float], witness: Any
) -> None:
    logits = torch.tensor(PROBABILITIES).log()
    assert losses_of(written, logits).tolist() == pytest.approx(losses, rel=1e-5)


@each_objective
def test_the_gradient_is_minus_p_to_the_a_times_that_of_log_p(
    written: Any, weights: list[float], losses: list[float], witness: Any
) -> None:
    logits = torch.tensor(PROBABILITIES).log().requires_grad_()
    losses_of(written, logits).sum().backward()
    # Of log p_y in the logit of v: 1 - p_v where v is y, else -p_v.
    by_hand = [
        [-weight * ((v == y) - p) for v, p in enumerate(row)]
        for weight, y, row in zip(weights, SAID, PROBABILITIES, strict=True)
    ]
    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == pytest.approx([g for row in by_hand for g in row], rel=1e-5)
    for token, row in enumerate(by_hand):
        for v, gradient in enumerate(row):
            assert slope(witness, token, v) == pytest.approx(gradient, rel=1e-6)


def slope(loss: Callable[[int, float], float], token: int, v: int, step: float = 1e-5) -> float:
    """Of a loss of p, in the logit of word v, by central differences in double precision."""

    def at(moved: float) -> float:
        odds = [p * math.exp(moved * (w == v)) for w, p in enumerate(PROBABILITIES[token])]
        return loss(token, odds[SAID[token]] / sum(odds))

    return (at(step) - at(-step)) / (2 * step)


def test_the_a_of_a_token_is_higher_the_less_it_is_the_learners_own() -> None:
    logp, entropy = torch.tensor(PROBABILITIES).log()[[0, 1, 2], SAID], torch.tensor(ENTROPIES)
    mine = objective_of("idft").losses(logp, entropy)
    at = torch.tensor(IDFT)
    assert mine.tolist() == pytest.approx(((1 - logp.exp() ** at) / at).tolist(), rel=1e-5)
    # Twice the nats for a factor of e, and no more than 1.5.
    wide = objective_of({"objective": "idft", "beta": 2, "highest": 1.5}).losses(logp, entropy)
    at = torch.tensor([2**-0.25, 2**0.25, 1.5])
    assert wide.tolist() == pytest.approx(((1 - logp.exp() ** at) / at).tolist(), rel=1e-5)


def test_near_zero_the_dial_is_sft_where_the_plain_difference_has_no_digits_left() -> None:
    logp = torch.tensor([-1e-3, -0.1, -1.0, -20.0])
    assert on_dial(logp, 1e-6).tolist() == pytest.approx((-logp).tolist(), rel=1e-4)
    naive = (1 - logp.exp() ** 1e-6) / 1e-6
    assert abs(float(naive[0]) + float(logp[0])) > 0.1 * 1e-3


def test_a_token_that_the_learner_rules_out_has_a_finite_loss_and_no_gradient() -> None:
    logp = torch.tensor([-1e4, 0.0], requires_grad=True)
    losses = on_dial(logp, 0.5)
    losses.sum().backward()
    assert losses.tolist() == [2.0, 0.0]
    assert logp.grad is not None
    # A token that is certain is pushed as under SFT: p^a is 1.
    assert logp.grad.tolist() == [0.0, -1.0]


def test_low_precision_is_no_matter_of_the_loss() -> None:
    logp = torch.tensor([-1e-3, -3.0], dtype=torch.bfloat16)
    assert on_dial(logp, 0.5).dtype == torch.float32


# --- in a study


def test_an_objective_is_written_by_name_or_with_what_sets_it_apart() -> None:
    written = ["sft", {"objective": "dft", "learning_rate": 0.001}, {"alpha": 0.5}, {"objective": "idft", "beta": 2.0}]
    own = chosen(*written, {"objective": "alpha", "alpha": 2})
    assert own.objective_names == ("sft", "dft", "alpha-0.5", "idft", "alpha-2")
    assert settings.plain(own)["objectives"] == [*written, {"alpha": 2.0}]
    assert [own.under(name)[0].learning_rate for name in own.objective_names] == [1e-2, 1e-3, 1e-2, 1e-2, 1e-2]
    assert own.changed({"rank": 8}).objectives == own.objectives
    assert settings.plain(settings.read(TrainingSettings, {"budget": {"epochs": 1}}))["objectives"] == ["sft", "dft"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"alpha": 0}, r"objectives\[0\]\.alpha: expected a number of at least 0\.001, got 0$"),
        ({"alpha": -0.5}, r"objectives\[0\]\.alpha: expected a number of at least 0\.001, got -0\.5$"),
        ({"alpha": 11}, r"objectives\[0\]\.alpha: expected a number of at most 10, got 11$"),
        ("alpha", r"objectives\[0\]: needs 'alpha', which is missing$"),
        ("sftt", r"objectives\[0\]: unknown objective 'sftt': did you mean 'sft'"),
        (1, r"objectives\[0\]: expected a name or settings \(key: value\), got 1$"),
        (
            {"objective": "dft", "learning_rate": 0},
            r"objectives\[0\]\.learning_rate: expected a number above 0, got 0$",
        ),
        ({"objective": "idft", "lowest": 3}, r"objectives\[0\]\.lowest: expected at most highest, 2, got 3$"),
    ],
)
def test_what_is_no_objective_is_one_line(written: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        chosen(written)
    assert "\n" not in str(raised.value)


def test_two_entries_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"expected one or more, each once, got \['alpha-0.5', 'alpha-0.5'\]"):
        chosen({"alpha": 0.5}, {"alpha": 0.5, "learning_rate": 1e-3})


# --- in a run

TEXTS = ["two: \\boxed{2}", "a longer one, by far: \\boxed{3}", "\\boxed{1}", "so\nso\n\\boxed{2}"]
PROBLEMS = [Problem(f"p{i}", f"What is {i} + 1?", "2", "toy", replicate=1 + i // 2) for i in range(len(TEXTS))]

Runs = Callable[..., tuple[Any, Any, Path]]


@pytest.fixture(scope="module")
def traces(learner: Path) -> list[Example]:
    return examples(tokenizer(learner), list(zip(PROBLEMS, TEXTS, strict=True)), "boxed", 512)


@pytest.fixture(scope="module")
def trained(learner: Path, traces: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Train the tiny learner under one objective and give curve, account and folder."""

    def run(written: Any, heldout: Heldout | None = None, **others: Any) -> tuple[Any, Any, Path]:
        own = chosen(written, **others)
        out = tmp_path_factory.mktemp("trained") / own.objective_names[0]
        curve, account = train(learner, traces, own, Cell(own.objective_names[0], 7, 1), out, heldout)
        return curve, account, out

    return run


def weights_of(folder: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    (file,) = folder.glob("*.safetensors")
    return dict(load_file(file))


@pytest.mark.parametrize("written", [hand[0] for hand in HAND], ids=str)
def test_the_first_loss_of_a_run_is_the_formulas_mean_over_trained_tokens_alone(
    learner: Path, traces: list[Example], trained: Runs, written: Any
) -> None:
    curve, _, _ = trained(written)
    pairs = []
    for i in schedule(traces, chosen(written), seed=1)[0]:
        asked = traces[i].labels.count(-100)
        pairs.append((traces[i].input_ids[:asked], traces[i].input_ids[asked:]))
    # One at a time: without padding.
    stats = [Backend(learner, "float32", batch=1, max_length=512).score([pair])[0] for pair in pairs]
    logp = torch.tensor([value for each in stats for value in each.logprob])
    entropy = torch.tensor([value for each in stats for value in each.entropy or []])
    assert curve[0].loss == pytest.approx(float(objective_of(written).losses(logp, entropy).mean()), rel=1e-3)


@pytest.mark.parametrize("written", [{"alpha": 0.5}, "idft"], ids=str)
def test_micro_batches_and_checkpoints_leave_loss_and_weights_as_they_are(trained: Runs, written: Any) -> None:
    # Steps of 3, 3 and 2 traces of different lengths: a mean over means would be another loss.
    plain = {"batch": 3, "budget": {"epochs": 2}, "method": "full", "learning_rate": 1e-3}
    whole, _, mine = trained(written, **plain)
    thrifty, _, theirs = trained(written, **plain, micro_batch=1, gradient_checkpointing=True)
    assert [step.loss for step in thrifty] == pytest.approx([step.loss for step in whole], rel=2e-3)
    assert [step.grad_norm for step in thrifty] == pytest.approx([step.grad_norm for step in whole], rel=2e-3)
    one, other = weights_of(mine), weights_of(theirs)
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-3


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_run_that_computes_in_bfloat16_minimizes_the_same(trained: Runs, method: str) -> None:
    # One part in 256; -log p would be much more.
    rough, fine = (trained({"alpha": 0.5}, method=method, dtype=name)[0][0].loss for name in ("bfloat16", "float32"))
    assert rough == pytest.approx(fine, rel=1e-2)


def test_at_a_of_one_a_run_learns_what_it_learns_under_dft_and_elsewhere_it_does_not(trained: Runs) -> None:
    dft, _, theirs = trained("dft")
    one, _, mine = trained({"alpha": 1})
    two, _, others = trained({"alpha": 2})
    assert [step.grad_norm for step in one] == pytest.approx([step.grad_norm for step in dft], rel=1e-3)
    assert two[0].grad_norm != pytest.approx(dft[0].grad_norm, rel=0.1)
    # The losses themselves are others: 1 - p and -p log p.
    assert one[0].loss != pytest.approx(dft[0].loss, rel=0.1)
    known = weights_of(theirs)

    def apart(folder: Path) -> float:
        return max(float((value - known[name]).abs().max()) for name, value in weights_of(folder).items())

    assert apart(mine) < 1e-4
    assert apart(others) > 1e-3


def test_what_is_no_trained_token_has_no_loss_even_where_the_objective_gives_it_one(
    trained: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Prompts and padding would count for as many ones again.
    monkeypatch.setattr(qup.objectives.alpha, "on_dial", lambda logp, _: 0 * logp + 1)
    curve, _, _ = trained({"alpha": 0.5}, batch=4, micro_batch=2)
    assert [step.loss for step in curve] == [1.0]


def test_what_is_probed_on_the_way_stays_in_nats(traces: list[Example], trained: Runs) -> None:
    def probed(written: Any) -> Any:
        held = Heldout(traces[:2], traces[2:], Probes(2, 2, 2))
        return trained(written, held)[1]

    plain, dialled = probed("sft"), probed({"alpha": 2})
    assert dialled.stream.nll[0] == plain.stream.nll[0]
    assert dialled.stream.nll[-1] != plain.stream.nll[-1]
    # Nor are the curve's other numbers of the loss.
    assert trained({"alpha": 2})[0][0].entropy == trained("sft")[0][0].entropy


def test_runs_under_an_objective_of_its_own_rate_learn_at_that_and_are_told_by_name(
    learner: Path, tmp_path: Path
) -> None:
    stream = [
        Refined(problem.id, problem.replicate or 0, "solved", text, "kept", 0, 0, 0, Verdict.CORRECT)
        for problem, text in zip(PROBLEMS, TEXTS, strict=True)
    ]
    own = chosen("sft", {"alpha": 0.5, "learning_rate": 3e-3}, batch=4)
    curve, accounts = fine_tune(Start(learner, "boxed", 1, PROBLEMS, []), stream, own, tmp_path, None)
    cells = [(account.objective, account.replicate, account.path) for account in accounts]
    assert cells == [
        ("sft", 1, "sft-1"),
        ("sft", 2, "sft-2"),
        ("alpha-0.5", 1, "alpha-0.5-1"),
        ("alpha-0.5", 2, "alpha-0.5-2"),
    ]
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted(account.path for account in accounts)
    assert [step.learning_rate for step in curve] == pytest.approx([1e-2, 1e-2, 3e-3, 3e-3])


def test_a_run_that_diverges_names_the_rate_it_was_at(trained: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qup.objectives.alpha, "on_dial", lambda logp, _: logp * math.nan)
    said = r"^alpha-0\.5, replicate 7: training has diverged: .*: lower its learning_rate in training\.objectives, now "
    with pytest.raises(SettingsError, match=said):
        trained({"alpha": 0.5, "learning_rate": 3e-3})
