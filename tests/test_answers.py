"""Extraction and grading: what counts as an answer, when two answers are one, and what the grader survives."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qup import answers
from qup.answers import bounded
from qup.records import Verdict


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"first \boxed{1}, no: \boxed{2}", "2"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),
        (r"\boxed{5} and then \boxed{12", "5"),
        (r"\boxed{ }", None),
        ("The answer is 5.", None),
        ("#### 5", None),
    ],
)
def test_the_last_complete_box_is_the_answer_and_nothing_else_is(text: str, answer: str | None) -> None:
    assert answers.extract(text) == answer


@given(st.text(alphabet="ab{}\\ boxed", max_size=40))
def test_extraction_takes_any_text(text: str) -> None:
    answer = answers.extract(text)
    assert answer is None or answer in text


SAME = [
    ("1/2", "0.5"),
    ("1/2", r"\dfrac{2}{4}"),
    ("1000", "1,000"),
    ("1.5", r"1\frac{1}{2}"),
    ("1.5", "1 1/2"),
    ("73", "**73**"),
    ("5", r"5 \text{ apples}"),
    ("3", "x=3"),
    ("1, 2", r"\{2, 1\}"),
    ("(1/2, 3)", r"\left(0.5, 3\right)"),
    ("n=1,2,3", "1,3,2"),
    (r"\sqrt{12}", r"2\sqrt{3}"),
    ("1500", r"1.5 \times 10^3"),
    ("Monday", r"\text{monday}"),
    ("-4", "-4.0"),
]
DIFFERENT = [
    ("1/2004!", "1/2006!"),
    ("n=1,2,3", "n=2,3,4"),
    ("1,2,3", "1,2"),
    ("{1,2,3}", "{1,2}"),
    ("(1,2)", "(2,1)"),
    ("(1,2]", "[1,2]"),
    ("1", "1 1/2"),
    ("yes", "sye"),
    ("1/3", "0.33"),
    ("50", r"50\%"),
    ("10000000000000001", "10000000000000002"),
    ("5", "(((("),
]


@pytest.mark.parametrize(("gold", "answer"), SAME)
def test_equal_answers_are_equal_however_written(gold: str, answer: str) -> None:
    assert answers.grade([(gold, answer)]) == [True]


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_what_math_verify_may_confuse_is_told_apart(gold: str, answer: str) -> None:
    assert answers.grade([(gold, answer)]) == [False]


@pytest.mark.parametrize(("gold", "answer"), [("-4", "4 - 1 - 7"), ("3", "2+1"), ("3", "6/2"), ("6", r"2 \cdot 3")])
def test_the_question_copied_into_the_box_is_not_an_answer(gold: str, answer: str) -> None:
    assert answers.grade([(gold, answer)]) == [False]


def test_failures_are_told_from_wrong_answers() -> None:
    texts = [r"\boxed{4}", r"\boxed{5}", "4", "4", r"\boxed{4} and", rf"\boxed{{{'1' * 301}}}"]
    cut = [False, False, False, True, True, False]
    assert answers.verdicts(["4"] * 6, texts, cut) == [
        Verdict.CORRECT,
        Verdict.WRONG,
        Verdict.UNPARSED,
        Verdict.TRUNCATED,
        Verdict.CORRECT,
        Verdict.UNPARSED,
    ]


def test_each_completion_comes_with_its_answer() -> None:
    assert answers.graded(["4"], [r"\boxed{ 5 }"], [False]) == [answers.Graded("5", Verdict.WRONG)]


def test_an_answer_that_cannot_be_computed_is_unparsed_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "KILL_AFTER", 1)
    texts = [r"\boxed{9^{9^{9^9}}}", r"\boxed{\frac{14}{2}}"]
    assert answers.verdicts(["9/1", "7.0"], texts, [False, False]) == [Verdict.UNPARSED, Verdict.CORRECT]


def test_a_killed_worker_is_replaced() -> None:
    assert answers.grade([("1/2", "0.5"), ("1/4", "0.25")]) == [True, True]
    for worker in bounded.workers(os.getpid()):
        if worker.process:
            worker.process.kill()
            worker.process.wait()
    assert answers.grade([("1/5", "0.2"), ("1/8", "0.125")]) == [True, True]


def test_five_hundred_short_answers_take_seconds() -> None:
    start = time.monotonic()
    assert all(answers.grade([(rf"\frac{{{i}}}{{7}}", f"{i}/7") for i in range(1, 501)]))
    assert time.monotonic() - start < 30
