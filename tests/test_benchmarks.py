"""Published evaluation sets: each is read in the shapes of its copies, for its own pin only, and passes its own gold.

The rows are invented; only their shapes are the sets' own.
"""

import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from qup import graders, settings, study
from qup.errors import SettingsError
from qup.problems import ProblemSettings, _pools, _published, prepare
from qup.problems.benchmark import Source
from qup.records import Problem
from tools import benchmarks as page

ROOT = Path(__file__).resolve().parents[1]

COMMIT = "c" * 40
BOX = "Halves of halves: $\\frac{1}{2}\\cdot\\frac{1}{2}=\\boxed{\\frac{1}{4}}$."
CHAIN = "Five and <<5+7=12>>12.\n#### 1,200"

OLYMPIAD = {
    "id": 1,
    "subfield": "Algebra",
    "context": None,
    "question": "Solve $x^2=2$.",
    "solution": ["Roots."],
    "final_answer": ["$\\sqrt{2}$,$-\\sqrt{2}$"],
    "is_multiple_answer": True,
    "unit": None,
    "answer_type": "Numerical",
    "error": None,
}
GSM = {"question": "How many?", "answer": CHAIN}

# Set, copy, row, question and gold answer.
COPIES: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "math500",
        "file",
        {
            "problem": "A half of a half?",
            "solution": BOX,
            "answer": "\\frac{1}{4}",
            "subject": "Algebra",
            "level": 2,
            "unique_id": "test/algebra/0.json",
        },
        "A half of a half?",
        "\\frac{1}{4}",
    ),
    (
        "math500",
        "hub",
        {
            "problem": "A half of a half?",
            "solution": BOX,
            "answer": "\\frac{1}{4}",
            "subject": "Algebra",
            "level": 2,
            "unique_id": "test/algebra/0.json",
        },
        "A half of a half?",
        "\\frac{1}{4}",
    ),
    (
        "minerva_math",
        "file",
        {"problem": "A half of a half?", "solution": BOX, "type": "Toy course", "idx": 0},
        "A half of a half?",
        "\\frac{1}{4}",
    ),
    ("minerva_math", "hub", {"question": "How far, in m?", "answer": "6.5e8"}, "How far, in m?", "6.5e8"),
    (
        "aime24",
        "file",
        {
            "id": 60,
            "problem": "Find $n$.",
            "solution": "So $\\boxed{033}$.",
            "answer": "033",
            "url": "u",
            "question": "Find $n$.",
        },
        "Find $n$.",
        "33",
    ),
    (
        "aime24",
        "hub",
        {"ID": "2024-I-0", "Problem": "Find $n$.", "Solution": "So 33.", "Answer": 33},
        "Find $n$.",
        "33",
    ),
    (
        "amc23",
        "file",
        {"id": 0, "problem": "How many?", "answer": 27.0, "url": "u", "question": "How many?"},
        "How many?",
        "27",
    ),
    ("amc23", "hub", {"id": 0, "question": "How many?", "answer": "27", "url": "u"}, "How many?", "27"),
    ("olympiadbench", "file", OLYMPIAD, "Solve $x^2=2$.", "\\sqrt{2}, -\\sqrt{2}"),
    (
        "olympiadbench",
        "hub",
        {**OLYMPIAD, "modality": "Text-only", "language": "English"},
        "Solve $x^2=2$.",
        "\\sqrt{2}, -\\sqrt{2}",
    ),
    ("gsm8k", "file", GSM, "How many?", "1,200"),
    ("gsm8k", "hub", GSM, "How many?", "1,200"),
    ("gsm8k_platinum", "file", {**GSM, "cleaning_status": "consensus"}, "How many?", "1,200"),
    ("gsm8k_platinum", "hub", {**GSM, "cleaning_status": "consensus"}, "How many?", "1,200"),
    (
        "svamp",
        "file",
        {
            "ID": "chal-0",
            "Body": "Ann has 5 pens and gets 140 more.",
            "Question": "How many has she?",
            "Equation": "( 5.0 + 140.0 )",
            "Answer": 145.0,
            "Type": "Addition",
        },
        "Ann has 5 pens and gets 140 more. How many has she?",
        "145",
    ),
    (
        "svamp",
        "hub",
        {
            "Body": "Ann has 5 pens and gets 140 more.",
            "Question": "How many has she?",
            "Answer": "145.0",
            "Equation": "e",
        },
        "Ann has 5 pens and gets 140 more. How many has she?",
        "145",
    ),
]
HUBS = {
    "math500": ("HuggingFaceH4/MATH-500", None, "test"),
    "minerva_math": ("math-ai/minervamath", None, "test"),
    "aime24": ("Maxwell-Jia/AIME_2024", None, "train"),
    "amc23": ("math-ai/amc23", None, "test"),
    "olympiadbench": ("Hothan/OlympiadBench", "OE_TO_maths_en_COMP", "train"),
    "gsm8k": ("openai/gsm8k", "main", "test"),
    "gsm8k_platinum": ("madrylab/gsm8k-platinum", "main", "test"),
    "svamp": ("ChilleD/SVAMP", None, "test"),
}
"Repository, configuration and split of the copy on the hub."
NAMES = [f"{name}, {copy}" for name, copy, *_ in COPIES]


class Split(list[dict[str, Any]]):
    """As much of a `datasets.Dataset` as a source looks at."""


def put(folder: Path, *rows: dict[str, Any], name: str = "set.jsonl") -> dict[str, Any]:
    """A file of rows, as a study names it and pins it."""
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {"file": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}


def source(**given: Any) -> Source:
    return settings.read(Source, given)


def from_file(folder: Path, name: str, *rows: dict[str, Any]) -> list[Problem]:
    return source(set=name, **put(folder, *rows)).problems(100, 1, folder)


def refused(**given: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        source(**given)
    told = str(raised.value)
    assert len(told.splitlines()) == 1
    return told


@pytest.mark.parametrize("copied", COPIES, ids=NAMES)
def test_each_copy_of_a_set_is_read_and_passes_its_own_gold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: tuple[str, str, dict[str, Any], str, str]
) -> None:
    name, copy, row, question, gold = copied
    asked = []

    def load_dataset(repo: str, config: str | None, **how: Any) -> Split:
        asked.append({"repo": repo, "config": config, **how})
        return Split([row])

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    if copy == "file":
        found = from_file(tmp_path, name, row)
        assert asked == []
    else:
        found = source(set=name, revision=COMMIT).problems(100, 1, tmp_path)
        repo, config, split = HUBS[name]
        assert asked == [{"repo": repo, "config": config, "split": split, "revision": COMMIT}]
    (problem,) = found
    assert (problem.question, problem.answer, problem.source) == (question, gold, f"benchmark/{name}")
    assert problem.grader == _published.benchmark(name).grader
    assert _pools.gold_passes(found) == [True]


def test_every_set_is_read_from_a_file_and_from_the_hub() -> None:
    assert {name for name, *_ in COPIES} == set(_published.names())
    assert len(COPIES) == 2 * len(_published.names())


# --- what a set's own way of writing would do to the gold answer


def answers(folder: Path, name: str, *rows: dict[str, Any]) -> list[str]:
    found = from_file(folder, name, *rows)
    assert all(_pools.gold_passes(found))
    return sorted(problem.answer for problem in found)


def olympiad(place: int, answer: str, **changed: Any) -> dict[str, Any]:
    single = {"question": f"Question {place}?", "final_answer": [answer], "is_multiple_answer": False}
    return {**OLYMPIAD, **single, **changed}


def test_two_answers_of_olympiadbench_are_no_number_with_a_comma_in_it(tmp_path: Path) -> None:
    rows = [olympiad(1, "$5,120$", is_multiple_answer=True), olympiad(2, "$5,120$")]
    assert answers(tmp_path, "olympiadbench", *rows) == ["5, 120", "5,120"]
    pair, number = sorted(from_file(tmp_path, "olympiadbench", *rows), key=lambda problem: problem.question)
    completions = ["\\boxed{120\\text{ and }5}", "\\boxed{5120}"]
    assert [v.value for v in graders.verdicts([pair, number], completions, [False] * 2)] == ["correct", "correct"]
    assert [v.value for v in graders.verdicts([number], completions[:1], [False])] == ["wrong"]


def test_tuples_of_olympiadbench_keep_their_order_and_the_list_of_them_has_none(tmp_path: Path) -> None:
    (problem,) = from_file(tmp_path, "olympiadbench", olympiad(1, "$(1,8),(2,7)$", is_multiple_answer=True))
    given = ["\\boxed{(2,7),(1,8)}", "\\boxed{(8,1),(2,7)}"]
    assert [v.value for v in graders.verdicts([problem] * 2, given, [False] * 2)] == ["correct", "wrong"]


def test_a_unit_of_olympiadbench_may_be_said_and_a_tolerance_is_not_used(tmp_path: Path) -> None:
    rows = [olympiad(1, "12", unit="cm"), olympiad(2, "3.14", error="1e-1")]
    length, rounded = sorted(from_file(tmp_path, "olympiadbench", *rows), key=lambda problem: problem.question)
    given = ["\\boxed{12\\text{ cm}}", "\\boxed{3.1}"]
    assert [v.value for v in graders.verdicts([length, rounded], given, [False] * 2)] == ["correct", "wrong"]


def test_a_dollar_that_is_money_stays(tmp_path: Path) -> None:
    assert answers(tmp_path, "olympiadbench", olympiad(1, "$\\$ 5$")) == ["\\$ 5"]


def test_a_context_stands_with_its_question(tmp_path: Path) -> None:
    (problem,) = from_file(tmp_path, "olympiadbench", olympiad(1, "$2$", context="Let $n$ be even."))
    assert problem.question == "Question 1?\n\nLet $n$ be even."


def test_an_answer_that_must_be_a_number_and_is_none_names_its_row(tmp_path: Path) -> None:
    row = {"id": 0, "question": "How many?", "answer": "(A) 27", "url": "u"}
    with pytest.raises(SettingsError, match=r"^set\.jsonl, line 1: expected a number for an answer, got '\(A\) 27'$"):
        from_file(tmp_path, "amc23", row)


@pytest.mark.parametrize(("written", "read"), [(27.0, "27"), (100, "100"), ("007", "7"), (0.5, "0.5"), ("-3.0", "-3")])
def test_numbers_are_read_as_people_write_them(tmp_path: Path, written: object, read: str) -> None:
    assert answers(tmp_path, "amc23", {"question": "How many?", "answer": written}) == [read]


def test_a_row_without_its_mark_is_left_out_and_counted(tmp_path: Path) -> None:
    found: Any = from_file(tmp_path, "gsm8k", GSM, {"question": "And how?", "answer": "Nobody knows."})
    assert found.left_out == {"unmarked": 1}
    assert found.reading.endswith("; 2 rows; left out: 1 unmarked")


def test_a_file_of_another_set_names_its_columns_and_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"line 1: expected question from 'Body' and 'Question', answer from 'Ans"):
        from_file(tmp_path, "svamp", GSM)


def test_a_file_without_rows_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^set\.jsonl has no rows$"):
        from_file(tmp_path, "gsm8k")


# --- pins


def known_file(monkeypatch: pytest.MonkeyPatch, name: str, sha256: str) -> None:
    """The set as if its known file, of 500 rows, were one of this hash."""
    known = _published.benchmark(name)
    file = dataclasses.replace(known.files[0], sha256=sha256, rows=500)
    changed = dataclasses.replace(known, files=(file,))
    monkeypatch.setattr("qup.problems.benchmark.benchmark", lambda _: changed)


def test_the_known_file_of_a_set_needs_no_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = COPIES[0][2]
    known_file(monkeypatch, "math500", put(tmp_path, row)["sha256"])
    found: Any = source(set="math500", file="set.jsonl").problems(10, 1, tmp_path)
    assert found.reading == ("math500, set.jsonl: question from 'problem', answer from 'answer'; 1 of 500 rows")


def test_a_file_that_is_not_the_known_one_says_its_hash_and_where_that_is(tmp_path: Path) -> None:
    digest = put(tmp_path, COPIES[0][2])["sha256"]
    with pytest.raises(SettingsError) as raised:
        source(set="math500", file="set.jsonl").problems(10, 1, tmp_path)
    told = str(raised.value)
    assert told.startswith(f"set.jsonl is no known file of math500: it has SHA-256 {digest}; fetch https://")
    assert "a239272930e5202bf1d5275f7fa475a56687c775a61f1354a6d3371bf9dd7a94" in told
    assert told.endswith(f"pin it: sha256: {digest}")


@pytest.mark.parametrize("pinned", [{}, {"sha256": "a239272930e5202bf1d5275f7fa475a56687c775a61f1354a6d3371bf9dd7a94"}])
def test_a_file_of_a_set_that_is_not_there_says_how_to_fetch_it(tmp_path: Path, pinned: dict[str, str]) -> None:
    (known,) = _published.benchmark("math500").files
    (tmp_path / "math50.jsonl").touch()
    with pytest.raises(SettingsError) as raised:
        source(set="math500", file="math500.jsonl", **pinned).problems(10, 1, tmp_path)
    fetched = f"`curl -L -o {tmp_path}/math500.jsonl {known.url}` (SHA-256 {known.sha256})"
    told = str(raised.value)
    assert told.endswith(f"did you mean 'math50.jsonl'? known: math50.jsonl; math500 is to be had: {fetched}")


def test_all_files_of_sets_that_are_missing_are_said_at_once(tmp_path: Path) -> None:
    own = study.read(ROOT / "studies" / "llama-3.2-3b.yaml").problems
    (tmp_path / "amc23.jsonl").touch()
    with pytest.raises(SettingsError, match="lacks 4 files: math500") as raised:
        prepare(own, 1, tmp_path)
    told = str(raised.value)
    for name in ("math500", "minerva_math", "aime24", "olympiadbench"):
        (known,) = _published.benchmark(name).files
        assert f"{name}.jsonl: `curl -L -o {tmp_path}/{name}.jsonl {known.url}` (SHA-256 {known.sha256})" in told
    assert "amc23" not in told
    assert "\n" not in told


def test_a_file_without_a_known_hash_is_to_be_had_as_well_and_a_set_without_files_says_no_more(tmp_path: Path) -> None:
    pin = {"file": "a.jsonl", "sha256": "0" * 64}
    with pytest.raises(SettingsError, match=r"gsm8k is to be had: `curl -L -o \S+/a\.jsonl https://\S+/test\.jsonl`$"):
        source(set="gsm8k", **pin).problems(10, 1, tmp_path)
    with pytest.raises(SettingsError, match=r"unknown problem file .* known: none$"):
        source(set="gsm8k_platinum", **pin).problems(10, 1, tmp_path)


def test_a_pinned_file_that_differs_is_refused_with_its_hash(tmp_path: Path) -> None:
    digest = put(tmp_path, GSM)["sha256"]
    with pytest.raises(SettingsError, match=f"expected SHA-256 {'0' * 64}, got {digest}"):
        source(set="gsm8k", file="set.jsonl", sha256="0" * 64).problems(10, 1, tmp_path)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"set": "math5000"}, "set: unknown benchmark 'math5000': did you mean 'math500'? known: aime24"),
    ({"set": "gsm8k", "file": "g.jsonl"}, "sha256: needs the SHA-256 of g.jsonl: `sha256sum data/problems/g.jsonl`"),
    ({"set": "gsm8k"}, "revision: expected a commit of openai/gsm8k, 40 hex digits, which is not pinned: `git ls-re"),
    ({"set": "gsm8k", "revision": "main"}, "revision: expected a commit of openai/gsm8k, 40 hex digits, got 'main'"),
    ({"set": "math500", "file": "m.jsonl", "sha256": "abc"}, "sha256: expected 64 hex digits, got 'abc': `sha256sum"),
    ({"set": "math500", "sha256": "0" * 64}, "sha256: is of a file, which is not named: add file:"),
    ({"set": "aime24", "file": "a.jsonl", "revision": COMMIT}, "revision: is of the hub's copy, but a file is named"),
    ({"set": "aime24", "file": "../a.jsonl"}, "file: expected a file below the folder"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_a_pin_that_is_missing_or_wrong_is_one_line_that_says_how_to_pin(given: dict[str, Any], said: str) -> None:
    assert refused(**given).startswith(said)


def test_the_known_commit_of_a_set_is_asked_for_if_none_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def load_dataset(repo: str, config: str | None, **how: Any) -> Split:
        asked.append(how["revision"])
        return Split([COPIES[5][2]])

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    found: Any = source(set="aime24").problems(10, 1, tmp_path)
    assert asked == ["1dd807fd84c2ec85aa1b49259148b616e7e7b909"]
    assert found.reading.startswith("aime24, Maxwell-Jia/AIME_2024 at 1dd807fd: ")
    assert found.reading.endswith("; 1 of 30 rows")


def test_a_data_set_that_cannot_be_loaded_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*args: Any, **how: Any) -> None:
        raise ConnectionError("no\nnetwork")

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    with pytest.raises(SettingsError, match=r"^ChilleD/SVAMP at cccccccc cannot be loaded: no network$"):
        source(set="svamp", revision=COMMIT).problems(10, 1, tmp_path)


# --- what is said of them


def test_the_page_says_what_the_files_of_the_sets_say(tmp_path: Path) -> None:
    written = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    (tmp_path / "page.md").write_text(written, encoding="utf-8")
    page.main(tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == written, "run `make benchmarks`"


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# Sets\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="has no markers"):
        page.main(tmp_path / "page.md")


def test_a_set_says_how_the_inherited_recipe_asks_it_or_that_it_does_not() -> None:
    asked = {name for name in _published.names() if _published.benchmark(name).recipe}
    assert asked == {"math500", "minerva_math", "aime24", "amc23", "olympiadbench"}
    recipes = {_published.benchmark(name).recipe for name in asked}
    assert recipes == {_published.Recipe(k=16, temperature=1.0, max_tokens=4096)}


def test_the_settings_on_the_page_are_settings() -> None:
    written = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    filled = re.sub(r"<(\d+) hex digits>", lambda digits: "'" + "0" * int(digits[1]) + "'", written)
    sets, training = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", filled, re.DOTALL))
    given = {"train": 5, "heldout": 5, **sets["problems"], **training["problems"]}
    made = settings.read(ProblemSettings, given)
    assert made.sets.keys() == {"math500", "gsm8k", "svamp"}
    assert made.sources[0].plug.first == 100_000
