"""Evaluation sets without a count are whole: training leaves them what is theirs, and is counted; they may overlap."""

import json
from pathlib import Path
from typing import Any

import pytest

from qup import problems, records, settings
from qup.errors import SettingsError
from qup.evals import EvaluationSettings
from qup.problems import ProblemSettings, _splits
from stages import prepare

GYM = {"source": "reasoning_gym", "tasks": {"chain_sum": {}}}


def put(path: Path, *numbers: int, after: str = "") -> dict[str, Any]:
    """A file of sums, as a study names it."""
    lines = (json.dumps({"question": f"What is {i} plus {i}{after}?", "answer": str(2 * i)}) + "\n" for i in numbers)
    path.write_text("".join(lines), encoding="utf-8")
    return {"source": "jsonl", "file": path.name}


def read(sources: list[dict[str, Any]], train: int, heldout: int, **further: Any) -> ProblemSettings:
    return settings.read(ProblemSettings, {"sources": sources, "train": train, "heldout": heldout, **further})


def split(files: Path, *given: Any, **further: Any) -> _splits.Split:
    return problems.prepare(read(*given, **further), 1, files)


def ids(rows: list[records.Problem]) -> set[str]:
    return {problem.id for problem in rows}


def test_training_leaves_a_whole_set_its_problems_and_says_how_many(tmp_path: Path) -> None:
    train, bench = put(tmp_path / "train.jsonl", *range(40)), put(tmp_path / "bench.jsonl", *range(30, 50))
    made = split(tmp_path, [train], 20, 10, sets={"bench": {"sources": [bench]}})
    assert len(made.sets["bench"]) == 20
    assert not ids(made.sets["bench"]) & ids([*made.train, *made.heldout])
    # Of the 40, ten are in the set: 30 are left, and not one more.
    assert made.checks["sources"]["train"] == [
        {
            "source": "problems.sources[0] (jsonl)",
            "given": 40,
            "gold_failed": 0,
            "kept_for": {"bench": 10},
            "repeated": 10,
        }
    ]
    assert made.checks["in_both"] == 0
    with pytest.raises(
        SettingsError, match=r"30 usable problems of the 31 .*; 0 whose.* 10 repeated, of them 10 in be"
    ):
        split(tmp_path, [train], 20, 11, sets={"bench": {"sources": [bench]}})


def test_a_further_training_set_leaves_them_too(tmp_path: Path) -> None:
    train, more = put(tmp_path / "train.jsonl", *range(100, 140)), put(tmp_path / "more.jsonl", *range(40))
    bench = put(tmp_path / "bench.jsonl", *range(10))
    again = {"again": {"sources": [more], "count": 30}}
    made = split(tmp_path, [train], 20, 10, sets={"bench": {"sources": [bench]}}, training_sets=again)
    assert made.checks["sources"]["again"][0]["kept_for"] == {"bench": 10}
    assert not ids(made.sets["bench"]) & ids(made.train)


def test_whole_sets_may_share_problems_and_each_stays_whole(tmp_path: Path) -> None:
    # As GSM8K and its second reading: one holds most of the other.
    train = put(tmp_path / "train.jsonl", *range(100, 140))
    first, second = put(tmp_path / "first.jsonl", *range(20)), put(tmp_path / "second.jsonl", *range(5, 20))
    sets = {"first": {"sources": [first]}, "second": {"sources": [second]}}
    made = split(tmp_path, [train], 20, 10, sets=sets)
    assert [len(rows) for rows in made.sets.values()] == [20, 15]
    assert ids(made.sets["second"]) < ids(made.sets["first"])


def test_a_set_with_a_count_leaves_whole_ones_their_problems(tmp_path: Path) -> None:
    train = put(tmp_path / "train.jsonl", *range(100, 140))
    bench, drawn = put(tmp_path / "bench.jsonl", *range(10)), put(tmp_path / "drawn.jsonl", *range(15))
    sets = {"drawn": {"sources": [drawn], "count": 5}, "bench": {"sources": [bench]}}
    made = split(tmp_path, [train], 20, 10, sets=sets)
    assert list(made.sets) == ["drawn", "bench"]
    assert not ids(made.sets["drawn"]) & ids(made.sets["bench"])
    sets["drawn"]["count"] = 6
    with pytest.raises(SettingsError, match=r"5 usable problems of the 6 .* lower problems\.sets\.drawn\.count"):
        split(tmp_path, [train], 20, 10, sets=sets)


def test_a_set_is_all_of_several_sources_and_a_question_of_two_is_there_once(tmp_path: Path) -> None:
    train = put(tmp_path / "train.jsonl", *range(100, 140))
    halves = [put(tmp_path / "one.jsonl", *range(10)), put(tmp_path / "two.jsonl", *range(8, 12))]
    made = split(tmp_path, [train], 20, 10, sets={"both": {"sources": halves}})
    assert len(made.sets["both"]) == 12


def test_what_training_shares_words_with_is_counted_for_a_whole_set(tmp_path: Path) -> None:
    after = ", if somebody who cannot count were to ask you that today"
    train = put(tmp_path / "train.jsonl", *range(100, 140), after=after)
    bench = put(tmp_path / "bench.jsonl", *range(10), after=after)
    made = split(tmp_path, [train], 20, 10, sets={"bench": {"sources": [bench]}}, ngram=10)
    assert made.checks["evaluation"]["bench"] == {"count": 10, "sharing_an_ngram": 10, "tags": {}}


def test_a_set_none_of_whose_answers_can_be_graded_is_one_line(tmp_path: Path) -> None:
    train = put(tmp_path / "train.jsonl", *range(100, 140))
    (tmp_path / "bench.jsonl").write_text('{"question": "Why?", "answer": "{"}\n', encoding="utf-8")
    bench = {"source": "jsonl", "file": "bench.jsonl"}
    with pytest.raises(SettingsError, match=r"^problems\.sets\.bench\.sources\[0\] \(jsonl\) has no usable problem"):
        split(tmp_path, [train], 20, 10, sets={"bench": {"sources": [bench]}})


def test_there_is_no_all_of_a_source_without_an_end() -> None:
    with pytest.raises(SettingsError, match=r"^sets\.more: needs 'count': reasoning_gym makes problems without an"):
        read([GYM], 5, 5, sets={"more": {"sources": [GYM]}})


def test_a_share_of_all_is_refused() -> None:
    own = {"source": "jsonl", "file": "a.jsonl", "weight": 2}
    with pytest.raises(SettingsError, match=r"^sets\.more\.sources\.?\[0\]\.weight: a share of 2 needs 'count'"):
        read([GYM], 5, 5, sets={"more": {"sources": [own]}})


def test_the_stage_says_what_training_left_to_which_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train, bench = put(tmp_path / "train.jsonl", *range(40)), put(tmp_path / "bench.jsonl", *range(35, 45))
    given = read([train], 20, 10, sets={"bench": {"sources": [bench]}})
    study = type("Study", (), {"problems": given, "seed": 1, "asked": (), "evaluation": EvaluationSettings()})
    monkeypatch.setattr("stages.cli.start", lambda args: study)
    prepare.main(["--study", "toy.yaml", "--files", str(tmp_path), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out.splitlines()
    assert "problems.sources[0] (jsonl): 5 problems are in bench, and so not trained on" in said
    assert said[-1] == (
        "to train on 1 x 20 in train; 10 in heldout, 10 in bench; "
        "0 in heldout, 0 in bench share 13 words in a row with one"
    )


# --- the first rows


def test_only_the_first_rows_of_a_file_are_read(tmp_path: Path) -> None:
    own = put(tmp_path / "own.jsonl", *range(100))
    found = settings.load("problems", "jsonl")(file=own["file"], first=30).problems(1000, 1, tmp_path)
    assert {problem.question for problem in found} == {f"What is {i} plus {i}?" for i in range(30)}


class Split(list[dict[str, Any]]):
    """As much of a `datasets.Dataset` as a source looks at."""

    column_names = ("source", "problem", "solution", "messages")


def numina(rows: int) -> Split:
    """Rows as NuminaMath-CoT has them, every fifth a proof without a box."""
    box = [f"It is \\boxed{{{i}}}." if i % 5 else "Which was to be shown." for i in range(rows)]
    return Split({"source": "toy", "problem": f"Find {i}.", "solution": box[i], "messages": []} for i in range(rows))


def test_the_first_rows_of_numinamath_are_read_at_a_commit_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def load_dataset(repo: str, config: str | None, **how: Any) -> Split:
        asked.append((repo, config, how))
        return numina(100)

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    columns = {"question": "problem", "answer": "solution", "answer_boxed": True}
    pinned = {"repo": "AI-MO/NuminaMath-CoT", "revision": "e8b6aad745189763d0fd9521ac0844ce44675bef"}
    source = settings.load("problems", "hub_dataset")
    found = source(**pinned, **columns, first=40).problems(1000, 1, tmp_path)
    assert asked == [("AI-MO/NuminaMath-CoT", None, {"revision": pinned["revision"], "split": "train"})]
    assert sorted(int(problem.answer) for problem in found) == [i for i in range(40) if i % 5]
    assert found.left_out == {"unreadable": 8}
    with pytest.raises(SettingsError, match=r"^first: AI-MO/NuminaMath-CoT has 100 rows, which are fewer"):
        source(**pinned, **columns, first=101).problems(1000, 1, tmp_path)


@pytest.mark.parametrize("name", ["numina.jsonl", "numina.parquet"])
def test_the_first_rows_of_numinamath_are_read_from_a_file(tmp_path: Path, name: str) -> None:
    import pyarrow
    from pyarrow import parquet

    if name.endswith(".parquet"):
        parquet.write_table(pyarrow.Table.from_pylist(list(numina(100))), tmp_path / name)
    else:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in numina(100)), encoding="utf-8")
    source = settings.load("problems", "jsonl")
    found = source(file=name, first=40).problems(1000, 1, tmp_path)
    assert sorted(int(problem.answer) for problem in found) == [i for i in range(40) if i % 5]
    with pytest.raises(SettingsError, match=f"^first: {name} has 100 rows, which are fewer than the first 101"):
        source(file=name, first=101).problems(1000, 1, tmp_path)
