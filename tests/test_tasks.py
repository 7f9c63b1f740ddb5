"""lm-eval's own tasks on our backend: the numbers of the `lm_eval` command on the same learner."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_backends import peaked
from toytasks import ARC, DATA, GSM8K, learner, paper, pinned, settings, task_file, theirs

from qup.evals import Examinee, evaluate
from qup.evals.cells import Cells
from qup.evals.model import harness_model
from qup.evals.settings import THEIR_LONGEST
from qup.evals.tasks import SEEDS
from qup.learner import Learner
from qup.records import TaskScore, Verdict
from qup.training import Budget, TrainingSettings
from qup.training.examples import examples
from qup.training.trainer import Cell, tokenizer, train

# Libraries that lm-eval brings warn at will.
pytestmark = pytest.mark.filterwarnings("ignore")
SHORT = {"max_tokens": 40}


@pytest.fixture(scope="module")
def folder(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model that is sure of what it says; lm-eval's own model would draw by the penalties that it names."""
    out = tmp_path_factory.mktemp("peaky") / "learner"
    peaked(tiny(architecture="qwen2", seed=5, hidden=64, layers=2), out)
    (out / "generation_config.json").unlink()
    return out


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter under which it ends its answers as GSM8K does, right on some."""
    import json

    from qup.records import Problem

    rows = [json.loads(line) for line in (DATA / "gsm8k_train.jsonl").read_text().splitlines()]
    asks = [f"Question: {row['question']}\nAnswer:" for row in rows]
    pairs = [(Problem(str(number), ask, "9", "toy"), "#### 9") for number, ask in enumerate(asks)]
    traces = examples(tokenizer(folder), pairs, "question", 512)
    chosen = TrainingSettings(budget=Budget(epochs=6), batch=2, rank=8, learning_rate=2e-2, dtype="float32")
    out = tmp_path_factory.mktemp("adapter") / "sft-1"
    train(folder, traces, chosen, Cell("sft", 1, 1), out)
    return out


def entry(task: str, files: dict[str, str], **own: Any) -> dict[str, Any]:
    return {"task": task, "data": pinned(files), **own}


@pytest.fixture(params=["base", "adapter"])
def weights(request: pytest.FixtureRequest, adapter: Path) -> Path | None:
    return adapter if request.param == "adapter" else None


def scores(ours: list[TaskScore], decoding: str) -> dict[str, tuple[Any, Any]]:
    """Metric and filter to value and standard error, as lm-eval names them."""
    return {f"{s.metric},{s.filter}": (s.value, s.stderr) for s in ours if s.decoding == decoding}


@pytest.mark.parametrize(
    ("who", "form", "how"),
    [
        ("base", "completion", {}),
        ("adapter", "completion", {}),
        ("adapter", "multiturn", {"apply_chat_template": True, "fewshot_as_multiturn": True}),
        ("adapter", "chat", {"apply_chat_template": True, "fewshot_as_multiturn": False}),
    ],
)
def test_gsm8k_gives_the_numbers_and_the_texts_of_the_lm_eval_command(  # noqa: PLR0917 - fixtures and parameters
    tmp_path: Path, folder: Path, adapter: Path, who: str, form: str, how: dict[str, bool]
) -> None:
    weights = adapter if who == "adapter" else None
    asked = settings(entry("gsm8k", GSM8K, prompt=form, k=1, **SHORT))
    found = evaluate(learner(folder), [Examinee("sft", 1, weights)], paper(asked, tmp_path / "e"), None)
    task = task_file(tmp_path, "gsm8k", GSM8K)
    expected = theirs(tmp_path, [task], folder, weights, gen_kwargs={"max_gen_toks": 40}, **how)
    values = expected["results"]["gsm8k"]
    greedy = scores([s for s in found.scores if s.task == "gsm8k"], "greedy")
    assert set(greedy) == {"exact_match,strict-match", "exact_match,flexible-extract"}
    for name, (value, error) in greedy.items():
        assert (value, error) == (values[name], values[name.replace("exact_match", "exact_match_stderr")])
    said = {s["doc_id"]: s["resps"][0][0] for s in expected["samples"]["gsm8k"]}
    assert [a.text for a in found.answers if a.decoding == "greedy"] == [said[i] for i in range(len(said))]


def test_a_loglikelihood_task_gives_the_numbers_of_the_lm_eval_command(
    tmp_path: Path, folder: Path, weights: Path | None
) -> None:
    # Utility is of a task that is answered in words.
    asked = settings(entry("gsm8k", GSM8K, k=1, greedy=False, max_tokens=2), entry("arc_easy", ARC))
    found = evaluate(learner(folder), [Examinee("sft", 1, weights)], paper(asked, tmp_path / "e"), None)
    expected = theirs(tmp_path, [task_file(tmp_path, "arc_easy", ARC)], folder, weights)
    values = expected["results"]["arc_easy"]
    ours = scores([s for s in found.scores if s.task == "arc_easy"], "loglikelihood")
    names = ("acc", "acc_norm")
    assert ours == {f"{name},none": (values[f"{name},none"], values[f"{name}_stderr,none"]) for name in names}
    # It has no answers in words, so there is nothing to grade.
    assert {answer.task for answer in found.answers} == {"gsm8k"}


def test_what_lm_eval_takes_unless_told_otherwise_is_what_we_take() -> None:
    from lm_eval import defaults

    assert defaults.DEFAULT_MAX_GEN_TOKS == THEIR_LONGEST
    assert (defaults.DEFAULT_RANDOM_SEED, defaults.DEFAULT_OTHER_SEED) == SEEDS


def both(folder: Path, weights: Path | None, **backend: Any) -> tuple[Any, Any]:
    """Our model and lm-eval's own of the same learner."""
    from lm_eval.models.huggingface import HFLM

    ours = harness_model(Cells(learner(folder, **backend), None), weights, 7)
    length = learner(folder, **backend).runner.room
    peft = {"peft": str(weights)} if weights else {}
    return ours, HFLM(str(folder), device="cpu", dtype="float32", batch_size=3, max_length=length, **peft)


PAIRS = [
    ("Question: 1 + 1?\nAnswer:", " 2"),
    ("Question: 1 + 1?\nAnswer:", " 3"),
    ("Question: 1 + 1?\nAnswer: ", "2"),
    ("spaces at the end   ", "and on"),
    ("", "no context at all"),
    ("x" * 300, "a context that is too long for the model is cut at its start"),
    ("one", "\n"),
]


@pytest.mark.parametrize("length", [4096, 80])
def test_log_likelihoods_are_those_of_lm_evals_own_model(folder: Path, weights: Path | None, length: int) -> None:
    ours, other = both(folder, weights, max_length=length)
    asked = [SimpleNamespace(args=pair) for pair in PAIRS]
    mine, their = ours.loglikelihood(asked), other.loglikelihood(asked)
    assert [logp for logp, _ in mine] == pytest.approx([logp for logp, _ in their], abs=1e-3)
    assert [greedy for _, greedy in mine] == [greedy for _, greedy in their]
    assert min(logp for logp, _ in mine) < -1
    # A character is a token here.
    assert ours.shortened == [len(context) > length for context, _ in PAIRS]


def test_documents_whose_context_lost_its_beginning_are_counted(tmp_path: Path, folder: Path) -> None:
    asked = settings(entry("gsm8k", GSM8K, k=2, **SHORT), entry("arc_easy", ARC))
    counts = {}
    for length in (4096, 512):
        exam = paper(asked, tmp_path / str(length))
        said = evaluate(learner(folder, max_length=length), [Examinee("base", 0, None)], exam, None)
        counts[length] = {(each.task, each.decoding): each.shortened for each in said.scores}
    assert set(counts[4096].values()) == {0}
    # Five examples are longer than 512 characters, a question of ARC with a choice is not.
    assert counts[512] == {("gsm8k", "sampled"): 6, ("gsm8k", "greedy"): 6, ("arc_easy", "loglikelihood"): 0}


def test_what_greedy_decoding_says_is_rated_as_greedy(folder: Path, weights: Path | None) -> None:
    ours, other = both(folder, weights)
    request = SimpleNamespace(args=("Question: ", {"until": [], "max_gen_toks": 6}), task_name="t", doc_id=0, idx=0)
    (said,) = ours.generate_until([request])
    asked = [SimpleNamespace(args=("Question:", " " + said)), SimpleNamespace(args=("Question:", " nothing"))]
    assert [greedy for _, greedy in ours.loglikelihood(asked)] == [g for _, g in other.loglikelihood(asked)]


def test_rolling_log_likelihoods_are_those_of_lm_evals_own_model(folder: Path, weights: Path | None) -> None:
    ours, other = both(folder, weights, max_length=64)
    asked = [SimpleNamespace(args=(text,)) for text in ("short", "a text in several windows " * 12, "x" * 64)]
    assert ours.loglikelihood_rolling(asked) == pytest.approx(other.loglikelihood_rolling(asked), abs=1e-2)


def test_an_answer_is_cut_at_the_first_of_the_tasks_stops_as_lm_eval_does(folder: Path, weights: Path | None) -> None:
    ours, other = both(folder, weights)
    free = SimpleNamespace(args=("Say:", {"until": [], "max_gen_toks": 30}), task_name="t", doc_id=0, idx=0)
    (whole,) = ours.generate_until([free])
    stops = [whole[12:14], whole[5:7], "never said"]
    asked = SimpleNamespace(args=("Say:", {"until": stops, "max_gen_toks": 30}), task_name="t", doc_id=0, idx=0)
    (cut,) = ours.generate_until([asked])
    assert [cut] == other.generate_until([SimpleNamespace(args=asked.args)])
    assert whole.startswith(cut)
    assert len(cut) <= 5
    # It ended there by itself: no more was generated, and it counts as an answer.
    assert ours.completions[0].tokens < 30
    assert ours.completions[0].finish == "stop"


def test_avg_at_k_of_a_metric_is_its_mean_over_drawn_answers(tmp_path: Path, folder: Path, adapter: Path) -> None:
    asked = settings(entry("gsm8k", GSM8K, k=3, temperature=0.8, prompt="multiturn", **SHORT))
    found = evaluate(learner(folder), [Examinee("sft", 1, adapter)], paper(asked, tmp_path / "e"), None)
    drawn = [a for a in found.answers if a.decoding == "sampled"]
    assert len(drawn) == 3 * 6
    (flexible,) = [s for s in found.scores if (s.decoding, s.filter) == ("sampled", "flexible-extract")]
    assert flexible.documents is not None
    assert flexible.value == pytest.approx(sum(flexible.documents) / 6)
    # Thirds of an answer: each document's three draws are rated one by one.
    assert {round(3 * value, 6) for value in flexible.documents} <= {0, 1, 2, 3}
    verdicts = {a.verdict for a in found.answers}
    assert verdicts <= set(Verdict)


def test_a_draw_of_a_document_is_its_own_whatever_stands_beside_it(tmp_path: Path, folder: Path) -> None:
    few = settings(entry("gsm8k", GSM8K, k=1, greedy=False, **SHORT))
    more = settings(entry("gsm8k", GSM8K, k=2, greedy=False, **SHORT))
    said = [
        evaluate(learner(folder), [Examinee()], paper(each, tmp_path / name), None).answers
        for name, each in (("few", few), ("more", more))
    ]
    assert [a.text for a in said[0]] == [a.text for a in said[1] if a.repeat == 0]


def test_a_learner_is_put_back_as_it_was(folder: Path, adapter: Path) -> None:
    own: Learner = learner(folder)
    pairs = [([1, 2, 3], [4, 5])]
    bare = own.runner.loglikelihoods(pairs)
    assert own.runner.loglikelihoods(pairs, adapter) != bare
    assert own.runner.loglikelihoods(pairs) == bare
    assert dataclasses.replace(own) == own
