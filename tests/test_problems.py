"""Problem sources and the split: every source passes its own gold, and no two sets have a question in common."""

import dataclasses
import json
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from qup import records, settings
from qup.errors import SettingsError
from qup.problems import ProblemSettings, Weighted, _pools, _splits
from qup.problems._content import problem, quotas
from qup.settings import Plug
from qup.study import Study, read
from stages import prepare

WORKED = [{"question": f"What is {i} plus one?", "answer": f"One more than {i}.\n#### {i + 1}"} for i in range(20)]


class Rows(list[dict[str, str]]):
    """As much of a `datasets.Dataset` as a source looks at."""

    column_names = ("question", "answer")


def source(name: str, **settings: Any) -> Any:
    return Plug("problems").make({"source": name, **settings})


def example(kind: str, name: str) -> dict[str, Any]:
    """The settings in a plug's docstring, with its placeholder for a commit filled in."""
    doc = sys.modules[settings.load(kind, name).__module__].__doc__ or ""
    written = re.search(r"Example: `(\{.*?\})`\.", doc, re.DOTALL)
    assert written
    given: dict[str, Any] = yaml.safe_load(written[1].replace("<40 hex digits>", "'" + "0" * 40 + "'"))
    return given


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", settings.names("problems"))
def test_every_source_passes_its_own_gold_and_repeats_itself(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.load_dataset", lambda *a, **k: Rows(WORKED))
    given = example("problems", name)
    if "file" in given:
        write(tmp_path / given["file"], *WORKED)
    made = Plug("problems", holder=Weighted).make(given).source
    found = made.problems(12, 1, tmp_path)
    assert len({p.id for p in found}) == 12
    assert _pools.gold_passes(found) == [True] * 12
    assert made.problems(12, 1, tmp_path) == found
    assert made.problems(12, 2, tmp_path) != found


def test_what_precedes_the_mark_is_the_solution(tmp_path: Path) -> None:
    write(tmp_path / "own.jsonl", WORKED[0])
    (found,) = source("jsonl", file="own.jsonl", answer_after="####").problems(5, 1, tmp_path)
    assert (found.answer, found.solution) == ("1", "One more than 0.")


def test_the_box_of_a_worked_solution_is_the_answer(tmp_path: Path) -> None:
    write(tmp_path / "own.jsonl", {"question": "Half of 1?", "answer": r"It is \boxed{\frac{1}{2}}."})
    (found,) = source("jsonl", file="own.jsonl", answer_boxed=True).problems(5, 1, tmp_path)
    assert (found.answer, found.solution) == (r"\frac{1}{2}", r"It is \boxed{\frac{1}{2}}.")


@pytest.mark.parametrize("bad", ["{", "[1]", {"question": "Why?"}, {"question": " ", "answer": "1"}])
def test_a_bad_line_is_named_with_what_was_expected(bad: object, tmp_path: Path) -> None:
    write(tmp_path / "own.jsonl", {"question": "1+1?", "answer": 2}, bad)
    with pytest.raises(SettingsError, match=r"own.jsonl, line 2: expected"):
        source("jsonl", file="own.jsonl").problems(5, 1, tmp_path)


def test_a_missing_file_names_the_near_ones(tmp_path: Path) -> None:
    write(tmp_path / "own.jsonl", WORKED[0])
    with pytest.raises(SettingsError, match=r"did you mean 'own.jsonl'"):
        source("jsonl", file="owm.jsonl").problems(5, 1, tmp_path)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"chain_sums": {}}, "did you mean 'chain_sum'"),
        ({"chain_sum": {"max_term": 3}}, "did you mean 'max_terms'"),
        ({"chain_sum": {"max_terms": 0}}, "does not take"),
        # What YAML may say and JSON may not; what a task finds out only when it makes an entry.
        ({"chain_sum": {"max_terms": float("nan")}}, "does not take .*: ValueError"),
        ({"chain_sum": {"max_terms": date(2024, 3, 5)}}, "does not take .*: TypeError"),
        ({"kakurasu": {"max_retries": 0}}, "does not take .*: entry 0 is None"),
        ({"chain_sum": {"weight": -1}}, "expected a number above 0"),
        ({}, "at least one task"),
    ],
)
def test_unknown_tasks_and_settings_are_named(tasks: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        source("reasoning_gym", tasks=tasks).problems(5, 1, tmp_path)


def test_a_branch_is_not_a_revision() -> None:
    with pytest.raises(SettingsError, match="40 hex digits, got 'main'"):
        source("hub_dataset", repo="openai/gsm8k", revision="main")


def test_a_column_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.load_dataset", lambda *a, **k: Rows(WORKED))
    with pytest.raises(SettingsError, match=r"no column \['problem'\]: it has question, answer"):
        source("hub_dataset", repo="a/b", revision="0" * 40, question="problem").problems(5, 1, tmp_path)


def test_equal_content_has_one_id_however_spaced() -> None:
    assert problem("What is  1+1?", "2", "a").id == problem("what is 1 + 1?\n", "2", "b").id


def pool(name: str, *questions: str, weight: float = 1) -> _splits.Pool:
    return _splits.Pool(name, weight, [problem(q, "1", name) for q in questions])


def split(pools: list[_splits.Pool], train: int, heldout: int) -> _splits.Split:
    """One replicate, checked."""
    return _splits.checked(_splits.split(pools, train, 1, heldout, seed=1), ngram=13)


def test_weights_become_whole_shares_that_add_up() -> None:
    assert quotas([1, 1, 1], 10) == [4, 3, 3]
    assert quotas([3, 1], 2) == [2, 0]


def test_a_question_in_two_sources_is_kept_once() -> None:
    made = split([pool("a", "one?", "two?"), pool("b", "ONE ?", "three?", "four?")], 2, 2)
    assert len({p.question for p in made.train + made.heldout}) == 4
    assert [s["repeated"] for s in made.checks["sources"]["train"]] == [0, 1]
    assert made.checks["in_both"] == 0


def test_gold_that_our_grader_rejects_is_dropped_and_counted() -> None:
    good = [problem(f"q{i}", str(i), "a") for i in range(4)]
    bad = [problem("long", "1" * 301, "a"), problem("open", "{", "a"), problem("lines", "so\n#### 3", "a")]
    made = split([_splits.Pool("a", 1, bad + good)], 2, 2)
    assert made.checks["sources"] == {"train": [{"source": "a", "given": 7, "gold_failed": 3, "repeated": 0}]}


def test_too_few_problems_are_an_error_with_the_counts() -> None:
    with pytest.raises(SettingsError, match=r"a has 1 usable problems of the 4 .* 1 repeated"):
        split([pool("a", "one?", "One?")], 2, 2)


def test_a_shared_run_of_words_is_counted() -> None:
    train = [problem("the cat sat on the mat", "1", "a")]
    heldout = [problem("a cat sat on the hat", "2", "a"), problem("a dog", "3", "a")]
    assert _splits.contaminated(train, heldout, 4) == [heldout[0].id]
    assert _splits.contaminated(train, heldout, 5) == []


def test_the_order_of_problems_depends_on_their_content_only() -> None:
    questions = [f"q{i}?" for i in range(8)]
    forward = split([pool("a", *questions)], 4, 4)
    backward = split([pool("a", *reversed(questions))], 4, 4)
    assert (forward.train, forward.heldout) == (backward.train, backward.heldout)


def test_a_further_set_has_no_question_of_the_others_and_is_graded_on_gold() -> None:
    main = split([pool("a", "one?", "two?", "three?", "four?")], 2, 2)
    bad = problem("open?", "{", "b")
    given = _splits.Pool("b", 1, [bad, *pool("b", "ONE ?", "five?", "six?", "five ?").problems])
    made = _splits.checked(_splits.with_set(main, "longer", [given], 2, seed=1), ngram=13)
    assert {p.question for p in made.sets["longer"]} == {"five?", "six?"}
    assert (made.train, made.heldout) == (main.train, main.heldout)
    # Of 5, one cannot be graded, one is in the main sets and one comes twice.
    counts = {"source": "b", "given": 5, "gold_failed": 1, "repeated": 2}
    assert made.checks["sources"]["longer"] == [counts]
    assert made.checks["evaluation"]["longer"] == {"count": 2, "sharing_an_ngram": 0, "tags": {}}
    again = _splits.with_set(made, "other", [pool("c", "six?", "seven?")], 1, seed=1)
    assert [p.question for p in again.sets["other"]] == ["seven?"]
    assert list(again.sets) == ["longer", "other"]


def test_what_a_further_set_shares_with_the_training_set_is_counted() -> None:
    train = [problem("the cat sat on the mat", "1", "a")]
    made = _splits.with_set(_splits.Split(train, []), "longer", [pool("b", "a cat sat on the hat", "a dog")], 2, seed=1)
    assert _splits.checked(made, ngram=4).checks["evaluation"]["longer"]["sharing_an_ngram"] == 1
    assert _splits.checked(made, ngram=5).checks["evaluation"]["longer"]["sharing_an_ngram"] == 0


def test_too_few_problems_of_a_further_set_name_its_count() -> None:
    main = split([pool("a", "one?", "two?")], 1, 1)
    with pytest.raises(SettingsError, match=r"b has 0 usable problems of the 1 .* lower problems\.sets\.longer\.count"):
        _splits.with_set(main, "longer", [pool("b", "Two?")], 1, seed=1)


def study(sources: list[dict[str, Any]], longer: list[dict[str, Any]]) -> Study:
    """The smoke study with other problems: 6 to train on, 4 held out, 3 longer ones."""
    sets = {"longer": {"sources": longer, "count": 3}}
    given = {"sources": sources, "train": 6, "heldout": 4, "sets": sets}
    smoke = read(Path(__file__).parents[1] / "studies" / "smoke.yaml")
    return dataclasses.replace(smoke, problems=settings.read(ProblemSettings, given))


def test_the_stage_writes_the_same_bytes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = {"chain_sum": {"weight": 2, "max_terms": 3}, "gsm_symbolic": {}}
    own = {"source": "jsonl", "file": "own.jsonl"}
    made = study([{"source": "reasoning_gym", "weight": 3, "tasks": tasks}, own], longer=[own])
    monkeypatch.setattr("stages.cli.start", lambda args: made)
    write(tmp_path / "own.jsonl", *({"question": w["question"], "answer": i + 1} for i, w in enumerate(WORKED)))
    written = []
    for name in "ab":
        prepare.main(["--study", "toy.yaml", "--files", str(tmp_path), "--out", str(tmp_path / name)])
        folder = tmp_path / name
        written.append({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.json*")})
    assert written[0] == written[1]
    sets = ("train.jsonl", "evaluation/heldout.jsonl", "evaluation/longer.jsonl")
    assert set(written[0]) == {*sets, "checks.json"}
    train, heldout, longer = (records.read(tmp_path / "a" / name, records.Problem) for name in sets)
    assert sum(p.source.startswith("jsonl") for p in train) == 1
    # 6 + 4 + 3, no question twice, though the longer ones come from a file that the others draw on as well.
    assert len({p.id for p in (*train, *heldout, *longer)}) == 13
