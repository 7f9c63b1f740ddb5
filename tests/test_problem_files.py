"""Problem files as people have them: each is read as it is written, or refused in one line that says what to do."""

import datetime
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from qup.errors import SettingsError
from qup.problems._content import Supply
from qup.problems.jsonl import Source
from qup.records import Problem
from qup.settings import Plug

READABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
ANY_FILE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
BOXED = r"Half of one is \boxed{\frac{1}{2}}."


def put(path: Path, content: str | bytes | list[Any]) -> Path:
    """A file of text, of bytes, or of one JSON object a line."""
    if isinstance(content, list):
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, **columns: Any) -> list[Problem]:
    """The problems of a file in the order of their questions."""
    found = Source(path.name, **columns).problems(1000, 1, path.parent)
    return sorted(found, key=lambda problem: problem.question)


def pairs(path: Path, **columns: Any) -> list[tuple[str, str]]:
    return [(problem.question, problem.answer) for problem in read(path, **columns)]


def refused(path: Path, **columns: Any) -> str:
    """The one line that a file is refused with."""
    with pytest.raises(SettingsError) as raised:
        read(path, **columns)
    told = str(raised.value)
    assert len(told.splitlines()) == 1
    assert told.isprintable()
    return told


USER, REPLY = {"role": "user", "content": "1/1 / 2?"}, {"role": "assistant", "content": BOXED}
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {"question": "1/1 / 2?", "answer": r"\frac{1}{2}"},
    "MATH": {"problem": "1/1 / 2?", "level": "Level 5", "type": "Algebra", "solution": BOXED},
    "MATH-500": {"problem": "1/1 / 2?", "solution": BOXED, "answer": r"\frac{1}{2}", "unique_id": "x/1.json"},
    "GSM8K": {"question": "1/1 / 2?", "answer": "Half of one.\n#### \\frac{1}{2}"},
    "completion": {"prompt": "1/1 / 2?", "completion": BOXED},
    "plain completion": {"prompt": "1/1 / 2?", "completion": r" \frac{1}{2}"},
    "TRL": {"prompt": [USER], "completion": [REPLY]},
    "OpenAI": {"messages": [{"role": "system", "content": "Box it."}, USER, REPLY]},
    "parts": {"messages": [USER | {"content": [{"type": "text", "text": "1/1 / 2?"}]}, REPLY]},
    "ShareGPT": {"conversations": [{"from": "human", "value": "1/1 / 2?"}, {"from": "gpt", "value": BOXED}]},
    "Alpaca": {"instruction": "1/1 / 2?", "input": "", "output": r"\frac{1}{2}"},
    "NuminaMath": {"source": "amc", "problem": "1/1 / 2?", "solution": BOXED, "messages": [USER, REPLY]},
    "asked only": {"messages": [USER], "answer": r"\frac{1}{2}"},
}


@pytest.mark.parametrize("row", SHAPES.values(), ids=SHAPES)
def test_the_shapes_that_people_have_are_recognised(tmp_path: Path, row: dict[str, Any]) -> None:
    assert pairs(put(tmp_path / "own.jsonl", [row])) == [("1/1 / 2?", r"\frac{1}{2}")]


def test_how_a_file_was_read_is_said(tmp_path: Path) -> None:
    put(tmp_path / "own.jsonl", [SHAPES["MATH"]])
    found = Source("own.jsonl").problems(1, 1, tmp_path)
    assert isinstance(found, Supply)
    assert found.reading == "own.jsonl: question from 'problem', answer from the box in 'solution'"


def test_a_worked_answer_is_the_solution_unless_there_is_one(tmp_path: Path) -> None:
    (boxed,) = read(put(tmp_path / "a.jsonl", [SHAPES["OpenAI"]]))
    assert boxed.solution == BOXED
    (beside,) = read(put(tmp_path / "b.jsonl", [SHAPES["MATH-500"]]))
    assert beside.solution == BOXED
    (none,) = read(put(tmp_path / "c.jsonl", [SHAPES["plain"]]))
    assert none.solution is None


def test_what_an_instruction_is_about_stands_below_it(tmp_path: Path) -> None:
    row = {"instruction": "Add them.", "input": "1, 2", "output": "3"}
    assert pairs(put(tmp_path / "own.jsonl", [row])) == [("Add them.\n\n1, 2", "3")]


BOX_IT = USER | {"content": r"1/1 / 2? Put it in \boxed{}."}


def test_a_box_that_the_user_asks_for_is_no_answer(tmp_path: Path) -> None:
    path = put(tmp_path / "own.jsonl", [{"messages": [BOX_IT, REPLY | {"content": "0.5"}]}])
    assert pairs(path) == [(BOX_IT["content"], "0.5")]


def test_a_model_s_reply_beside_a_worked_solution_is_not_taken_for_gold(tmp_path: Path) -> None:
    rows = [{"problem": f"{i}?", "solution": rf"\boxed{{{i}}}", "response": "7"} for i in range(3)]
    assert "can be read in 2 ways" in refused(put(tmp_path / "own.jsonl", rows))


def test_replies_in_prose_need_a_mark(tmp_path: Path) -> None:
    prose = "We add the two numbers to each other, carry the one, and so we find that it is 12."
    path = put(tmp_path / "own.jsonl", [{"prompt": "5+7?", "completion": prose}])
    assert "expected final answers in 'completion', got prose, as in own.jsonl, line 1: say how" in refused(path)
    assert pairs(path, answer_after="it is") == [("5+7?", "12.")]
    matrix = r"\begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \\ 7 & 8 & \frac{\sqrt{9}}{\text{ten}} \end{pmatrix}"
    assert pairs(put(tmp_path / "b.jsonl", [{"prompt": "A?", "completion": matrix}])) == [("A?", matrix)]


AMBIGUOUS = [
    {"question": "1+1?", "problem": "1+2?", "answer": "2"},
    {"problem": "1+1?", "answer": "2", "response": "3"},
    {"problem": "1+1?", "solution": r"\boxed{2}", "messages": [USER, REPLY]},
]


@pytest.mark.parametrize("row", AMBIGUOUS)
def test_a_file_that_can_be_read_in_ways_that_differ_says_what_to_set(tmp_path: Path, row: dict[str, Any]) -> None:
    path = put(tmp_path / "own.jsonl", [row])
    assert "ways" in refused(path)
    assert "set the columns, e.g. question: " in refused(path)
    question, answer = (
        next(key for key in row if "answer" not in key),
        next(key for key in row if key in ("answer",)) if "answer" in row else "solution",
    )
    boxed = answer == "solution"
    assert pairs(path, question=question, answer=answer, answer_boxed=boxed) == [("1+1?", "2")]


def test_columns_are_named_by_paths_too(tmp_path: Path) -> None:
    row = {"prompt": [USER], "reward_model": {"ground_truth": ["7"]}, "a.b": "1+6?", "answer": "8"}
    path = put(tmp_path / "own.jsonl", [row])
    assert pairs(path, question="a.b", answer="reward_model.ground_truth.0") == [("1+6?", "7")]
    assert pairs(path, question="prompt.0.content", answer="answer") == [("1/1 / 2?", "8")]


def test_columns_of_no_known_shape_are_listed(tmp_path: Path) -> None:
    told = refused(put(tmp_path / "own.jsonl", [{"Body": "1+1?", "Ans": 2}]))
    assert "got the columns: Body, Ans; say which hold them, as in question: <column>, answer: <column>" in told


def test_a_row_of_another_shape_is_named(tmp_path: Path) -> None:
    told = refused(put(tmp_path / "own.jsonl", [SHAPES["plain"], {"problem": "1+1?", "answer": "2"}]))
    assert told.startswith("own.jsonl, line 2: expected text in 'question', got None; the row has: problem, answer")


def test_a_solution_column_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    told = refused(put(tmp_path / "own.jsonl", [SHAPES["plain"]]), solution="rationale")
    assert "no row of own.jsonl has a column 'rationale': it has question, answer" in told


@pytest.mark.parametrize("chat", [[USER, REPLY, USER, REPLY], [USER, {"role": "tool", "content": "2"}, REPLY]])
def test_a_chat_of_more_than_a_question_and_its_answer_is_refused(tmp_path: Path, chat: list[Any]) -> None:
    assert refused(put(tmp_path / "own.jsonl", [{"messages": chat}])).startswith("own.jsonl, line 1: 'messages': exp")


NUMBERS = [
    "0.00001",
    "-0",
    "1.10",
    "100",
    "9" * 400,
    "0." + "3" * 400,
    "6.02e23",
    "1e400",
    "1e999999999",
    "1e" + "9" * 40,
    "-1E-400",
]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:12])
def test_numbers_stay_as_they_are_written(tmp_path: Path, number: str) -> None:
    path = put(tmp_path / "own.jsonl", f'{{"question": "How much?", "answer": {number}}}\n')
    assert pairs(path) == [("How much?", number)]
    table = put(tmp_path / "own.csv", f"question,answer\nHow much?,{number}\n")
    assert pairs(table) == [("How much?", number)]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1e-05", "0.00001"),
        ("3.0000000000000004e-05", "0.000030000000000000004"),
        ("1E5", "100000"),
        ("-1e+16", "-1" + "0" * 16),
    ],
)
def test_an_exponent_that_a_json_writer_chose_is_written_out(tmp_path: Path, number: str, expected: str) -> None:
    path = put(tmp_path / "own.jsonl", f'{{"question": "How much?", "answer": {number}}}\n')
    assert pairs(path) == [("How much?", expected)]


@pytest.mark.parametrize("text", ["007", "1e-5", "2024-03-01", "1.10", "NA", "null", "None", "True", "1,000", ""])
@pytest.mark.parametrize(("ending", "separator"), [("csv", ","), ("tsv", "\t")])
def test_no_type_is_guessed_in_tables(tmp_path: Path, text: str, ending: str, separator: str) -> None:
    path = put(
        tmp_path / f"own.{ending}",
        f'question{separator}answer{separator}solution\r\n"1, ""2""?"{separator}"{text}"{separator}\r\n',
    )
    if text:
        assert pairs(path) == [('1, "2"?', text)]
    else:
        assert "own." + ending + ", line 2: expected text in 'answer', got ''" in refused(path)


@pytest.mark.parametrize("answer", ["NaN", "Infinity", "-Infinity"])
def test_what_json_lacks_is_no_answer(tmp_path: Path, answer: str) -> None:
    told = refused(put(tmp_path / "own.jsonl", f'{{"question": "1+1?", "answer": {answer}}}\n'))
    assert told.startswith(f'own.jsonl, line 1: expected {{"question": "...", "answer": "..."}}, got {answer}, which')


@pytest.mark.parametrize("cell", ["nan", "NaN"])
def test_a_number_that_is_missing_in_a_table_is_no_answer(tmp_path: Path, cell: str) -> None:
    assert "line 2: expected text in 'answer', got nan" in refused(
        put(tmp_path / "a.csv", f"question,answer\n1?,{cell}\n")
    )
    assert pairs(put(tmp_path / "b.csv", f"question,answer,solution\n1?,1,{cell}\n")) == [("1?", "1")]


@pytest.mark.parametrize("answer", [["5"], [["5"]], [5]])
def test_the_one_element_of_a_list_is_the_answer(tmp_path: Path, answer: Any) -> None:
    assert pairs(put(tmp_path / "own.jsonl", [{"question": "2+3?", "answer": answer}])) == [("2+3?", "5")]


BAD = [["5", "6"], True, False, {"value": 5}, None, "", "  ", [], [[]], "a\0b", "\ud800", {}]


@pytest.mark.parametrize("answer", BAD, ids=repr)
def test_an_answer_that_is_not_one_text_is_refused(tmp_path: Path, answer: Any) -> None:
    row = json.dumps({"question": "2+3?", "answer": answer})
    good = json.dumps({"question": "2+4?", "answer": 6})
    assert refused(put(tmp_path / "own.jsonl", f"{good}\n{row}\n")).startswith(
        "own.jsonl, line 2: expected text in 'answer'"
    )


@pytest.mark.parametrize("solution", ["", " ", None, []])
def test_an_optional_field_that_is_empty_is_as_if_missing(tmp_path: Path, solution: Any) -> None:
    (problem,) = read(put(tmp_path / "own.jsonl", [{"question": "2+3?", "answer": 5, "solution": solution}]))
    assert problem.solution is None


LINES = '{"question": "Combien coûte 1?", "answer": 1}\n{"question": "Combien coûte 2?", "answer": 2}\n'


@pytest.mark.parametrize(
    "raw",
    [
        LINES.encode("utf-8-sig"),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace("\n", "\r").encode(),
        LINES.replace("\n", "\n\n \n").encode(),
        LINES.rstrip().encode(),
        LINES.replace("\n", "\n\ufeff").encode("utf-8-sig"),
        ("[" + LINES.strip().replace("\n", ",\n") + "]").encode("utf-8-sig"),
    ],
)
def test_marks_and_line_ends_are_read_over(tmp_path: Path, raw: bytes) -> None:
    expected = [("Combien coûte 1?", "1"), ("Combien coûte 2?", "2")]
    for name in ("own.jsonl", "own.json", "own.txt"):
        assert pairs(put(tmp_path / name, raw)) == expected
        assert pairs(put(tmp_path / f"{name}.gz", gzip.compress(raw, mtime=0))) == expected


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("latin-1", "Windows-1252 or latin-1; convert it with: iconv -f Windows-1252 -t UTF-8 own.jsonl"),
        ("utf-16", "iconv -f UTF-16 -t UTF-8 own.jsonl"),
        ("utf-16-le", "iconv -f UTF-16LE -t UTF-8 own.jsonl"),
        ("utf-16-be", "iconv -f UTF-16BE -t UTF-8 own.jsonl"),
        ("utf-32", "iconv -f UTF-32 -t UTF-8 own.jsonl"),
    ],
)
def test_another_encoding_is_named_with_the_remedy(tmp_path: Path, encoding: str, said: str) -> None:
    told = refused(put(tmp_path / "own.jsonl", LINES.encode(encoding)))
    assert told.startswith("own.jsonl is not UTF-8")
    assert said in told


def test_one_damaged_byte_among_others_is_not_another_encoding(tmp_path: Path) -> None:
    raw = (LINES * 20).encode()
    told = refused(put(tmp_path / "own.jsonl", raw[:700] + b"\xff" + raw[701:]))
    assert told.startswith("own.jsonl is damaged (byte 0xff in line 15): all else in it is UTF-8")


@pytest.mark.parametrize("end", [2, 5, 20, 44])
def test_a_last_line_that_is_cut_is_named(tmp_path: Path, end: int) -> None:
    told = refused(put(tmp_path / "own.jsonl", LINES.encode()[:-end]))
    assert told.startswith("own.jsonl, line 2: ")
    assert "in full?" in told


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("own.jsonl", b"[" * 200_000, "own.jsonl: expected .* nested too deeply"),
        ("own.jsonl", b'{"question": "a?", "answer": ' + b"[" * 200_000, "line 1: expected .* nested too deeply"),
        ("own.jsonl", b"", "own.jsonl has no rows"),
        ("own.json", b"[]", "own.json has no rows"),
        ("own.json", b'{"data": [{"question": "a?", "answer": 1}]}', "another known shape, got the columns: data"),
        ("own.json", b'[{"question": "a?", "answer": 1},\n{"question": "b?", "an', "line 2 column"),
        ("own.jsonl", b'{"question": "a?", "answer": 1, "answer": 2}\n', "got the key 'answer' twice"),
        ("own.jsonl", gzip.compress(b"{}", mtime=0), "expected text in UTF-8, got gzip"),
        ("own.jsonl.gz", b"{}", "is no whole gzip file"),
        ("own.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)[:-9], "is no whole gzip file"),
        ("own.xlsx", b"PK\x03\x04", "an Excel sheet"),
        ("own.parquet", b"PAR1", "is no whole Parquet file"),
        ("own.csv", b"", "has no rows"),
        ("own.csv", b"question,answer\n", "has no rows"),
        ("own.csv", b"question,answer\na?,1\nb?,2,3\n", "line 3: expected 2 cells, as line 1 has, got 3"),
        ("own.csv", b"question,answer\na?,1\nb?\n", "line 3: expected 2 cells, as line 1 has, got 1"),
        ("own.csv", b'question,answer\n"a?,1\n', "line 2: unexpected end of data: is a quote missing"),
        ("own.csv", b"answer,answer\n1,2\n", "expected each column once, got twice: answer"),
        ("own.csv", b"question;answer\na?;1\n", "got the columns: question;answer"),
        ("own.csv", b"question,answer\na\0?,1\n", "expected text in 'question'"),
    ],
)
def test_what_is_damaged_is_one_line(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    put(tmp_path / name, raw)
    with pytest.raises(SettingsError, match=said):
        Source(name).problems(5, 1, tmp_path)
    refused(tmp_path / name)


NAMES = ["../own.jsonl", "/etc/passwd", "a/../../own.jsonl", "", "..", "..\\own.jsonl", "C:\\own.jsonl", "a\nb"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_in_the_folder_for_problems(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^file: expected a file below the folder") as raised:
        Plug("problems").make({"source": "jsonl", "file": name})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["x" * 300, "own", "sub", "sub/own.csv"])
def test_a_name_of_no_file_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    put(tmp_path / "own.csv", "question,answer\n1?,1\n")
    with pytest.raises(SettingsError, match=r"unknown problem file .* known: own\.csv"):
        Source(name).problems(1, 1, tmp_path)


def test_a_file_in_a_folder_of_its_own_is_read(tmp_path: Path) -> None:
    (tmp_path / "math").mkdir()
    put(tmp_path / "math" / "own.jsonl.gz", gzip.compress(LINES.encode(), mtime=0))
    found = Source("math/own.jsonl.gz").problems(5, 1, tmp_path)
    assert {problem.source for problem in found} == {"jsonl/own"}


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    assert len(read(put(tmp_path / "own.jsonl", LINES))) == 2
    assert len(read(put(tmp_path / "own.jsonl", LINES + '{"question": "3?", "answer": 3}\n'))) == 3


PARQUET: dict[str, tuple[list[Any], Any, str]] = {
    "text": (["007"], pyarrow.string(), "007"),
    "whole": ([7], pyarrow.int64(), "7"),
    "small": ([1e-05], pyarrow.float64(), "0.00001"),
    "decimal": ([Decimal("1.10")], pyarrow.decimal128(5, 2), "1.10"),
    "date": ([datetime.date(2024, 3, 1)], pyarrow.date32(), "2024-03-01"),
    "time": ([datetime.datetime(2024, 3, 1, 12)], pyarrow.timestamp("us"), "2024-03-01T12:00:00"),
    "list": ([["5"]], pyarrow.list_(pyarrow.string()), "5"),
}


def parquet_of(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize(("values", "kind", "expected"), PARQUET.values(), ids=PARQUET)
def test_parquet_has_types_of_its_own(tmp_path: Path, values: list[Any], kind: Any, expected: str) -> None:
    raw = parquet_of({"question": ["How much?"], "answer": pyarrow.array(values, kind)})
    assert pairs(put(tmp_path / "own.parquet", raw)) == [("How much?", expected)]


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    sink, cells = io.BytesIO(), [pyarrow.array([text]) for text in ("How much?", "3", "4")]
    parquet.write_table(pyarrow.Table.from_arrays(cells, names=["question", "answer", "answer"]), sink)
    assert "has several columns 'answer'" in refused(put(tmp_path / "own.parquet", sink.getvalue()))


@pytest.mark.parametrize("row", [{"messages": "hello"}, {"conversations": "hello"}])
def test_a_chat_that_is_text_is_no_question_and_answer(tmp_path: Path, row: dict[str, str]) -> None:
    assert "expected a list of messages" in refused(put(tmp_path / "own.jsonl", json.dumps(row).encode()))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, True, b"5"])
def test_what_is_no_text_in_parquet_is_refused(tmp_path: Path, value: Any) -> None:
    raw = parquet_of({"question": ["1?", "How much?"], "answer": [value, value]})
    assert "own.parquet, row 1: expected text in 'answer', got" in refused(put(tmp_path / "own.parquet", raw))


def test_chats_in_parquet_are_read(tmp_path: Path) -> None:
    raw = parquet_of({"messages": [[USER, REPLY]]})
    assert pairs(put(tmp_path / "own.parquet", raw)) == [("1/1 / 2?", r"\frac{1}{2}")]


def test_repeats_and_questions_with_other_golds_are_left_out_and_counted(tmp_path: Path) -> None:
    asked = [
        ("1+1?", "2"),
        ("1 + 1 ?", "2"),
        ("1/2?", "0.5"),
        ("1/2?", r"\frac{1}{2}"),
        ("3?", "3"),
        ("3?", "4"),
        ("3?", "3"),
    ]
    put(tmp_path / "own.jsonl", [{"question": question, "answer": answer} for question, answer in asked])
    found = Source("own.jsonl").problems(10, 1, tmp_path)
    assert isinstance(found, Supply)
    # One half is one answer, however written; nobody can say whether 3 is 3 or 4.
    assert sorted(problem.question.replace(" ", "") for problem in found) == ["1+1?", "1/2?"]
    assert found.left_out == {"repeated": 2, "different_golds": 3}
    assert found.reading.endswith("; left out: 2 repeated, 3 different golds")


@pytest.mark.parametrize(("grader", "left_out"), [("math", {"repeated": 1}), ("exact", {"different_golds": 2})])
def test_whether_two_golds_are_one_is_for_the_grader_to_say(
    tmp_path: Path, grader: str, left_out: dict[str, int]
) -> None:
    put(tmp_path / "own.jsonl", [{"question": "7?", "answer": "7"}, {"question": "7?", "answer": "7.0"}])
    found = Source("own.jsonl", grader=grader).problems(10, 1, tmp_path)
    assert isinstance(found, Supply)
    assert found.left_out == left_out


def test_rows_without_a_marked_answer_are_counted(tmp_path: Path) -> None:
    rows = [{"problem": f"{i}?", "solution": rf"\boxed{{{i}}}"} for i in range(9)] + [
        {"problem": "9?", "solution": "9"}
    ]
    put(tmp_path / "own.jsonl", rows)
    found = Source("own.jsonl").problems(10, 1, tmp_path)
    assert isinstance(found, Supply)
    assert (len(found), found.left_out) == (9, {"unmarked": 1})


@ANY_FILE
@given(READABLE, READABLE)
def test_any_text_comes_back_from_json(tmp_path: Path, question: str, answer: str) -> None:
    path = put(tmp_path / "own.jsonl", [{"question": question, "answer": answer}])
    assert pairs(path, question="question", answer="answer") == [(question.strip(), answer.strip())]


@ANY_FILE
@given(READABLE, READABLE)
def test_any_text_comes_back_from_csv(tmp_path: Path, question: str, answer: str) -> None:
    quoted = ",".join('"' + text.replace('"', '""') + '"' for text in (question, answer + "."))
    path = put(tmp_path / "own.csv", f"question,answer\n{quoted}\n")
    assert pairs(path, question="question", answer="answer") == [(question.strip(), (answer + ".").strip())]


@ANY_FILE
@given(st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True))
def test_any_number_comes_back_digit_by_digit(tmp_path: Path, number: str) -> None:
    ((_, answer),) = pairs(put(tmp_path / "own.jsonl", f'{{"question": "a?", "answer": {number}}}'))
    assert answer == number or "e" in number.lower()
    # The exact value, trailing zeros included, however it is written.
    assert Decimal(answer).compare_total(Decimal(number)) == 0 or Decimal(answer) == Decimal(number)
