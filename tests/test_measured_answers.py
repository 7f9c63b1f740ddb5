"""Graded answers as counts, and what k answers to a problem come to together: Avg@k, pass@k, maj@k."""

import math

import pytest

from qup.measured.answers import Answers, answers_of
from qup.records import Eval, Verdict

C, W, U, T = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSED, Verdict.TRUNCATED
SAID = {C: "2", W: "7", U: None, T: None}


def answered(replicate: int, problem: str, *verdicts: Verdict, decoding: str = "sampled") -> list[Eval]:
    return [Eval(problem, "sft", replicate, "heldout", decoding, i, "", 5, v, SAID[v]) for i, v in enumerate(verdicts)]


EVALS = [
    *answered(2, "y", C, C, T, U),
    *answered(2, "x", W, W, W, W),
    *answered(1, "y", C, C, C, W),
    *answered(1, "y", C, decoding="greedy"),
]
"Replicate 1 has not answered x."


def shares(answers: Answers, name: str) -> list[list[float | None]]:
    """With None where there is none."""
    return [[None if math.isnan(share) else share for share in row] for row in answers.share(name).tolist()]


def test_answers_are_counted_by_replicate_and_problem() -> None:
    greedy, sampled = answers_of(EVALS)
    assert (sampled.task, sampled.decoding, sampled.objective) == ("heldout", "sampled", "sft")
    assert (sampled.replicates, sampled.problems) == ([1, 2], ["x", "y"])
    assert sampled.answers.tolist() == [[0, 4], [4, 4]]
    assert sampled.correct.tolist() == [[0, 3], [0, 2]]
    assert sampled.truncated.tolist() == [[0, 0], [0, 1]]
    assert sampled.unparsed.tolist() == [[0, 0], [0, 1]]
    assert (greedy.replicates, greedy.problems, greedy.correct.tolist()) == ([1], ["y"], [[1]])


def test_a_share_is_of_the_answers_given_and_none_where_there_is_no_answer() -> None:
    _, sampled = answers_of(EVALS)
    assert shares(sampled, "correct") == [[None, 0.75], [0.0, 0.5]]
    assert shares(sampled, "truncated") == [[None, 0.0], [0.0, 0.25]]


def test_a_problem_is_passed_if_any_answer_is_right() -> None:
    _, sampled = answers_of(EVALS)
    assert shares(sampled, "passed") == [[None, 1.0], [0.0, 1.0]]
    assert answers_of(answered(1, "x", W, W, U, C))[0].share("passed").tolist() == [[1.0]]


def of(*said: tuple[str | None, Verdict]) -> float:
    """maj@k of one problem's answers."""
    evals = [Eval("x", "sft", 1, "heldout", "sampled", i, "", 5, v, text) for i, (text, v) in enumerate(said)]
    (answers,) = answers_of(evals)
    return float(answers.share("majority")[0, 0])


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ([("2", C), ("2", C), ("7", W)], 1.0),
        ([("2", C), ("7", W), ("7", W)], 0.0),
        # Right and wrong are equally frequent; of three that are, one is right; the most frequent two are both wrong.
        ([("2", C), ("7", W)], 1 / 2),
        ([("2", C), ("7", W), ("8", W)], 1 / 3),
        ([("2", C), ("7", W), ("7", W), ("8", W), ("8", W)], 0.0),
        # Four different wrong answers lose to two right ones.
        ([("2", C), ("2", C), ("5", W), ("6", W), ("7", W), ("8", W)], 1.0),
    ],
)
def test_the_majority_is_right_as_its_most_frequent_answer_is_and_a_tie_by_share(
    said: list[tuple[str | None, Verdict]], share: float
) -> None:
    assert of(*said) == pytest.approx(share)
    assert of(*said[::-1]) == pytest.approx(share)


def test_an_answer_that_is_not_there_or_cannot_be_read_has_no_vote() -> None:
    assert of(("2", C), (None, T), (None, T), (None, U)) == 1.0
    # Boxed, but nothing that the grader can read.
    assert of(("2", C), ("{", U), ("{", U)) == 1.0


def test_answers_of_which_none_can_be_read_have_a_majority_that_is_not_right() -> None:
    assert of((None, T), (None, U)) == 0.0


def test_a_problem_without_an_answer_has_no_majority() -> None:
    _, sampled = answers_of(EVALS)
    # Replicate 2 said 7 four times to x, and to y the right answer twice beside nothing to read.
    assert shares(sampled, "majority") == [[None, 1.0], [0.0, 1.0]]
