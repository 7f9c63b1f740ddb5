"""What is taken from answers to tasks of lm-eval, and what their documents' gold answers are."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from toytasks import ARC, DATA, pinned, settings

from qup.backends import hf, vllm
from qup.errors import SettingsError
from qup.evals import data, leaf, library
from qup.evals.model import _held, _sampling
from qup.evals.settings import Decoding
from qup.evals.tasks import Answered
from qup.lm.chat import ChatFormat

# Libraries that lm-eval brings warn at will.
pytestmark = pytest.mark.filterwarnings("ignore")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def answered(name: str | None, responses: list[list[str]]) -> Answered:
    """Answers to a task of lm-eval with its own filters, or with those that lm-eval gives to one without."""
    from lm_eval.filters import build_filter_ensemble

    listed = library.leaves(name)[0].config["filter_list"] if name else None
    default = [{"name": "none", "filter": [{"function": "take_first"}]}]
    ensembles = [
        build_filter_ensemble(
            own["name"],
            [(step["function"], {k: v for k, v in step.items() if k != "function"}) for step in own["filter"]],
        )
        for own in listed or default
    ]
    instances = [SimpleNamespace(doc={}, resps=[], filtered_resps={}) for _ in responses]
    task: Any = SimpleNamespace(instances=instances, _filters=ensembles, config=SimpleNamespace(filter_list=listed))
    return Answered(task, responses)


@pytest.mark.parametrize(
    ("task", "text", "taken"),
    [
        (None, "42", "42"),
        (None, " 42\n", "42"),
        (None, "It is\n42", None),
        (None, "x" * 61, None),
        ("gsm8k", "so\n#### 42", "42"),
        ("gsm8k", "42", "42"),
        ("gsm8k", "no number", None),
        # Its first filter drops space at the start only.
        ("mgsm_direct_en", " The answer is 42.", "42."),
        ("gsm8k_cot_self_consistency", "The answer is 42", "42"),
    ],
)
def test_an_answer_is_what_a_filter_takes_of_it_else_the_whole_of_a_short_one(
    task: str | None, text: str, taken: str | None
) -> None:
    assert answered(task, [[text]]).found() == [taken]


def test_a_task_that_votes_is_asked_for_its_own_repeats_and_not_greedily() -> None:
    name = "gsm8k_cot_self_consistency"
    voting = {"task": name, "data": {"revision": COMMIT}}
    asked = settings("heldout", voting, k=4, greedy=True).asked(["heldout"])[-1]
    assert [(each.name, each.repeats) for each in asked.decodings] == [("sampled", 64)]
    assert settings("heldout", voting | {"k": 64}).asked(["heldout"])[-1].decodings == asked.decodings
    for own in ({"k": 4}, {"k": 1}, {"greedy": True}):
        with pytest.raises(
            SettingsError, match=rf"^tasks\[1\]\.{next(iter(own))}: '{name}' makes one score of its own 64"
        ):
            settings("heldout", voting | own).asked(["heldout"])


def test_a_target_that_is_the_number_of_a_choice_is_that_choice() -> None:
    choices = SimpleNamespace(
        config=SimpleNamespace(doc_to_choice=[" no", " yes"]),
        doc_to_target=lambda document: document["label"],
        doc_to_choice=lambda document: [" no", " yes"],
    )
    targets = [data._target(choices, {"label": label}) for label in (0, 1, -1, " yes")]
    assert targets == [" no", " yes", None, " yes"]
    assert data.gold(targets[1]) == "yes"
    plain = SimpleNamespace(config=SimpleNamespace(doc_to_choice=None), doc_to_target=choices.doc_to_target)
    assert data._target(plain, {"label": 1}) == 1


def test_a_main_task_that_cannot_be_graded_is_refused_before_anything_is_trained() -> None:
    data.require_graded("heldout", {"coqa": {"graded": False}})
    data.require_graded("gsm8k", {"gsm8k": {"graded": True}})
    with pytest.raises(SettingsError, match=r"^evaluation\.tasks: 'coqa' comes first, .*: name a set first$"):
        data.require_graded("coqa", {"coqa": {"graded": False}})


def test_a_metric_that_some_answers_have_is_that_of_those() -> None:
    rounds = iter([{("f1", "none"): [1.0, 0.0]}, {("f1", "none"): [1.0], ("em", "none"): [1.0, 0.0]}])
    uneven: Any = SimpleNamespace(
        task=SimpleNamespace(aggregation=dict, eval_docs=[{}, {}]), scores=lambda repeat: next(rounds)
    )
    asked = settings("heldout", {"task": "gsm8k", "k": 2, "data": {"revision": COMMIT}}).asked(["heldout"])[-1]
    scores = leaf._scores(uneven, asked, asked.decodings[0], together=False)
    assert [(each.metric, each.value, each.documents) for each in scores] == [("f1", 0.75, None), ("em", 0.5, None)]


def test_a_task_that_draws_by_itself_does_so_from_its_own_top_p() -> None:
    drawing = {"do_sample": True, "top_p": 0.9, "temperature": 0.5}
    sampled, greedy = Decoding("sampled", 2, 0.7, 10), Decoding("greedy", 1, 0.0, 10)
    assert [_sampling(drawing, each, 1).top_p for each in (sampled, greedy, None)] == [0.9, 1.0, 0.9]
    assert _sampling({"do_sample": False, "top_p": 0.9}, sampled, 1).top_p == 1.0


def test_an_edit_of_what_a_users_task_uses_is_seen(tmp_path: Path) -> None:
    files, out = tmp_path / "problems", tmp_path / "out"
    own = files / "mine"
    for each in (own / "parts", own / "__pycache__", out):
        each.mkdir(parents=True)
    base = library.leaves("gsm8k")[0].path
    texts = {
        own / "mine.yaml": "include: [parts/a.yaml, ../b.yaml]\ntask: mine\n",
        own / "parts" / "a.yaml": f"include: {base}\n",
        files / "b.yaml": "num_fewshot: 0\n",
        own / "prompt.txt": "Say:",
        own / "rows.jsonl": "{}",
        own / "__pycache__" / "utils.pyc": "",
        files / "other.py": "",
    }
    for path, text in texts.items():
        path.write_text(text)
    (found,) = library.leaves(str(own / "mine.yaml"))
    data._note(found, files, out)
    noted = [line.split("  ")[1] for line in (out / data.SOURCES).read_text().splitlines()]
    assert noted == ["b.yaml", "mine/mine.yaml", "mine/parts/a.yaml", "mine/prompt.txt"]
    before = (out / data.SOURCES).read_text()
    (own / "prompt.txt").write_text("Tell:")
    data._note(found, files, out)
    assert (out / data.SOURCES).read_text() != before
    with pytest.raises(SettingsError, match=r"b\.yaml must stand below .*mine, where its edits are seen"):
        data._note(found, own, out)


@pytest.mark.parametrize(("backend", "longest"), [(hf.Backend, 17), (vllm.Backend, 15)])
def test_what_is_too_long_for_a_backend_is_cut_to_what_it_takes(backend: Any, longest: int) -> None:
    runner = backend(Path("nowhere"), "float32", 1, 16)
    vars(runner)["chat"] = ChatFormat(None)
    assert runner.longest == longest
    context, given = _held([*range(100)], [7, 8], runner.longest)
    assert (len(context), context[-1], given) == (longest - 2, 99, [7, 8])
    assert _held([1], [2] * (longest - 1), longest) == ([1], [2] * (longest - 1))
    with pytest.raises(SettingsError, match=f"{longest} tokens after 1: .*at most {longest - 1} "):
        _held([1], [2] * longest, longest)


def test_of_tokens_that_are_tied_one_is_greedy() -> None:
    import torch

    tied = torch.tensor([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
    assert [hf._greedy(torch.nn.Identity(), tied, [first, 1]) for first in range(3)] == [True, False, False]


def test_log_likelihoods_are_asked_for_as_many_at_once_as_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(hf, "_batches", lambda lengths, size: iter(sizes.append(size) or []))
    runner = hf.Backend(Path("nowhere"), "float32", 16, 64, score_batch=3)
    vars(runner)["model"] = None
    assert runner.loglikelihoods([]) == []
    assert sizes == [3]


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (
            "acc_nrom",
            r"unknown metric of 'mine' 'acc_nrom': did you mean 'acc_norm'",
        ),
        (
            "perplexity",
            r"'mine' is of multiple_choice, which gives no perplexity: l",
        ),
    ],
)
def test_a_metric_that_a_users_task_will_not_have_is_refused_before_anything_is_asked(
    tmp_path: Path, metric: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where lm-eval looks for a name that it does not know.
    monkeypatch.setitem(sys.modules, "evaluate", None)
    (file := tmp_path / "mine" / "mine.yaml").parent.mkdir()
    (tmp_path / ARC["test"]).write_bytes((DATA / ARC["test"]).read_bytes())
    own = {"include": str(library.leaves("arc_easy")[0].path), "task": "mine"}
    for metrics, refused in ((["acc", metric], True), (["acc", "acc_norm"], False)):
        listed = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in metrics]
        file.write_text(json.dumps(own | {"metric_list": listed}))
        library._alone.cache_clear()
        asked = settings("heldout", {"task": str(file), "data": pinned(ARC)}).asked(["heldout"])
        if refused:
            with pytest.raises(SettingsError, match=rf"^evaluation\.tasks\.mine\.metric_list: {said}"):
                data.lay(asked, [], 13, tmp_path, tmp_path / "out")
        else:
            assert data.lay(asked, [], 13, tmp_path, tmp_path / "out")["mine"]["count"] == 8
