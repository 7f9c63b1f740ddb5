"""A source is asked until the sets are full or it is dry; what is dropped on the way is counted; all in linear time."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qup import settings
from qup.errors import SettingsError
from qup.problems import ProblemSettings, _pools, _splits, prepare
from qup.problems._content import Supply, normalized, problem
from qup.problems.hub_dataset import Source as Hub
from qup.problems.reasoning_gym import Source as Gym
from qup.records import Problem

TOO_LONG = "x" * 400


def put(path: Path, rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A file of questions and answers, as a study names it."""
    lines = (json.dumps({"question": question, "answer": answer}) + "\n" for question, answer in rows)
    path.write_text("".join(lines), encoding="utf-8")
    return {"source": "jsonl", "file": path.name}


def sums(*numbers: int) -> list[tuple[str, str]]:
    return [(f"What is {i} plus {i}?", str(2 * i)) for i in numbers]


def split(files: Path, sources: list[dict[str, Any]], train: int, heldout: int, **further: Any) -> _splits.Split:
    given = {"sources": sources, "train": train, "heldout": heldout, **further}
    made = prepare(settings.read(ProblemSettings, given), 1, files)
    sets = (made.train, made.heldout, *made.sets.values())
    questions = [normalized(problem.question) for problems in sets for problem in problems]
    assert len(set(questions)) == len(questions)
    return made


def test_a_set_is_filled_although_four_in_ten_cannot_be_graded(tmp_path: Path) -> None:
    rows = [(question, TOO_LONG if i % 5 < 2 else answer) for i, (question, answer) in enumerate(sums(*range(400)))]
    made = split(tmp_path, [put(tmp_path / "own.jsonl", rows)], 100, 50)
    assert (len(made.train), len(made.heldout)) == (100, 50)
    (counts,) = made.sources["train"]
    assert counts["given"] - counts["gold_failed"] - counts["repeated"] >= 150
    all_of_them = split(tmp_path, [put(tmp_path / "own.jsonl", rows)], 200, 40)
    assert all_of_them.sources["train"][0] == {
        "source": counts["source"],
        "given": 400,
        "gold_failed": 160,
        "repeated": 0,
    }
    with pytest.raises(SettingsError, match=r"240 usable problems of the 241 .* \(it gave 400; 160 whose answer"):
        split(tmp_path, [put(tmp_path / "own.jsonl", rows)], 200, 41)


def test_a_further_set_takes_what_the_others_leave_of_one_file(tmp_path: Path) -> None:
    own = put(tmp_path / "own.jsonl", sums(*range(300)))
    made = split(
        tmp_path,
        [own],
        train=100,
        heldout=80,
        sets={"longer": {"sources": [own], "count": 60}},
        training_sets={"again": {"count": 60}},
    )
    assert (len(made.train), len(made.heldout), len(made.sets["longer"])) == (160, 80, 60)
    with pytest.raises(SettingsError, match=r"sources.* has 179 usable problems of the 180 .* 121 repeated"):
        split(tmp_path, [own], 100, 80, sets={"longer": {"sources": [own], "count": 121}})


@pytest.mark.parametrize("turned", [False, True])
def test_sources_that_share_problems_fill_their_shares_as_long_as_both_can(tmp_path: Path, turned: bool) -> None:
    # 60 of its own each and 40 in common: 160 in all, of which the two must give 80 each.
    first = put(tmp_path / "first.jsonl", sums(*range(100)))
    second = put(tmp_path / "second.jsonl", sums(*range(60, 160)))
    sources = [second, first] if turned else [first, second]
    made = split(tmp_path, sources, 120, 40)
    assert sum(p.source == "jsonl/first" for p in (*made.train, *made.heldout)) == 80
    for counts in made.sources["train"]:
        assert counts["given"] == 100
    # Of the 40 in common each source gets 20, and the other's 20 are repeats of the later one.
    assert [counts["repeated"] for counts in made.sources["train"]] == [0, 20]
    with pytest.raises(SettingsError, match=r"has 79 usable problems of the 80"):
        put(tmp_path / "second.jsonl", sums(*range(60, 159)))
        split(tmp_path, sources, 120, 40)


def test_the_same_file_twice_is_shared(tmp_path: Path) -> None:
    own = put(tmp_path / "own.jsonl", sums(*range(150)))
    made = split(tmp_path, [own, own], 100, 50)
    assert (len(made.train), len(made.heldout)) == (100, 50)


def test_a_further_set_of_few_problems_gets_them_though_a_large_source_has_them_too(tmp_path: Path) -> None:
    large, small = put(tmp_path / "large.jsonl", sums(*range(200))), put(tmp_path / "small.jsonl", sums(*range(40)))
    tiny = put(tmp_path / "tiny.jsonl", sums(*range(40, 70)))
    further = {
        "sets": {"small": {"sources": [small], "count": 30}},
        "training_sets": {"tiny": {"sources": [tiny], "count": 25}},
    }
    made = split(tmp_path, [large], 100, 40, **further)
    assert {problem.source for problem in made.sets["small"]} == {"jsonl/small"}
    assert sum(problem.source == "jsonl/tiny" for problem in made.train) == 25
    # Of the 200, 55 are others': 145 are left for the main sets, and not one more.
    split(tmp_path, [large], 105, 40, **further)
    with pytest.raises(SettingsError, match=r"sources\[0\] \(jsonl\) has 145 usable problems of the 146"):
        split(tmp_path, [large], 106, 40, **further)
    with pytest.raises(
        SettingsError, match=r"small.* has 40 usable problems of the 41 .* lower problems.sets.small.count"
    ):
        split(tmp_path, [large], 100, 40, sets={"small": {"sources": [small], "count": 41}})


def test_another_gold_answer_in_another_source_is_counted(tmp_path: Path) -> None:
    first = put(tmp_path / "first.jsonl", sums(*range(10)))
    second = put(
        tmp_path / "second.jsonl", [("What is 1 plus 1?", "3"), ("what is 2 plus 2?", "4.0"), *sums(*range(20, 30))]
    )
    made = split(tmp_path, [first, second], 8, 8)
    assert made.sources["train"][1] == {
        "source": "problems.sources[1] (jsonl)",
        "given": 12,
        "gold_failed": 0,
        "repeated": 2,
        "different_golds": 1,
    }


def test_what_a_file_leaves_out_is_in_the_counts_and_in_the_error(tmp_path: Path) -> None:
    own = put(tmp_path / "own.jsonl", [*sums(*range(10)), ("What is 1 plus 1?", "2"), ("What is 2 plus 2?", "5")])
    made = split(tmp_path, [own], 5, 4)
    left_out = {"repeated": 1, "different_golds": 2}
    assert made.checks["sources"]["train"][0]["left_out"] == left_out
    assert made.readings == (
        "own.jsonl: question from 'question', answer from 'answer'; left out: 1 repeated, 2 different golds",
    )
    with pytest.raises(SettingsError, match="left out before: 1 repeated, 2 different golds"):
        split(tmp_path, [own], 5, 5)


def test_where_only_the_top_rows_are_read_reading_more_is_a_remedy_too(tmp_path: Path) -> None:
    own = put(tmp_path / "own.jsonl", sums(*range(10)))
    with pytest.raises(
        SettingsError, match=r"6 usable problems of the 7 .* or its weight, or raise its first, which is 6$"
    ):
        split(tmp_path, [{**own, "first": 6}], 5, 2)
    with pytest.raises(SettingsError, match=r"10 usable problems of the 11 .* or its weight$"):
        split(tmp_path, [own], 5, 6)


def test_a_clean_file_says_no_more_than_it_did(tmp_path: Path) -> None:
    made = split(tmp_path, [put(tmp_path / "own.jsonl", sums(*range(10)))], 5, 4)
    assert list(made.checks["sources"]["train"][0]) == ["source", "given", "gold_failed", "repeated"]


def test_a_source_is_asked_for_twice_as_many_each_time() -> None:
    asked = []

    def more(count: int) -> list[Problem]:
        asked.append(count)
        return [problem(f"{i}?", str(i) if i % 4 == 0 else TOO_LONG, "a") for i in range(count)]

    pool = _pools.Pool("a", 1, more(10), more, 10)
    chosen, (counts,) = _pools.choose([pool], [10], {}, 1, "train")
    # A quarter can be graded: 40 are enough.
    assert (asked, len(chosen[0])) == ([10, 20, 40], 10)
    assert counts == {"source": "a", "given": 40, "gold_failed": 30, "repeated": 0}


def test_a_source_without_an_end_and_without_an_answer_is_given_up() -> None:
    def more(count: int) -> list[Problem]:
        return [problem(f"{i}?", TOO_LONG, "a") for i in range(count)]

    with pytest.raises(SettingsError, match=r"0 usable problems of the 10 .* \(it gave 5120; 5120 whose answer"):
        _pools.choose([_pools.Pool("a", 1, more(10), more, 10)], [10], {}, 1, "train")


WRONG = [
    ({"weight": 0}, r"weight: expected a number above 0"),
    ({"weight": -1}, r"weight: expected a number above 0, got -1"),
    ({"weight": 1e300}, r"weight: expected a number of at most 1e\+09"),
    ({"weight": 10**400}, r"weight: "),
    ({"weight": float("nan")}, r"weight: expected a finite number"),
]


@pytest.mark.parametrize(("changed", "said"), WRONG)
def test_weights_that_are_no_shares_are_one_line(changed: dict[str, Any], said: str) -> None:
    given = {"sources": [{"source": "jsonl", "file": "a.jsonl", **changed}], "train": 1, "heldout": 1}
    with pytest.raises(SettingsError, match=said) as raised:
        settings.read(ProblemSettings, given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train": 10**9}, r"^train: expected a number of at most 1e\+06"),
        ({"heldout": 10**400}, r"^heldout: "),
        (
            {"train": 1000, "replicates": 1001},
            r"expected at most 1000000 problems in all sets and replicates, got 1001001",
        ),
        ({"sets": {"x": {"sources": [], "count": 1}}}, r"^sets\.x\.sources: expected one source or more, got none$"),
        ({"training_sets": {"x": {"count": 999_999}}}, r"expected at most 1000000 problems"),
    ],
)
def test_counts_that_no_source_can_give_are_one_line(changed: dict[str, Any], said: str) -> None:
    given = {"sources": [{"source": "jsonl", "file": "a.jsonl"}], "train": 1, "heldout": 1, **changed}
    with pytest.raises(SettingsError, match=said):
        settings.read(ProblemSettings, given)


@pytest.mark.parametrize("weight", [0, -1, True, "1", float("nan"), float("inf"), 1e300, 10**400, None])
def test_weights_of_tasks_are_checked_alike(tmp_path: Path, weight: Any) -> None:
    with pytest.raises(SettingsError, match="expected a number above 0"):
        Gym({"chain_sum": {"weight": weight}}).problems(1, 1, tmp_path)


@pytest.mark.slow
def test_twenty_thousand_problems_are_prepared_in_seconds(tmp_path: Path) -> None:
    words = ["apples", "pears", "trains", "miles", "hours", "boxes", "children", "coins", "metres", "days"]
    rows = [
        (
            f"Ann has {i} {words[i % 10]} and gives {i % 7} of them to {words[i // 10 % 10]}, then " * 3
            + f"how many? {i}",
            str(i),
        )
        for i in range(21_000)
    ]
    own = put(tmp_path / "own.jsonl", rows)
    begin = time.process_time()
    made = split(tmp_path, [own], 19_000, 1000, sets={"longer": {"sources": [own], "count": 500}})
    assert len(made.train) == 19_000
    # 6 s on the machine that this was written on; a square of 20,000 would be hours.
    assert time.process_time() - begin < 60


class Rows(list[dict[str, Any]]):
    """As much of a `datasets.Dataset` as a source looks at."""

    column_names = ("question", "answer", "meta")


def hub(rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, **columns: str) -> Hub:
    monkeypatch.setattr("datasets.load_dataset", lambda *a, **k: Rows(rows))
    return Hub("a/b", "0" * 40, **columns)


def test_a_data_set_is_read_on_where_its_rows_repeat_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"question": f"{i // 10}?", "answer": i // 10} for i in range(400)]
    source = hub(rows, monkeypatch)
    # Forty questions, ten rows each: a reserve of a fifth would end at 38 rows.
    assert len(source.problems(32, 1, tmp_path)) == 32
    assert len(source.problems(41, 1, tmp_path)) == 40
    assert source.problems(40, 1, tmp_path)[:32] == source.problems(32, 1, tmp_path)


def test_what_a_data_set_leaves_out_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"question": f"{i}?", "answer": i, "meta": {"gold": [1e-05]}} for i in range(6)]
    rows += [{"question": "0?", "answer": 0}, {"question": "1?", "answer": 2}, {"question": "x?", "answer": None}]
    found = hub(rows, monkeypatch).problems(20, 1, tmp_path)
    assert isinstance(found, Supply)
    assert sorted(problem.answer for problem in found) == ["0", "2", "3", "4", "5"]
    assert found.left_out == {"unreadable": 1, "repeated": 1, "different_golds": 2}
    (nested,) = hub(rows[:1], monkeypatch, answer="meta.gold").problems(20, 1, tmp_path)
    assert nested.answer == "0.00001"
