"""Reward plugs: the grader, the generative verifier's arithmetic, and a reward model trained here in seconds."""

import dataclasses
import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from qup import records, rewards
from qup.errors import SettingsError
from qup.glassbox import SOURCE
from qup.lm.checkpoint import open_chat
from qup.prompts import judge as judge_prompts
from qup.records import Finish, Problem, Refined, Score, Trace, Verdict, due
from qup.refiners import StreamSettings
from qup.sampling import SamplingSettings
from qup.settings import Plug, load
from stages import reward as stage
from stages import reward_samples

SUM = Problem(id="p", question="2+3=?", answer="5", source="toy")


def reward(name: str, **settings: Any) -> Any:
    return Plug("rewards").make({"reward": name, **settings})


def test_answer_is_one_for_right_zero_for_wrong_and_none_without_an_answer() -> None:
    found = reward("answer").score([SUM] * 3, [r"so \boxed{5}", r"so \boxed{6}", "five, I think"], Path())
    assert found == [
        Score("p", "answer", 1.0),
        Score("p", "answer", 0.0),
        Score("p", "answer", None, "unparsed"),
    ]


class Judge:
    """A backend with set log-probs of Yes (token 1) and No (token 2), and none of either for a solution of "six"."""

    lead: ClassVar[list[int]] = []
    "What the template puts before an answer."

    def __init__(self, folder: Path, dtype: str, batch: int, max_length: int) -> None:
        assert folder == Path("models/judge")
        self.room = max_length

    def encode(self, messages: list[dict[str, str]], completion: str | None = None) -> tuple[list[int], list[int]]:
        asked = messages[0]["content"]
        said = {"Yes": [*self.lead, 1, 0], "No": [*self.lead, 2, 0], None: []}
        return [9 if "six" in asked else 7] * len(asked), said[completion]

    def next_logprobs(self, prompts: Sequence[list[int]], candidates: Sequence[int]) -> list[list[float]]:
        assert candidates == [1, 2]
        assert all(prompt[len(prompt) - len(self.lead) :] == self.lead for prompt in prompts)
        says = [(0.05, 0.04) if prompt[0] == 9 else (0.6, 0.2) for prompt in prompts]
        return [[math.log(yes), math.log(no)] for yes, no in says]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("qup.backends.hf.Backend", Judge)
    return reward("genrm", model="judge")


def test_genrm_is_the_share_of_yes_in_yes_and_no(judge: Any) -> None:
    # 0.6 / (0.6 + 0.2) = 0.75
    (score,) = judge.score([SUM], ["5"], Path("models"))
    assert score.value == pytest.approx(0.75)


def test_a_line_end_that_the_template_puts_before_an_answer_is_no_part_of_the_judgement(
    judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Judge, "lead", [3])
    (score,) = judge.score([SUM], ["2+3=5"], Path("models"))
    assert score.value == pytest.approx(0.75)


def test_a_judge_whose_tokens_cannot_tell_yes_from_no_is_refused(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Judge, "encode", lambda self, messages, completion=None: ([7], [3, 0] if completion else []))
    with pytest.raises(SettingsError, match="writes Yes and No with the same tokens"):
        judge.score([SUM], ["2+3=5"], Path("models"))


def test_a_judge_that_says_neither_yes_nor_no_gives_no_value(judge: Any) -> None:
    # 0.05 + 0.04 = 0.09, below the 0.1 that counts as a judgement
    _, score = judge.score([SUM] * 2, ["5", "six"], Path("models"))
    assert (score.value, score.failure) == (None, "P(Yes) + P(No) below 0.1")


def test_a_trace_too_long_for_the_judge_fails_and_its_neighbour_keeps_its_own_score(judge: Any) -> None:
    long, short = judge.score([SUM] * 2, ["x" * 3000, "5"], Path("models"))
    assert (long.value, long.failure) == (None, "longer than 2048 tokens")
    assert short.value == pytest.approx(0.75)


def test_a_solution_with_dollar_signs_reaches_the_judge_as_it_is() -> None:
    from qup.prompts.judge import ask

    assert "costs $question and $5" in ask("genrm", "?", "costs $question and $5")[0]["content"]


def sums(low: int, high: int) -> list[tuple[Problem, str, str]]:
    """(problem, trace with `right`, trace with `wrong`)."""
    made = []
    for a in range(low, high):
        problem = Problem(id=str(a), question=f"{a}+1=?", answer=str(a + 1), source="toy")
        made.append((problem, f"{a}+1 is {a + 1} right", f"{a}+1 is {a + 1} wrong"))
    return made


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny reward model, `judge`, trained to prefer `right` to `wrong`, and a bare language model."""
    root = tmp_path_factory.mktemp("models")
    make = load("models", "random")
    make(architecture="llama", seed=1, hidden=32, layers=2, classes=1).obtain(root / "judge", root / "cache")
    make(architecture="llama", seed=1, hidden=32, layers=2).obtain(root / "learner", root / "cache")
    train(root / "judge")
    return root


def train(folder: Path) -> None:
    """Bradley-Terry: loss = -log sigmoid(r(right) - r(wrong))."""
    import torch
    from transformers import AutoModelForSequenceClassification

    from qup.lm.checkpoint import open_chat
    from qup.rewards.sequence_classifier import _encode

    form = open_chat(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    pairs = sums(10, 30)
    # All chats have the same length, so they make one batch without padding: first every `right`, then every `wrong`.
    chats = [_encode(form, p, right) for p, right, _ in pairs] + [_encode(form, p, bad) for p, _, bad in pairs]
    for _ in range(20):
        better, worse = model(input_ids=torch.tensor(chats)).logits.squeeze(-1).split(len(pairs))
        torch.nn.functional.logsigmoid(better - worse).mean().neg().backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)


def test_a_trained_reward_model_ranks_pairs_it_has_not_seen(models: Path) -> None:
    problems, right, wrong = (list(column) for column in zip(*sums(60, 80), strict=True))
    plug = reward("sequence_classifier", model="judge")
    better, worse = plug.score(problems, right, models), plug.score(problems, wrong, models)
    assert all(b.value > w.value for b, w in zip(better, worse, strict=True))


def test_a_padded_batch_gives_the_scores_of_single_traces(models: Path) -> None:
    problems = [SUM] * 3
    texts = ["right", "a longer and wrong one", "5"]
    one, three = (
        [s.value for s in reward("sequence_classifier", model="judge", batch=n).score(problems, texts, models)]
        for n in (1, 3)
    )
    assert one == pytest.approx(three, abs=1e-5)
    assert len(set(one)) == 3


def test_a_reward_model_that_names_no_padding_token_is_padded_all_the_same(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "judge", tmp_path / "judge")
    config = json.loads((tmp_path / "judge/config.json").read_text()) | {"pad_token_id": None}
    (tmp_path / "judge/config.json").write_text(json.dumps(config))
    plug = reward("sequence_classifier", model="judge", batch=2)
    texts = ["right", "a longer and wrong one"]
    values, expected = ([s.value for s in plug.score([SUM] * 2, texts, root)] for root in (tmp_path, models))
    assert values == pytest.approx(expected, abs=1e-5)


def test_a_trace_too_long_for_the_reward_model_is_a_failure_and_is_not_cut(models: Path) -> None:
    plug = reward("sequence_classifier", model="judge", max_length=64)
    short, long = plug.score([SUM] * 2, ["5", "5" * 100], models)
    assert short.value is not None
    assert (long.value, long.failure) == (None, "longer than 64 tokens")


def test_a_language_model_is_refused_as_a_reward_model(models: Path) -> None:
    with pytest.raises(SettingsError, match=r"is not a reward model with one output"):
        reward("sequence_classifier", model="learner").score([SUM], ["5"], models)


def test_genrm_runs_on_a_real_model_folder(models: Path) -> None:
    plug = reward("genrm", model="learner", dtype="float32", min_mass=1e-6)
    first, second = plug.score([SUM] * 2, ["5", "a longer solution: 6"], models)
    assert 0 < first.value < 1
    assert 0 < second.value < 1
    assert plug.score([SUM], ["5"], models) == [first]


def test_the_stage_scores_every_trace_with_every_reward_under_its_name_and_counts_failures(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = reward("sequence_classifier", model="judge")
    given = {"answer": reward("answer"), "sequence_classifier": judge, "blind": judge}
    study = SimpleNamespace(rewards=given, sampling=SamplingSettings(n=1), streams=StreamSettings("all"))
    monkeypatch.setattr("stages.cli.start", lambda args: study)
    texts = {"p": r"\boxed{5}", "q": "five", "r": None}
    problems = [dataclasses.replace(SUM, id=name, training_set="train", replicate=1) for name in texts]
    records.write(tmp_path / "train.jsonl", problems)
    traces = [Trace(name, 0, "", 5, Finish.STOP, "5", Verdict.CORRECT) for name in texts]
    records.write(tmp_path / "traces.jsonl", traces)
    rows = [Refined(name, 1, "solved", text, "changed", 0, 1, 9, None) for name, text in texts.items()]
    records.write(tmp_path / "stream.jsonl", rows)
    files = [("problems", "train"), ("traces", "traces"), ("stream", "stream"), ("out", "scores")]
    flags = [part for name, file in files for part in (f"--{name}", str(tmp_path / f"{file}.jsonl"))]
    stage.main(["--study", "toy.yaml", "--models", str(models), *flags])
    assert "answer: mean 1.000, n 1, failed 1 (unparsed)" in capsys.readouterr().out
    scores = records.read(tmp_path / "scores.jsonl", Score)
    assert [s.reward for s in scores] == ["answer"] * 2 + ["sequence_classifier"] * 2 + ["blind"] * 2
    assert [s.value for s in scores[2:4]] == [s.value for s in scores[4:]]


# --- the learner's own samples


def samples(count: int, n: int = 2) -> tuple[list[Problem], list[Trace]]:
    """Problems, every third one of a further training set, and `n` samples of each: right first, then wrong."""
    problems = [
        Problem(f"p{i}", f"{i}?", "5", "toy", training_set="again" if i % 3 == 2 else "train", replicate=1)
        for i in range(count)
    ]
    traces = [
        Trace(problem.id, index, "\\boxed{5}" if index == 0 else "\\boxed{6}", 5, Finish.STOP, None, Verdict.WRONG)
        for problem in problems
        for index in range(n)
    ]
    return problems, traces


def test_a_sample_is_scored_with_its_index_right_or_wrong_if_its_problem_is_of_the_main_training_set() -> None:
    answer = reward("answer")
    found = rewards.score_samples({"answer": answer, "again": answer}, *samples(4), Path())
    # p2 is of another training set.
    expected = [(name, i, 1.0 - i) for name in ("p0", "p1", "p3") for i in (0, 1)]
    assert [(s.problem_id, s.index, s.value) for s in found if s.reward == "answer"] == expected
    assert [(s.problem_id, s.index, s.value) for s in found if s.reward == "again"] == expected
    assert len(found) == 2 * len(expected)


def test_the_samples_that_are_scored_are_the_first_problems_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert due.VALIDATED == 400
    monkeypatch.setattr(due, "VALIDATED", 3)
    found = rewards.score_samples({"answer": reward("answer")}, *samples(9), Path())
    assert [(s.problem_id, s.index) for s in found] == [("p0", 0), ("p0", 1), ("p1", 0)]


def test_the_stage_writes_the_scores_of_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = SimpleNamespace(rewards={"answer": reward("answer")}, sampling=SamplingSettings(n=1))
    monkeypatch.setattr("stages.cli.start", lambda args: study)
    problems, traces = samples(3, n=1)
    records.write(tmp_path / "train.jsonl", problems)
    records.write(tmp_path / "traces.jsonl", traces)
    files = [("problems", "train"), ("traces", "traces"), ("out", "scores"), ("restyled", "restyled")]
    flags = [part for name, file in files for part in (f"--{name}", str(tmp_path / f"{file}.jsonl"))]
    reward_samples.main(["--study", "toy.yaml", "--models", "models", *flags])
    assert records.read(tmp_path / "scores.jsonl", Score) == [Score(p, "answer", 1.0, index=0) for p in ("p0", "p1")]


# --- a process reward model


@pytest.fixture(scope="module")
def stepwise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny process reward model, `prm`, as the hub has it, and one whose head is set, `set`."""
    from safetensors.torch import load_file, save_file

    root = tmp_path_factory.mktemp("stepwise")
    load("models", "random")(architecture="qwen2.5_math_prm", hidden=32, layers=1).obtain(root / "prm", root / "cache")
    shutil.copytree(root / "prm", root / "set")
    tensors = load_file(root / "set/model.safetensors")
    tensors["score.2.weight"].zero_()
    tensors["score.2.bias"][:] = tensors["score.2.bias"].new_tensor([0, math.log(3)])
    save_file(tensors, root / "set/model.safetensors", metadata={"format": "pt"})
    return root


def test_a_step_is_as_right_as_the_softmax_of_its_two_logits_says(stepwise: Path) -> None:
    # exp(log 3) / (1 + 3) = 0.75 at every step.
    for value in ("min", "mean"):
        (score,) = reward("process", model="set", value=value, dtype="float32").score([SUM], ["a\n\nb"], stepwise)
        assert score.value == pytest.approx(0.75)


def test_the_least_and_the_mean_are_over_the_steps_that_blank_lines_or_lines_set_apart(stepwise: Path) -> None:
    text = "2+3 is\n5\n\nso 5\n\n\n\n\\boxed{5}\n"

    def value(**settings: Any) -> float:
        (score,) = reward("process", model="prm", dtype="float32", **settings).score([SUM], [text], stepwise)
        assert score.reward == "process"
        return float(score.value)

    steps = rights(stepwise, ["2+3 is\n5", "so 5", "\\boxed{5}"])
    lines = rights(stepwise, ["2+3 is", "5", "so 5", "\\boxed{5}"])
    assert (len(set(steps)), len(lines)) == (3, 4)
    blank = {"step": "paragraph"}
    assert value(**blank) == pytest.approx(min(steps), abs=1e-6)
    assert value(value="mean", **blank) == pytest.approx(sum(steps) / 3, abs=1e-6)
    assert value(value="product", **blank) == pytest.approx(math.prod(steps), abs=1e-6)
    # Given steps are lines: blank ones set nothing apart.
    assert value() == value(step="line")
    assert value(step="line") == pytest.approx(min(lines), abs=1e-6)
    assert value(step="line", value="mean") == pytest.approx(sum(lines) / 4, abs=1e-6)


def test_steps_are_those_that_the_trace_is_given_in() -> None:
    plain, boxed = reward("process", model="prm"), Problem("g", "?", "8", SOURCE)
    trace = r"d : + b 7 4 = 11 d11 ; a is - d 11 e 3 makes 8 a8 | so \boxed{ 8 }"
    assert plain.steps(boxed, trace) == ["d : + b 7 4 = 11 d11 ;", "a is - d 11 e 3 makes 8 a8 |", r"so \boxed{ 8 }"]
    # What is not of the grammar is one step; elsewhere steps are lines, whatever the layout between them.
    assert plain.steps(boxed, "d : what\nelse") == ["d : what\nelse"]
    assert plain.steps(SUM, "2+3\n\nis 5") == plain.steps(SUM, "2+3\nis 5") == ["2+3", "is 5"]
    assert reward("process", model="prm", separator=";").steps(boxed, "a ; b\nc ;") == ["a", "b\nc"]


def rights(folder: Path, steps: Sequence[str]) -> list[float]:
    """What the model's own code makes of a chat, written out: a class a token, read after each step."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoTokenizer, Qwen2Model

    tokenizer, tensors = AutoTokenizer.from_pretrained(folder / "prm"), load_file(folder / "prm/model.safetensors")
    chat = [{"role": "user", "content": SUM.question}, {"role": "assistant", "content": "<extra_0>".join([*steps, ""])}]
    ids = tokenizer.apply_chat_template(chat, return_tensors="pt", return_dict=False)
    with torch.inference_mode():
        hidden = Qwen2Model.from_pretrained(folder / "prm")(ids).last_hidden_state
        inner = (hidden @ tensors["score.0.weight"].T + tensors["score.0.bias"]).relu()
        logits = inner @ tensors["score.2.weight"].T + tensors["score.2.bias"]
    return [float(p) for p in logits[ids == tokenizer.convert_tokens_to_ids("<extra_0>")].softmax(-1)[:, 1]]


def test_code_that_a_checkpoint_brings_is_not_run(stepwise: Path, tmp_path: Path) -> None:
    shutil.copytree(stepwise / "set", tmp_path / "prm")
    config = json.loads((tmp_path / "prm/config.json").read_text())
    named = [place.partition(".")[0] for place in config["auto_map"].values()]
    for name in named:
        (tmp_path / "prm" / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (score,) = reward("process", model="prm", dtype="float32").score([SUM], ["5"], tmp_path)
    assert score.value == pytest.approx(0.75)
    assert len(named) == 2
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "failure"),
    [("", "no step"), ("5" * 600, "longer than 512 tokens"), ("a<extra_0>b", "<extra_0> stands in problem or trace")],
)
def test_a_trace_that_a_process_reward_model_cannot_read_fails_and_the_next_does_not(
    stepwise: Path, text: str, failure: str
) -> None:
    plug = reward("process", model="set", dtype="float32", max_length=512)
    spoilt, sound = plug.score([SUM] * 2, [text, "5"], stepwise)
    assert (spoilt.value, spoilt.failure) == (None, failure)
    assert sound.value == pytest.approx(0.75)


@pytest.mark.parametrize("name", ["judge", "learner"])
def test_another_model_is_refused_as_a_process_reward_model(models: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"rewards\.process: .* has no token <extra_0>"):
        reward("process", model=name).score([SUM], ["5"], models)


def test_a_language_model_with_the_mark_but_no_such_head_is_refused(stepwise: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(stepwise / "prm", tmp_path / "prm")
    tensors = load_file(tmp_path / "prm/model.safetensors")
    bare = {name: tensor for name, tensor in tensors.items() if not name.startswith("score.")}
    save_file(bare, tmp_path / "prm/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SettingsError, match=r"expected score\.0\.weight \[32, 32\], .* it has none") as raised:
        reward("process", model="prm").score([SUM], ["5"], tmp_path)
    assert "\n" not in str(raised.value)


def test_a_judge_prompt_that_leaves_no_position_for_a_verdict_fails(tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = shutil.copytree(tiny(architecture="llama", seed=2, hidden=32, layers=2), tmp_path / "judge")
    length = len(open_chat(folder).encode(judge_prompts.ask("genrm", SUM.question, "5"))[0])
    config = json.loads((folder / "config.json").read_text())
    scores = []
    for positions in (length, length + 1):
        (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": positions}))
        scores += reward("genrm", model="judge", min_mass=1e-9, dtype="float32").score([SUM], ["5"], tmp_path)
    assert [score.failure for score in scores] == [f"longer than {length - 1} tokens", None]
