"""Runs of replicates: who trains on what, from which seed, and held-out traces under the learner as it trains."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from qup import training
from qup.backends.hf import Backend
from qup.errors import SettingsError
from qup.records import Finish, Probed, Problem, Refined, Step, Trace, TrainRun, Verdict
from qup.training import Budget, Start, TrainingSettings, fine_tune, probes
from qup.training.examples import Example, examples, trainable
from qup.training.probes import Heldout
from qup.training.settings import Probes
from qup.training.trainer import Cell, tokenizer, train

C, W = Verdict.CORRECT, Verdict.WRONG
PROBLEMS = [Problem(f"p{i}", f"What is {i} + 1?", "2", "toy", replicate=1 + i // 2) for i in range(6)]
TEXTS = [
    "two: \\boxed{2}",
    "a longer one, by far: \\boxed{3}",
    "\\boxed{1}",
    "so\nso\n\\boxed{2}",
    "2",
    "it is \\boxed{2}",
]
STREAM = [
    Refined(problem.id, problem.replicate or 0, "solved", text, "kept", 0, 0, 0, C)
    for problem, text in zip(PROBLEMS, TEXTS, strict=True)
]
"Two traces of each of three replicates."
TRACES = [
    Trace(problem.id, index, f"{problem.id} {index}", 5, Finish.STOP, None, verdict)
    for problem in PROBLEMS
    for index, verdict in enumerate((W, C, C) if problem.id != "p3" else (W, W, W))
]
"The learner's second sample is the first correct one; it never solved p3."


def settings(**others: Any) -> TrainingSettings:
    given: dict[str, Any] = {"batch": 1, "rank": 4, "learning_rate": 1e-2, "dtype": "float32"}
    return TrainingSettings(**{"budget": Budget(epochs=2), **given, **others})


@pytest.fixture(scope="module")
def traces(learner: Path) -> list[Example]:
    return examples(tokenizer(learner), list(zip(PROBLEMS, TEXTS, strict=True)), "boxed", 512)


def nll(learner: Path, traces: list[Example]) -> list[float]:
    """-log p of each completion, by our own scorer."""
    asked = [trace.labels.count(-100) for trace in traces]
    pairs = [(trace.input_ids[:n], trace.input_ids[n:]) for trace, n in zip(traces, asked, strict=True)]
    return [-sum(stats.logprob) for stats in Backend(learner, "float32", batch=8, max_length=512).score(pairs)]


# --- probes


FEW = Probes(count=3, traces=1, ends=2)
"Three probes of one trace, the first and the last of two."


@pytest.fixture(scope="module")
def probed(learner: Path, traces: list[Example], tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainRun, Path]:
    """A run on two traces, two epochs of a trace a step, probed on others."""
    out = tmp_path_factory.mktemp("probed") / "sft-1"
    heldout = Heldout(traces[2:5], traces[3:4], FEW)
    _, account = train(learner, traces[:2], settings(method="full"), Cell("sft", 1, 1), out, heldout)
    return account, out


def of_stream(account: TrainRun) -> Probed:
    assert account.stream
    return account.stream


def test_before_and_after_are_exact_passes_of_the_untrained_and_the_trained_learner(
    learner: Path, traces: list[Example], probed: tuple[TrainRun, Path]
) -> None:
    account, out = probed
    stream, native = account.stream, account.native
    assert stream
    assert native
    # Three traces are held out, of which the ends score two.
    assert stream.tokens == traces[2].trained + traces[3].trained
    assert stream.before == pytest.approx(sum(nll(learner, traces[2:4])), rel=1e-4)
    assert stream.after == pytest.approx(sum(nll(out, traces[2:4])), rel=1e-4)
    assert native.tokens == traces[3].trained
    assert native.before == pytest.approx(nll(learner, traces[3:4])[0], rel=1e-4)
    assert native.after == pytest.approx(nll(out, traces[3:4])[0], rel=1e-4)


def test_the_first_probe_is_at_no_token_and_the_last_at_the_whole_run(
    learner: Path, traces: list[Example], probed: tuple[TrainRun, Path]
) -> None:
    account, out = probed
    stream, epoch = of_stream(account), traces[0].trained + traces[1].trained
    # Four steps of a trace; three probes are after 0, 2 and 4 of them, and two steps are an epoch.
    assert stream.at == [0, epoch, 2 * epoch]
    assert stream.at[-1] == account.tokens
    # On the way the first trace alone is scored.
    assert stream.probe_tokens == traces[2].trained
    first, last = nll(learner, traces[2:3])[0], nll(out, traces[2:3])[0]
    assert [stream.nll[0], stream.nll[-1]] == pytest.approx([first, last], rel=1e-4)
    assert len(stream.nll) == 3
    assert first != pytest.approx(last, rel=1e-2)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_run_that_is_probed_leaves_the_same_bytes_and_the_same_curve(
    learner: Path, traces: list[Example], tmp_path: Path, method: str
) -> None:
    curves, left = [], []
    for name, heldout in (("with", Heldout(traces[2:], traces[3:], FEW)), ("without", None)):
        out = tmp_path / name
        curve, _ = train(learner, traces[:2], settings(method=method), Cell("dft", 1, 1), out, heldout)
        curves.append(curve)
        left.append({file.name: file.read_bytes() for file in sorted(out.iterdir())})
    assert left[0] == left[1]
    assert any(name.endswith(".safetensors") for name in left[0])
    assert curves[0] == curves[1]


@pytest.mark.parametrize(
    ("count", "steps", "due"),
    [(2, 10, {0, 10}), (3, 4, {0, 2, 4}), (8, 2, {0, 1, 2}), (8, 1, {0, 1}), (5, 8, {0, 2, 4, 6, 8})],
)
def test_probes_are_spread_over_the_run_its_ends_always_among_them(count: int, steps: int, due: set[int]) -> None:
    assert Heldout([], [], Probes(count=count)).due(steps) == due


def test_fewer_traces_at_the_ends_than_on_the_way_are_as_many(learner: Path, traces: list[Example]) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    heldout = Heldout(traces, [], Probes(count=2, traces=3, ends=1))
    model = AutoModelForCausalLM.from_pretrained(learner, dtype=torch.float32)
    heldout.probe(model, 0, end=True)
    found = heldout.of_stream
    assert found
    assert found.tokens == found.probe_tokens == sum(trace.trained for trace in traces[:3])
    assert heldout.of_native is None


def test_a_probe_leaves_the_model_in_the_mode_it_was_in(learner: Path, traces: list[Example]) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(learner)
    for training_mode in (True, False):
        model.train(training_mode)
        probes.nll(model, traces[:1])
        assert model.training is training_mode


def test_a_forward_pass_is_bounded_in_tokens_padding_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "TOKENS", 20)
    made = [Example([1] * n, [1] * n, truncated=False) for n in (30, 5, 10, 4, 9)]
    # In order of length 4, 5, 9, 10, 30: 2 x 5, then 3 x 9 were too many; 2 x 10; 30 alone, too long or not.
    assert probes.batches(made) == [[3, 1], [4, 2], [0]]


def test_batches_of_any_size_score_alike(learner: Path, traces: list[Example], monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(learner)
    whole = probes.nll(model, traces)
    monkeypatch.setattr(probes, "TOKENS", 1)
    assert probes.nll(model, traces) == pytest.approx(whole, rel=1e-4)
    assert whole == pytest.approx(nll(learner, traces), rel=1e-4)


# --- runs


def start(learner: Path) -> Start:
    return Start(learner, "boxed", 1, PROBLEMS, TRACES)


@dataclasses.dataclass
class Given:
    """What one run was given."""

    traces: list[Example]
    cell: Cell
    heldout: Heldout


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Given]:
    """Notes what each run is given; nothing is trained."""
    given: list[Given] = []

    def note(*asked: Any) -> tuple[list[Step], TrainRun]:
        _, traces, _, cell, out, heldout, _ = asked
        given.append(Given(traces, cell, heldout))
        return [], TrainRun(cell.objective, cell.replicate, len(traces), 0, 1, 1, out.name, 0.0, 0.0)

    monkeypatch.setattr(training, "train", note)
    return given


def test_a_learner_is_trained_per_objective_and_replicate_each_in_a_folder_of_its_own(
    learner: Path, tmp_path: Path
) -> None:
    two = settings(objectives=("dft", "sft"), batch=2, budget=Budget(epochs=1), probes=Probes(2, 1, 1))
    curve, runs = fine_tune(start(learner), STREAM[:4], two, tmp_path, threads=None)
    names = ["dft-1", "dft-2", "sft-1", "sft-2"]
    assert [f"{run.objective}-{run.replicate}" for run in runs] == [run.path for run in runs] == names
    assert all((tmp_path / name / "adapter_model.safetensors").is_file() for name in names)
    # Two traces of each replicate in a step of two.
    assert [(step.objective, step.replicate, step.step) for step in curve] == [
        (run.objective, run.replicate, 1) for run in runs
    ]
    assert {run.traces for run in runs} == {2}
    assert all(run.stream and run.native for run in runs)


def test_a_run_trains_on_its_replicates_traces_and_is_probed_on_a_trace_of_each_other_in_turn(
    learner: Path, traces: list[Example], tmp_path: Path, noted: list[Given]
) -> None:
    fine_tune(start(learner), STREAM, settings(objectives=("sft",)), tmp_path, threads=None)
    assert [(given.cell.objective, given.cell.replicate) for given in noted] == [("sft", r) for r in (1, 2, 3)]
    assert [given.traces for given in noted] == [traces[0:2], traces[2:4], traces[4:6]]
    assert [given.heldout.stream for given in noted] == [
        [traces[i] for i in others] for others in ((2, 4, 3, 5), (0, 4, 1, 5), (0, 2, 1, 3))
    ]


def test_forgetting_is_probed_on_the_first_correct_sample_of_problems_of_other_replicates(
    learner: Path, tmp_path: Path, noted: list[Given]
) -> None:
    fine_tune(start(learner), STREAM, settings(objectives=("sft",)), tmp_path, threads=None)
    native = examples(tokenizer(learner), [(problem, f"{problem.id} 1") for problem in PROBLEMS], "boxed", 512)
    # p3 was never solved.
    assert [given.heldout.native for given in noted] == [
        [native[i] for i in others] for others in ((2, 4, 5), (0, 4, 1, 5), (0, 2, 1))
    ]


def test_a_runs_seed_is_its_replicates_own_whatever_the_objective_and_the_arm(
    learner: Path, tmp_path: Path, noted: list[Given]
) -> None:
    fine_tune(start(learner), STREAM, settings(), tmp_path, threads=None)
    fine_tune(start(learner), STREAM[:2], settings(), tmp_path, threads=None)
    other = dataclasses.replace(start(learner), seed=2)
    fine_tune(other, STREAM[:2], settings(objectives=("sft",)), tmp_path, threads=None)
    *mine, another = [given.cell for given in noted]
    seeds: dict[int, set[int]] = {}
    for cell in mine:
        seeds.setdefault(cell.replicate, set()).add(cell.seed)
    assert {replicate: len(found) for replicate, found in seeds.items()} == {1: 1, 2: 1, 3: 1}
    assert len(set.union(*seeds.values(), {another.seed})) == 4


def test_with_one_replicate_nothing_is_held_out_and_there_is_no_probed(learner: Path, tmp_path: Path) -> None:
    one = settings(objectives=("sft",), budget=Budget(epochs=1))
    _, (account,) = fine_tune(start(learner), STREAM[:2], one, tmp_path, threads=None)
    assert (account.stream, account.native) == (None, None)


@pytest.mark.parametrize(
    ("outcome", "remedy"), [("failed", "replies.*max_tokens"), ("skipped", r"widen streams\.scope or sample more")]
)
def test_a_replicate_without_any_trace_is_an_error_that_names_it_its_arm_and_why(
    learner: Path, tmp_path: Path, noted: list[Given], outcome: str, remedy: str
) -> None:
    failed = {"text": None, "outcome": outcome}
    none = [dataclasses.replace(refined, **failed) if refined.replicate == 2 else refined for refined in STREAM]
    told = rf"^home/restyled, replicate 2: none of 2 drafts came to a trace.*\({outcome} 2\): .*{remedy}"
    with pytest.raises(SettingsError, match=told):
        fine_tune(start(learner), none, settings(objectives=("sft",)), tmp_path, threads=None, arm="home/restyled")
    # Told before the first replicate is trained for hours.
    assert noted == []


def test_a_replicate_without_any_draft_is_no_replicate_less(learner: Path, tmp_path: Path, noted: list[Given]) -> None:
    named = [dataclasses.replace(problem, training_set="train") for problem in PROBLEMS]
    given = dataclasses.replace(start(learner), problems=[*named, Problem("q", "?", "2", "toy", None, [], "other", 4)])
    with pytest.raises(SettingsError, match=r"^idle, replicate 3: no draft came to a trace"):
        fine_tune(given, STREAM[:4], settings(objectives=("sft",)), tmp_path, threads=None, arm="idle")
    assert noted == []
    fine_tune(given, STREAM, settings(objectives=("sft",)), tmp_path, threads=None, arm="idle")
    assert [each.cell.replicate for each in noted] == [1, 2, 3]


# --- prompts that leave no room


def lengths(learner: Path) -> list[int]:
    """Tokens of each problem's prompt."""
    return [trace.labels.count(-100) for trace in examples(tokenizer(learner), TOLD, "boxed", 512)]


LONG = [dataclasses.replace(p, question="What is it? " * (3 if p.id in ("p1", "p4") else 1)) for p in PROBLEMS]
"p1 and p4, of the first replicate and the third, are long."
TOLD = list(zip(LONG, TEXTS, strict=True))


def test_traces_whose_prompts_leave_no_room_are_left_out_and_counted(learner: Path, tmp_path: Path) -> None:
    given = dataclasses.replace(start(learner), problems=LONG)
    tight = settings(objectives=("sft",), max_length=max(lengths(learner)), budget=Budget(epochs=2), probes=FEW)
    curve, runs = fine_tune(given, STREAM[:4], tight, tmp_path, threads=None, arm="idle")
    assert [(run.traces, run.left_out, run.truncated) for run in runs] == [(2, 1, 0), (2, 0, 0)]
    # Two epochs of the one trace that is left, of the two of the second replicate, a trace a step.
    assert [run.steps for run in runs] == [2, 4]
    assert all(step.loss > 0 for step in curve)
    assert [step.epoch for step in curve if step.replicate == 1] == [1, 2]


def test_one_token_of_room_is_enough_to_be_trained_on(learner: Path) -> None:
    traces = examples(tokenizer(learner), TOLD, "boxed", max(lengths(learner)) + 1)
    assert trainable(traces) == traces
    assert [trace.trained for trace in traces if trace.truncated] == [1, 1]


def test_held_out_traces_without_room_are_not_probed(learner: Path, tmp_path: Path, noted: list[Given]) -> None:
    given = dataclasses.replace(start(learner), problems=LONG)
    tight = settings(objectives=("sft",), max_length=max(lengths(learner)))
    fine_tune(given, STREAM, tight, tmp_path, threads=None)
    for each in noted:
        assert all(trace.trained for trace in [*each.heldout.stream, *each.heldout.native])
        assert each.heldout.stream


def test_a_replicate_all_of_whose_prompts_leave_no_room_is_one_line(
    learner: Path, tmp_path: Path, noted: list[Given]
) -> None:
    tight = settings(objectives=("sft",), max_length=min(lengths(learner)))
    told = r"^idle, replicate 1: each of the 2 prompts fills \d+ tokens by itself.*raise training\.max_length"
    with pytest.raises(SettingsError, match=told):
        fine_tune(dataclasses.replace(start(learner), problems=LONG), STREAM, tight, tmp_path, None, arm="idle")
    assert noted == []
