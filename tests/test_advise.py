"""`qup advise`: files as streams, the draw, the verdict by hand, bad input in a line, the whole on a tiny model."""

import dataclasses
import json
import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from modelfolder import contents, model

from qup import advise as advising
from qup.advise import page, plain, scoring, streams, verdict, words
from qup.advise.asked import Asked
from qup.advise.comparing import Compared
from qup.advise.record import Record, published
from qup.advise.scoring import Scored, Scores
from qup.advise.streams import Candidate, Stream, final, golds
from qup.advise.verdict import Situation
from qup.errors import SettingsError
from qup.records import TokenStats
from qup.report.foresight import Rate, Rule

ROOT = Path(__file__).parents[1]
SURE, UNSURE = Rate(0.95, 0.8, 1.0, 40, 9), Rate(1.0, 0.4, 1.0, 5, 3)
RULE = Rule(
    metric="ppl",
    lower=True,
    declared=True,
    right=SURE,
    length=Rate(0.9, 0.7, 1.0, 40, 9),
    shorter=True,
    against_length=Rate(0.05, -0.1, 0.2, 40, 9),
    agreeing=SURE,
    disagreeing=UNSURE,
)


def record(**changes) -> Record:
    return Record(dataclasses.replace(RULE, **changes), {}, [])


def compared(**given: Mapping[str, Sequence[float]] | Sequence[Mapping[str, float] | None]) -> Compared:
    """Streams whose traces have these values; problem by problem, None where a stream has none."""
    scores = []
    for name, rows in given.items():
        there = [(i, row) for i, row in enumerate(rows) if row is not None]
        candidates = [Candidate(f"p{i:02}", f"p{i:02}", f"{name} {i}", i + 1) for i, _ in there]
        stream = Stream(name, f"{name}.jsonl", candidates, {}, len(rows), {}, {})
        scored = [Scored(c, TokenStats([1], [-1.0]), row, None) for c, (_, row) in zip(candidates, there, strict=True)]
        scores.append(Scores(stream, scored, 0, 0))
    return Compared(scores, 1)


def rows(ppl: float, tokens: float = 50.0, correct: Sequence[float] | None = None, count: int = 12) -> list[dict]:
    """Traces about a perplexity and a length; what problems have in common differs from one to the next."""
    values = [{"ppl": ppl + i % 3 + 0.01 * (i % 2), "null.tokens": tokens + i % 5 + i % 2} for i in range(count)]
    return values if correct is None else [v | {"correct": c} for v, c in zip(values, correct, strict=True)]


# The verdict.


def shifted(ppl: float, tokens: float = 50.0, **more) -> list[dict]:
    """The same with a little noise of its own, so that differences vary."""
    return [
        {**row, "ppl": row["ppl"] + 0.02 * (i % 4), "null.tokens": row["null.tokens"] + i % 3}
        for i, row in enumerate(rows(ppl, tokens, **more))
    ]


def test_the_least_foreign_stream_is_picked_where_length_agrees() -> None:
    made = verdict.decide(compared(a=rows(2.0, 50), b=shifted(3.0, 80)), record())
    assert (made.pick, made.situation, made.right) == ("a", Situation.AGREES, SURE)
    assert made.headline == "Train on a: its traces have the lowest perplexity, and are the shortest."


def test_where_length_says_nothing_the_stream_is_leant_to() -> None:
    made = verdict.decide(
        compared(a=rows(2.0), b=[r | {"null.tokens": rows(2.0)[i]["null.tokens"]} for i, r in enumerate(shifted(3.0))]),
        record(),
    )
    assert (made.pick, made.situation) == ("a", Situation.SILENT)
    assert made.headline.startswith("Lean to a: ")
    # Every published pair has a sign of length, so none is of this situation.
    assert made.right is None
    assert any("the record does not cover it" in line for line in verdict.quoted(made, record()))


def test_a_rule_that_beats_length_is_not_followed_where_it_was_not_shown_to_be_right() -> None:
    # It is told from length by the pairs on which they differ, which says nothing of those on which they agree.
    strong = record(against_length=Rate(0.2, 0.1, 0.3, 40, 9), agreeing=UNSURE)
    made = verdict.decide(compared(a=rows(2.0, 50), b=shifted(3.0, 80)), strong)
    assert (made.pick, made.situation, made.right) == (None, Situation.AGREES, UNSURE)


def test_there_is_no_pick_where_length_differs_and_the_record_is_thin() -> None:
    streams_of = compared(a=rows(2.0, 80), b=shifted(3.0, 50))
    made = verdict.decide(streams_of, record())
    assert (made.pick, made.situation, made.right) == (None, Situation.DIFFERS, UNSURE)
    assert "length alone picks another stream" in made.headline
    # A rule that was told from length, or a record of where they differ, would do.
    assert verdict.decide(streams_of, record(against_length=Rate(0.2, 0.1, 0.3, 40, 9))).pick == "a"
    assert verdict.decide(streams_of, record(disagreeing=SURE)).pick == "a"


def test_streams_that_are_not_told_apart_have_no_winner() -> None:
    even = [r | {"ppl": r["ppl"] + (-1) ** i} for i, r in enumerate(rows(2.0))]
    made = verdict.decide(compared(a=rows(2.0), b=even), record())
    assert made.pick is None and made.headline.startswith("Not resolved")
    assert "a and b are not told apart" in made.why[0]


def test_a_stream_must_be_told_from_every_other() -> None:
    near = [r | {"ppl": r["ppl"] + (-1) ** i} for i, r in enumerate(rows(2.0))]
    made = verdict.decide(compared(a=rows(2.0), b=near, c=shifted(9.0)), record())
    assert made.pick is None
    assert [("not" in line) for line in made.why] == [True, False, False]


def test_fewer_right_answers_keep_a_stream_from_being_picked() -> None:
    wrong, right = [0.0] * 9 + [1.0] * 3, [1.0] * 12
    made = verdict.decide(compared(a=rows(2.0, correct=wrong), b=shifted(3.0, 80, correct=right)), record())
    assert made.pick is None
    assert made.headline == "No pick: a is the least foreign, but b has more right answers."


def test_without_a_rule_that_beats_a_coin_nothing_is_picked() -> None:
    told_apart = compared(a=rows(2.0), b=shifted(3.0, 80))
    for weak in (record(right=Rate(0.6, 0.4, 0.8, 40, 9)), Record(None, {}, [])):
        made = verdict.decide(told_apart, weak)
        assert made.pick is None
        assert made.why == [
            "No metric has been shown to pick the better of two streams; the data below are what is known."
        ]
    assert "So no metric has been shown to pick better than length alone." in verdict.quoted(
        verdict.decide(told_apart, record()), record()
    )


def test_one_stream_and_streams_without_a_shared_problem_have_no_pick() -> None:
    assert verdict.decide(compared(a=rows(2.0)), record()).headline.startswith("One stream")
    apart = compared(a=[*rows(2.0), *[None] * 12], b=[*[None] * 12, *rows(3.0)])
    made = verdict.decide(apart, record())
    assert made.pick is None and "share no problem" in made.why[0]
    assert (apart.pairs[0].shared, apart.pairs[0].gaps) == (0, {})


# Comparing.


def test_a_difference_is_of_the_problems_that_both_have() -> None:
    # a has 1, 2, 3, 100; b 2, 4, 6 on the first three: the mean difference is -2.
    one = [{"ppl": value} for value in (1.0, 2.0, 3.0, 100.0)]
    two: list = [{"ppl": value} for value in (2.0, 4.0, 6.0)]
    pair = compared(a=one, b=[*two, None]).pairs[0]
    gap = pair.gaps["ppl"]
    assert (pair.shared, gap.n, gap.value) == (3, 3, pytest.approx(-2.0))
    # Deviations -1, 0, 1: standard error 1/sqrt(3), Student's t of two degrees 4.3027.
    assert gap.low == pytest.approx(-2 - 4.3027 / 3**0.5, abs=1e-3)
    turned = pair.of("b", "ppl")
    assert turned is not None and turned.value == pytest.approx(2.0)


def test_what_is_added_to_every_trace_alike_is_told_by_the_sign_test() -> None:
    one = [{"null.tokens": float(value)} for value in range(12)]
    longer = [{"null.tokens": value + 7.0} for value in range(12)]
    gap = compared(a=one, b=longer).pairs[0].gaps["null.tokens"]
    assert (gap.resolved, gap.p) == (True, pytest.approx(2 / 4096))
    # Of three problems: a quarter, which tells nothing.
    few = compared(a=one[:3], b=longer[:3]).pairs[0].gaps["null.tokens"]
    assert (few.resolved, few.p) == (False, 0.25)


def test_several_traces_of_a_problem_count_as_one() -> None:
    both = compared(a=rows(2.0, count=2))
    scores = both.scores[0]
    again = dataclasses.replace(scores.traces[0], values={"ppl": 9.0})
    more = Compared([dataclasses.replace(scores, traces=[*scores.traces, again])], 1)
    # The first problem's mean is (2 + 9) / 2.
    assert more.columns["a", "ppl"].tolist() == [pytest.approx(5.5), pytest.approx(3.01)]


# Files.


def put(folder: Path, name: str, *given: dict, raw: bytes | None = None) -> str:
    path = folder / name
    path.write_bytes(raw if raw is not None else "".join(json.dumps(row) + "\n" for row in given).encode())
    return str(path)


def read(*files: str, **changes) -> list[Stream]:
    return streams.read_all(Asked("m", files, **changes))


QUESTION, TRACE = "What is 1+1?", r"It is \boxed{2}."


@pytest.mark.parametrize(
    "row",
    [
        {"question": QUESTION, "response": TRACE, "answer": "2"},
        {"problem": QUESTION, "completion": TRACE, "answer": 2},
        {"messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": TRACE}], "answer": "2"},
        {"conversations": [{"from": "human", "value": QUESTION}, {"from": "gpt", "value": TRACE}], "answer": "2"},
        {
            "prompt": [{"role": "user", "content": QUESTION}],
            "completion": [{"role": "assistant", "content": TRACE}],
            "answer": "2",
        },
        {"instruction": QUESTION, "input": "", "output": TRACE, "answer": "2"},
    ],
)
def test_known_shapes_are_read_alike(tmp_path, row) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(row).encode() + b"\n"
    (stream,) = read(put(tmp_path, "own.jsonl", raw=raw))
    (trace,) = stream.traces
    assert (trace.question, trace.text) == (QUESTION, TRACE)
    assert list(stream.golds.values()) == ["2"]


def test_problems_with_worked_answers_are_a_stream_of_them(tmp_path) -> None:
    (stream,) = read(put(tmp_path, "gsm.jsonl", {"question": QUESTION, "answer": "1+1=<<1+1=2>>2\n#### 2"}))
    assert stream.traces[0].text.endswith("#### 2")
    assert list(stream.golds.values()) == ["2"]


def test_streams_are_matched_by_what_a_question_says(tmp_path) -> None:
    one = put(tmp_path, "one.jsonl", {"question": "What is  1+1?", "response": "a", "answer": "2"})
    two = put(tmp_path, "two.jsonl", {"question": "what is 1+1? ", "response": "b"})
    a, b = read(one, two)
    assert a.problems.keys() == b.problems.keys()
    assert golds([a, b]) == ({next(iter(a.problems)): "2"}, 0)


def test_gold_answers_that_files_dispute_are_nobodys(tmp_path) -> None:
    one = put(tmp_path, "one.jsonl", {"question": QUESTION, "response": "a", "answer": "2"})
    two = put(tmp_path, "two.jsonl", {"question": QUESTION, "response": "b", "answer": "3"})
    assert golds(read(one, two)) == ({}, 1)


def test_gold_answers_are_the_same_by_the_grader_not_by_their_letters(tmp_path) -> None:
    rows = [{"question": QUESTION, "response": text, "answer": gold} for text, gold in (("a", "1/2"), ("b", "0.5 "))]
    one, two = put(tmp_path, "one.jsonl", *rows), put(tmp_path, "two.jsonl", rows[0] | {"answer": r"\frac{1}{2}"})
    (problem,) = read(one)[0].problems
    assert golds(read(one, two)) == ({problem: "1/2"}, 0)


@pytest.mark.parametrize("gold", [("50", "50%"), ("50%", "50"), ("long " * 80, "Long " * 80)])
def test_gold_answers_are_the_same_whichever_comes_first_and_however_long(tmp_path, gold) -> None:
    files = [
        put(tmp_path, f"{name}.jsonl", {"question": QUESTION, "response": name, "answer": each})
        for name, each in zip("ab", gold, strict=True)
    ]
    assert golds(read(*files))[1] == 0


def test_gold_answers_that_one_file_disputes_are_nobodys_and_counted(tmp_path) -> None:
    rows = [{"question": QUESTION, "response": text, "answer": gold} for text, gold in (("a", "1"), ("b", "2"))]
    assert golds(read(put(tmp_path, "one.jsonl", *rows))) == ({}, 1)


@pytest.mark.parametrize("gold", [["1", "2"], {"a": 1}, True])
def test_a_gold_answer_that_is_no_text_is_refused_with_its_line(tmp_path, gold) -> None:
    rows = [{"question": QUESTION, "response": "a", "answer": "1"}, {"question": "B?", "response": "b", "answer": gold}]
    with pytest.raises(SettingsError, match=r"one\.jsonl, line 2: expected text in 'answer', got"):
        read(put(tmp_path, "one.jsonl", *rows))


def test_a_chat_column_that_holds_text_is_refused(tmp_path) -> None:
    with pytest.raises(SettingsError, match="line 1: 'messages' is to hold question and answer both: expected a list"):
        read(put(tmp_path, "one.jsonl", {"messages": "hello"}))


def test_a_name_that_no_file_can_have_is_one_line(tmp_path) -> None:
    for name in ("x" * 300 + ".jsonl", "a\0b.jsonl"):
        with pytest.raises(SettingsError, match="expected a file of traces"):
            read(str(tmp_path / name))


def test_repeated_and_missing_traces_are_counted(tmp_path) -> None:
    row = {"question": QUESTION, "response": "a"}
    (stream,) = read(
        put(tmp_path, "own.jsonl", row, row, {"question": "Other?", "response": None}, row | {"response": "b"})
    )
    assert [trace.text for trace in stream.traces] == ["a", "b"]
    assert stream.left_out == {"without a trace": 1, "the same trace again": 1}


def test_the_final_answer_is_boxed_or_follows_the_mark() -> None:
    assert [final(text) for text in (r"\boxed{4}", "so\n#### 5\n", r"#### 6 \boxed{7}", "8")] == ["4", "5", "7", None]


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("none.jsonl", None, "none.jsonl: No such file"),
        ("empty.jsonl", b"", "empty.jsonl has no rows: expected one trace a line"),
        ("odd.jsonl", b'{"a": "b"}\n', "no column that is known to hold a question: it has a; expected"),
        ("asks.jsonl", b'{"question": "1?"}\n', "no column that is known to hold a trace: it has question"),
        ("cut.jsonl", b'{"question": "1?", "response": "2"}\n{"question": "3', "cut.jsonl, line 2"),
        ("blank.jsonl", b'{"question": "1?", "response": ""}\n', "no column that is known to hold a trace"),
        ("number.jsonl", b'{"question": {"a": 1}, "response": "2"}\n', "expected text in 'question'"),
        (
            "turns.jsonl",
            b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, '
            b'{"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}\n',
            "expected one question and one reply",
        ),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, name, raw, said) -> None:
    path = str(tmp_path / name) if raw is None else put(tmp_path, name, raw=raw)
    with pytest.raises(SettingsError, match=re.escape(said)) as error:
        read(path)
    assert "\n" not in str(error.value)


def test_a_file_that_is_given_twice_and_an_unknown_reference_are_refused(tmp_path) -> None:
    own = put(tmp_path, "own.jsonl", {"question": "1?", "response": "2"})
    other = put(tmp_path, "other.jsonl", {"question": "1?", "response": "3"})
    with pytest.raises(SettingsError, match="is given twice"):
        read(own, own)
    with pytest.raises(SettingsError, match="no stream 'ohter' to compare with: did you mean 'other'"):
        read(own, other, reference="ohter")
    assert [each.name for each in read(own, other, reference="other")] == ["other", "own"]


# The draw.


def stream_of(name: str, problems: Sequence[int]) -> Stream:
    traces = [Candidate(f"p{i}", f"p{i}", f"{name}{i}", row) for row, i in enumerate(problems, 1)]
    return Stream(name, name, traces, {}, len(traces), {}, {})


def test_problems_that_more_streams_have_are_drawn_first() -> None:
    one, two = stream_of("a", range(10)), stream_of("b", range(6, 20))
    a, b = scoring.drawn([one, two], limit=8, seed=1)
    # Four problems are in both: eight traces.
    assert {t.problem for t in a} == {t.problem for t in b} == {"p6", "p7", "p8", "p9"}
    assert scoring.drawn([one, two], limit=0, seed=1) == [one.traces, two.traces]


def test_the_draw_does_not_depend_on_the_order_of_files_or_rows() -> None:
    one, two = stream_of("a", range(30)), stream_of("b", range(30))
    turned = dataclasses.replace(one, traces=one.traces[::-1])
    first = scoring.drawn([one, two], limit=12, seed=3)
    second = scoring.drawn([two, turned], limit=12, seed=3)
    assert {t.problem for t in first[0]} == {t.problem for t in second[1]}
    assert {t.problem for t in first[0]} != {t.problem for t in scoring.drawn([one, two], limit=12, seed=4)[0]}


# The page, whose marks are tried in test_explorer.


def test_numbers_are_said_to_three_digits() -> None:
    assert [words.number("ppl", x) for x in (1.234, 12.34, 123.4)] == ["1.23", "12.3", "123"]
    assert words.number("correct", 0.987) == "98.7"
    assert words.rate(Rate(0.9, 0.7, 1.0, 40, 9)) == "36 of 40 pairs (90% [70, 100])"


# The whole, on a tiny model.


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("learner") / "tiny"
    model("random", architecture="qwen2", hidden=32, layers=1).obtain(place, place)
    return place


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[str, str, str]:
    folder = tmp_path_factory.mktemp("traces")
    asked = [f"What is {i} + {i}?" for i in range(8)]
    own = [
        {"question": q, "answer": str(2 * i), "response": rf"{i} + {i} = \boxed{{{2 * i}}}"}
        for i, q in enumerate(asked)
    ]
    other = [
        {"question": q, "response": f"Let us see <b>.\n{i} and {i} give #### {2 * i + (i == 3)}"}
        for i, q in enumerate(asked)
    ]
    apart = [{"question": f"{q} Really?", "response": "Yes."} for q in asked]
    return put(folder, "own.jsonl", *own), put(folder, "other.jsonl", *other[:-1]), put(folder, "apart.jsonl", *apart)


def cut_off(monkeypatch) -> None:
    """No connection to another machine, not even a look for its address."""

    def refuse(self, address):
        if self.family != socket.AF_UNIX:
            raise AssertionError(f"connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail(f"looks for {a}"))


def asked(tiny: Path, *given: str, **changes) -> Asked:
    return Asked(str(tiny), given, dtype="float32", **changes)


@pytest.fixture(scope="module")
def made(tiny, files) -> advising.Advice:
    return advising.advise(asked(tiny, *files[:2]))


def test_the_whole_runs_in_any_folder_without_a_network_and_leaves_the_model_alone(
    tmp_path,
    monkeypatch,
    tiny,
    files,
    made,
) -> None:
    cut_off(monkeypatch)
    monkeypatch.chdir(tmp_path)
    before = contents(tiny)
    told = plain.plain(advising.advise(asked(tiny, *files[:2])))
    assert contents(tiny) == before
    assert list(tmp_path.iterdir()) == []
    # And equal input gives equal output.
    assert json.dumps(told) == json.dumps(plain.plain(made))


def test_the_json_has_what_the_page_documents(made) -> None:
    told = plain.plain(made)
    text = (ROOT / "docs" / "advise.md").read_text(encoding="utf-8")
    keys = set(told) | set(told["advice"]) | set(told["streams"]["own"]) | set(told["pairs"][0]) | set(told["record"])
    assert {key for key in keys if f"`{key}`" not in text} == set()
    assert told["schema"] == "qup-advise/1"
    assert (told["shared"], told["reference"]) == (7, "own")
    assert told["streams"]["own"]["answers"] == {"correct": 8, "wrong": 0, "unread": 0, "not_graded": 0}
    # The file without answers is graded by those of the other: one of seven is wrong.
    assert told["streams"]["other"]["answers"] == {"correct": 6, "wrong": 1, "unread": 0, "not_graded": 0}
    assert told["streams"]["other"]["metrics"]["ppl"]["n"] == 7
    assert {"value", "low", "high", "n", "p", "p_holm", "resolved"} == set(told["pairs"][0]["metrics"]["ppl"])


def test_excess_surprisal_is_the_difference_of_what_two_traces_cost(made) -> None:
    compared_here = made.compared
    excess = compared_here.columns["other", "excess_surprisal"]
    difference = compared_here.columns["other", "nll"] - compared_here.columns["own", "nll"]
    there = np.isfinite(excess)
    assert there.sum() == 7
    assert excess[there] == pytest.approx(difference[there])


def test_the_page_loads_nothing_and_what_traces_say_is_text(made) -> None:
    html = page.html(made)
    assert not re.search(r"https?:|src=|<script|@import|url\(|<link|<iframe|<img", html)
    assert "<b>." not in html and "&lt;b&gt;" in html
    assert '<ins class="' in html and '<del class="' in html and '<span class="s' in html


def test_what_is_not_known_is_said(made) -> None:
    said = " ".join(made.unknown)
    assert "llama, 0.951M" in said and "nobody has measured" in said
    assert "share 7 problems, of 8 and 7" in said


def test_streams_without_a_shared_problem_are_described_unpaired(tiny, files) -> None:
    told = plain.plain(advising.advise(asked(tiny, files[0], files[2])))
    assert (told["advice"]["pick"], told["shared"], told["pairs"][0]["metrics"]) == (None, 0, {})
    assert told["streams"]["apart"]["metrics"]["ppl"]["value"] > 1
    assert "share no problem" in told["advice"]["why"][0]


def test_one_stream_is_described_without_a_pick(tiny, files) -> None:
    told = plain.plain(advising.advise(asked(tiny, files[0])))
    assert (told["advice"]["pick"], told["pairs"]) == (None, [])
    assert told["advice"]["headline"].startswith("One stream")


def test_a_trace_longer_than_the_learner_takes_is_left_out_and_counted(tmp_path, tiny, files) -> None:
    long = put(
        tmp_path,
        "long.jsonl",
        {"question": "What is 1 + 1?", "response": "1 " * 4000},
        {"question": "2?", "response": "2"},
    )
    made = advising.advise(asked(tiny, long))
    assert (made.compared.scores[0].too_long, len(made.compared.scores[0].traces)) == (1, 1)
    assert "left out, 1 of long" in " ".join(made.unknown)
    with pytest.raises(SettingsError, match="every trace is longer than the learner takes: the shortest has"):
        advising.advise(asked(tiny, files[0], max_length=16))


def test_a_base_model_without_a_template_is_one_line_and_works_with_one(tmp_path, files) -> None:
    place = tmp_path / "base"
    model("random", architecture="llama3.2_base", hidden=32, layers=1).obtain(place, place)
    with pytest.raises(
        SettingsError, match=r"base has no chat template, as base models have none.* --template completion"
    ):
        advising.advise(asked(place, files[0]))
    made = advising.advise(asked(place, files[0], template="completion"))
    assert made.opened.template == "completion"
    assert "spoken to by the chat template completion" in " ".join(made.unknown)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere", "no learner 'nowhere': expected a folder with config.json, tokenizer and weights, a hub id"),
        ("{tmp}", "expected config.json and model.safetensors or pytorch_model.bin"),
        ("{tmp}/odd.yaml", "odd.yaml"),
    ],
)
def test_a_bad_learner_is_one_line(tmp_path, files, given, said) -> None:
    (tmp_path / "odd.yaml").write_text("source: whel\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=re.escape(said)):
        advising.advise(Asked(given.format(tmp=tmp_path), (files[0],)))


def test_a_hub_model_that_cannot_be_reached_is_one_line(monkeypatch, tmp_path, files) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    cut_off(monkeypatch)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(SettingsError, match=r"own/er: no folder of that name, no copy of the hub's.*no network"):
        advising.advise(Asked("own/er", (files[0],)))


@pytest.mark.parametrize("wrong", [{"dtype": "float8"}, {"prompt": "boxd"}, {"template": "complete"}])
def test_a_wrong_flag_is_one_line(tiny, files, wrong) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong.values()))) as error:
        advising.advise(Asked(str(tiny), (files[0],), **wrong))
    assert "\n" not in str(error.value)


def test_a_yaml_file_names_a_learner_that_is_made_once_in_the_cache(tmp_path, monkeypatch, files) -> None:
    monkeypatch.setenv("QUP_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "mine.yaml"
    source.write_text("{source: random, architecture: qwen2, hidden: 32, layers: 1}\n", encoding="utf-8")
    first = advising.advise(Asked(str(source), (files[0],), dtype="float32"))
    (kept,) = (tmp_path / "cache" / "advise").iterdir()
    times = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    again = advising.advise(Asked(str(source), (files[0],), dtype="float32"))
    assert {path.name: path.stat().st_mtime_ns for path in kept.iterdir()} == times
    assert (first.opened.name, plain.plain(first)) == ("mine", plain.plain(again))


def test_the_record_that_ships_is_read(made) -> None:
    kept = published()
    assert kept.rule is not None and kept.rule.metric in made.compared.means["own"]
    assert kept.studies and all(study["commit"] for study in kept.studies)


@pytest.mark.slow
def test_the_command_says_it_in_a_pipe_and_its_faults_in_a_line(tmp_path, tiny, files) -> None:
    def run(*words: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "qup", "advise", *words, "--dtype", "float32"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=None)

    said = run(str(tiny), *files[:2], "--html", "page.html")
    assert said.returncode == 0, said.stderr
    assert "What this does not know" in said.stdout and (tmp_path / "page.html").is_file()
    told = run(str(tiny), *files[:2], "--json")
    assert json.loads(told.stdout)["schema"] == "qup-advise/1"
    wrong = run(str(tiny), "none.jsonl")
    assert (wrong.returncode, wrong.stderr.strip().splitlines()[-1]) == (
        2,
        "qup: none.jsonl: No such file or directory: expected a file of traces, " + streams.EXPECTED,
    )
