"""Scores of groups of lm-eval's tasks: the group's own rule, by hand."""

import dataclasses
import math
from types import SimpleNamespace

import pytest

from qup.evals import library
from qup.evals.totals import totals
from qup.records import TaskScore

GROUP = "mmlu_stem"
LEAVES = [leaf.name for leaf in library.leaves(GROUP)]


def asked(task: str = GROUP) -> list:
    return [SimpleNamespace(entry=SimpleNamespace(task=task), leaf=object())]


def score(task: str, value: float | None, n: int = 10, stderr: float | None = 0.1) -> TaskScore:
    return TaskScore("base", 0, task, "loglikelihood", "acc", "none", value, stderr, n, None)


def test_a_group_that_weighs_by_size_is_the_share_of_all_documents() -> None:
    # One task of 90 documents, all right; the others have 10 each, none right.
    first, *others = LEAVES
    (total,) = totals(asked(), [score(first, 1.0, 90), *(score(task, 0.0) for task in others)])
    assert (total.task, total.metric, total.n) == (GROUP, "acc", 90 + 10 * len(others))
    assert total.value == pytest.approx(90 / total.n)


def test_the_error_of_a_group_of_equal_tasks_is_a_tasks_own_over_the_root_of_their_number() -> None:
    (total,) = totals(asked(), [score(task, 0.5) for task in LEAVES])
    assert total.stderr == pytest.approx(0.1 / math.sqrt(len(LEAVES)))


def test_a_group_one_of_whose_tasks_has_no_value_has_none_and_without_an_error_no_error() -> None:
    whole = [score(task, 0.5) for task in LEAVES]
    assert totals(asked(), [dataclasses.replace(whole[0], value=None), *whole[1:]]) == []
    (total,) = totals(asked(), [dataclasses.replace(whole[0], stderr=None), *whole[1:]])
    assert (total.value, total.stderr) == (0.5, None)


def test_tasks_of_no_group_do_not_count() -> None:
    (total,) = totals(asked(), [*(score(task, 0.5) for task in LEAVES), score("arc_easy", 0.0)])
    assert total.value == 0.5
    assert totals(asked("arc_easy"), [score("arc_easy", 0.0)]) == []
