"""What lm-eval says of its own tasks, in the report: its metric, its error, our interval, and no verdict of it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from toyreport import toy

from qup import records, report
from qup.measured import checks
from qup.measured.scored import Scored, scored
from qup.records import TaskScore
from qup.report.numbers import Bare
from qup.report.sections import harness


def score(objective: str, replicate: int, values: list[float], **own: Any) -> TaskScore:
    """acc of a task over four documents, with lm-eval's own error."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values)))
    made = TaskScore(
        objective, replicate, "arc_easy", "loglikelihood", "acc", "none", float(np.mean(values)), error, 4, values
    )
    return dataclasses.replace(made, **own)


def columns(objective: str, replicates: list[int]) -> list[Scored]:
    rows = [score(objective, r, [1.0, 0.0, float(r % 2), 1.0]) for r in replicates]
    perplexity = {"metric": "perplexity", "value": 12.5, "stderr": None, "documents": None}
    return scored([*rows, *(dataclasses.replace(row, **perplexity) for row in rows)])


CHECKS = {"arc_easy": {"count": 4, "graded": False, "version": "1.0", "data": "test: arc.jsonl (ab)"}}


@pytest.fixture(scope="module")
def built() -> report.Report:
    """The report of a study with a task of lm-eval, one of whose arms has learners that were not loaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qup.report.plots.draw", lambda *_: {})
        made = toy()
        base = dataclasses.replace(made.base(), scored=columns("base", [0]))
        base.checks.setdefault("evaluation", {}).update(CHECKS)
        arms = [dataclasses.replace(arm, scored=columns("sft", [1, 2, 3])) for arm in made.main_arms()]
        arms[1] = dataclasses.replace(arms[1], still=["sft-1", "sft-2"])
        return report.build(made.study, base, arms)


def test_columns_hold_each_replicates_value_and_its_documents() -> None:
    acc, perplexity = columns("sft", [2, 1])
    assert (acc.replicates, acc.values) == ([1, 2], [0.75, 0.5])
    assert acc.documents == [[1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0]]
    assert (perplexity.documents, perplexity.stderrs) == (None, [None, None])


def test_a_learners_value_is_lm_evals_and_the_interval_ours() -> None:
    (acc, _) = columns("sft", [1, 2, 3])
    found = harness._score(acc, 0.95)
    # 0.75, 0.5 and 0.75.
    assert found.harness == Bare(pytest.approx(2 / 3))
    assert found.mean.value == pytest.approx(2 / 3)  # type: ignore[union-attr]
    assert 0 <= found.mean.low < found.mean.high <= 1  # type: ignore[union-attr]
    assert len(found.stderrs) == 3


def test_a_metric_that_is_no_mean_has_lm_evals_value_alone() -> None:
    (_, perplexity) = columns("base", [0])
    cell = harness._cell(harness._score(perplexity, 0.95))
    assert (cell.text, cell.small) == ("12.5000", "n 4")


def test_the_report_has_a_table_for_each_task_and_says_whose_number_it_is(built: report.Report) -> None:
    page = built.markdown
    assert "Tasks of lm-eval" in page
    assert "Task arc_easy: version 1.0, test: arc.jsonl (ab)." in page
    assert "No verdict, contrast or index is of these numbers" in page
    assert "loglikelihood acc" in page
    # Its answers are no answers in words, so no set of ours is made of them.
    assert "Set arc_easy" not in page
    found = built.summary["tasks"]["arc_easy"]["scores"]
    assert found["base"]["loglikelihood acc"]["harness"] == {"value": 0.5}
    assert {"base", "RFT SFT"} <= set(found)


def test_contexts_that_lost_their_beginning_are_said_beside_the_numbers(built: report.Report) -> None:
    assert "lost its beginning" not in built.markdown
    (acc,) = scored([score("sft", replicate, [1.0, 0.0, 1.0, 1.0], shortened=replicate) for replicate in (3, 1)])
    assert acc.shortened == 3
    assert "shortened" not in records.row(columns("base", [0])[0])
    (table,) = harness.show({"arc": harness.Task("version 1", False, {}, 3)}).tables  # type: ignore[union-attr]
    assert table.caption.startswith("Task arc: version 1. Of 3 documents the context is longer than the learner takes")


def test_learners_whose_weights_were_not_loaded_are_a_caution(built: report.Report) -> None:
    (caution,) = [each for each in built.numbers.cautions if "rate every probe" in each]
    assert ": 2 trained learners (sft-1, sft-2) rate every probe exactly as the untrained one does" in caution


def test_a_study_without_tasks_of_lm_eval_has_no_word_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = toy().plain(monkeypatch)
    assert "tasks" not in plain.summary
    assert "Tasks of lm-eval" not in plain.markdown


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda own: own[:1], "lm-eval's scores are"),
        (lambda own: [dataclasses.replace(own[0], n=3), *own[1:]], "lm-eval's scores are"),
        (lambda own: [dataclasses.replace(own[0], values=[0.5]), *own[1:]], "its columns are of other sizes"),
    ],
)
def test_scores_that_an_arm_lacks_or_has_otherwise_are_refused(
    fault: Callable[[list[Scored]], list[Scored]], said: str
) -> None:
    made = toy()
    base = dataclasses.replace(made.base(), scored=columns("base", [0]))
    (arm, *_) = made.main_arms()
    whole = [*columns("sft", [1, 2, 3]), *columns("dft", [1, 2, 3])]
    objectives = list(made.study.training.objective_names)
    own = [each for each in whole if each.objective in objectives]
    assert [*filter(None, checks._score_faults(dataclasses.replace(arm, scored=own), base, objectives, None))] == []
    found = checks._score_faults(dataclasses.replace(arm, scored=fault(own)), base, objectives, None)
    assert said in next(filter(None, found))
    # An arm beside the main ones answers the main task alone.
    assert [*filter(None, checks._score_faults(arm, base, objectives, "heldout"))] == []
