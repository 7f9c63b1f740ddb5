"""Extraction and grading: what counts as an answer, when two answers are one, and what the grader survives."""

import os
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qup import answers, graders
from qup.answers import Graded, bounded
from qup.answers.boxes import TOKEN
from qup.records import Problem, Verdict
from tools import grading

ROOT = Path(__file__).resolve().parents[1]
PAIRS = grading.pairs(ROOT / "tests" / "answer_pairs.yaml")
KINDS = list(dict.fromkeys(pair.kind for pair in PAIRS))
KNOWN_FAILURES = {(r"(0,\infty)", r"\mathbb{R}^+")}
"Gold and given; each is right, and nobody reads it so."


def graded(golds: list[str], texts: list[str], cut: list[bool]) -> list[Graded]:
    """What becomes of completions of mathematical problems."""
    return graders.graded([Problem(f"p{i}", "?", gold, "toy") for i, gold in enumerate(golds)], texts, cut)


def verdicts(golds: list[str], texts: list[str], cut: list[bool]) -> list[Verdict]:
    return [completion.verdict for completion in graded(golds, texts, cut)]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"first \boxed{1}, no: \boxed{2}", "2"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),
        (r"\boxed{5} and then \boxed{12", "5"),
        (r"\boxed{ }", None),
        (r"\boxed{5}. Check in \boxed{}.", "5"),
        (r"\boxed{1}, \boxed{} and \boxed{2}", "1, 2"),
        (r"so $\boxed 4$", "4"),
        (r"\boxed -12 and \boxed x.", "-12, x"),
        (r"\boxed 4\sqrt{2}", None),
        (r"\boxed 4x+1", None),
        (r"So \boxed{7}. Note: the \boxed I used.", "7"),
        (r"\boxed{x=\boxed 4, y=3}", r"x=\boxed 4, y=3"),
        ("The answer is 5.", None),
        ("#### 5", None),
        (r"\\\\boxed{5}", "5"),
        (r"\fbox{5}", "5"),
        (r"{ \boxed{5} } }", "5"),
        (r"\boxed{1} and \boxed{2}", "1, 2"),
        (r"$x=\boxed{1}$ or $x=\boxed{2}$.", "1, 2"),
        (r"\boxed{1}, \boxed{2}, and \boxed{3}", "1, 2, 3"),
        (r"\boxed{5}, that is \boxed{5}", "5"),
        (r"\boxed{1}" + "\n" * 3 + r"\boxed{2}", "2"),
        (r"<think>\boxed{3}? no.</think> It is \boxed{4}.", "4"),
        (r"\boxed{3}? no.</think> It is \boxed{4}.", "4"),
        (r"<think>So \boxed{3}.</think> The answer is 3.", None),
        (r"<think>It must be \boxed{3}", None),
        (r"It is \boxed{3}. <think> Or is it \boxed{4}", "3"),
        (r"[THINK]\boxed{3}[/THINK]\boxed{4}", "4"),
        (r"[THINK] \boxed{3}", None),
        (r"◁think▷\boxed{3}◁/think▷\boxed{4}", "4"),
        (r"◁think▷\boxed{3}", None),
        (r"<|begin_of_thought|>\boxed{3}<|end_of_thought|>\boxed{4}", "4"),
        (r"<|channel|>analysis<|message|>\boxed{3}<|end|><|channel|>final<|message|>\boxed{4}", "4"),
        (r"<|channel|>analysis<|message|>\boxed{3}", None),
    ],
)
def test_the_last_complete_box_is_the_answer_and_nothing_else_is(text: str, answer: str | None) -> None:
    assert answers.extract(text) == answer


@given(st.text(alphabet="ab{}\\ boxed", max_size=40))
def test_extraction_takes_any_text(text: str) -> None:
    answer = answers.extract(text)
    assert answer is None or answer in text


@cache
def rows() -> list[grading.Judged]:
    """Every pair, judged by ours and by math-verify alone."""
    return grading.judged(PAIRS)


def test_every_pair_is_judged_as_it_should_be_but_for_known_failures() -> None:
    judged = zip(PAIRS, grading.ours(PAIRS), strict=True)
    assert {(pair.gold, pair.given) for pair, own in judged if own != pair.same} == KNOWN_FAILURES


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_judged_worse_than_by_math_verify_alone(kind: str) -> None:
    own = [row for row in rows() if row.pair.kind == kind]
    ours, alone = (sum(getattr(row, who) == row.pair.same for row in own) for who in ("ours", "plain"))
    assert ours >= alone


def test_the_pairs_are_many_and_a_third_of_them_differ() -> None:
    assert len(PAIRS) >= 250
    assert len({(pair.gold, pair.given) for pair in PAIRS}) == len(PAIRS)
    assert sum(not pair.same for pair in PAIRS) >= len(PAIRS) / 3


@pytest.mark.slow
def test_the_counts_in_the_docs_are_those_of_the_pairs() -> None:
    assert grading.table(rows()) in (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("gold", "answer"), [("-4", "4 - 1 - 7"), ("3", "2+1"), ("3", "6/2"), ("6", r"2 \cdot 3")])
def test_the_question_copied_into_the_box_is_not_an_answer(gold: str, answer: str) -> None:
    assert bounded.judge([(gold, answer)]) == [False]


def test_failures_are_told_from_wrong_answers() -> None:
    texts = [r"\boxed{4}", r"\boxed{5}", "4", "4", r"\boxed{4} and", rf"\boxed{{{'1' * 301}}}"]
    cut = [False, False, False, True, True, False]
    assert verdicts(["4"] * 6, texts, cut) == [
        Verdict.CORRECT,
        Verdict.WRONG,
        Verdict.UNPARSED,
        Verdict.TRUNCATED,
        Verdict.TRUNCATED,
        Verdict.UNPARSED,
    ]


@given(st.sampled_from([r"\boxed{4}", r"\boxed{5}", "4", r"<think>\boxed{4}</think> \boxed{4}", r"\boxed{4} and"]))
def test_a_cut_completion_is_truncated_whatever_it_boxed(text: str) -> None:
    assert verdicts(["4"], [text], [True]) == [Verdict.TRUNCATED]


def test_each_completion_comes_with_its_answer() -> None:
    assert graded(["4"], [r"\boxed{ 5 }"], [False]) == [Graded("5", Verdict.WRONG)]


HOSTILE = {
    "open boxes": "\\boxed{" * 40_000,
    "open brackets": "\\boxed{" + "[" * 200_000 + "}",
    "open braces": "\\boxed{" + "{" * 200_000,
    "nested boxes": "\\boxed{" * 20_000 + "}" * 20_000,
    "a long number": "\\boxed{" + "7" * 400 + "}",
    "deep nesting": "\\boxed{" + "(" * 140 + "1" + ")" * 140 + "}",
    "deep fractions": "\\boxed{" + "\\frac{1}{" * 25 + "2" + "}" * 25 + "}",
    "nulls": "\\boxed{\0\0}",
    "a lone surrogate": "\\boxed{\ud800}",
    "backslashes": "\\" * 200_001 + "boxed{",
    "spaces before a brace": "\\boxed" + " " * 200_000,
    "many boxes far apart": "\\boxed{1}" + " " * 200_000 + "\\boxed{}",
    "thoughts": "<think>" * 40_000,
    "superscripts": "\\boxed{" + "^" * 290 + "}",
    "spaced signs": "\\boxed{" + " - " * 99 + "}",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_is_no_right_answer_and_takes_no_time(kind: str) -> None:
    start = time.monotonic()
    (verdict,) = verdicts(["7"], [HOSTILE[kind]], [False])
    assert verdict in {Verdict.UNPARSED, Verdict.WRONG}
    # What is quadratic in 200,000 characters takes minutes.
    assert time.monotonic() - start < 60


def test_extraction_looks_at_each_mark_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    class Counting:
        def finditer(self, text: str) -> Iterator[re.Match[str]]:
            nonlocal looked
            for mark in TOKEN.finditer(text):
                looked += 1
                yield mark

    monkeypatch.setattr("qup.answers.boxes.TOKEN", Counting())
    assert answers.extract("\\boxed{" * 4000) is None
    assert looked == 4000


def test_an_answer_that_cannot_be_computed_is_unparsed_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "KILL_AFTER", 1)
    texts = [r"\boxed{9^{9^{9^9}}}", r"\boxed{\frac{14}{2}}"]
    assert verdicts(["9/1", "7.0"], texts, [False, False]) == [Verdict.UNPARSED, Verdict.CORRECT]


def test_a_killed_worker_is_replaced() -> None:
    assert bounded.judge([("1/2", "0.5"), ("1/4", "0.25")]) == [True, True]
    for worker in bounded.workers(os.getpid()):
        if worker.process:
            worker.process.kill()
            worker.process.wait()
    assert bounded.judge([("1/5", "0.2"), ("1/8", "0.125")]) == [True, True]


def test_five_hundred_short_answers_take_seconds() -> None:
    start = time.monotonic()
    assert all(bounded.judge([(rf"\frac{{{i}}}{{7}}", f"{i}/7") for i in range(1, 501)]))
    assert time.monotonic() - start < 30
