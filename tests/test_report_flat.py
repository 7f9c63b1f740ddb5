"""A study in which nothing differs: every score, metric, loss and answer is the same in every arm."""

import dataclasses

import pytest
import toyreport

from qup.records import Verdict


def flat(toy: toyreport.Toy, verdict: Verdict) -> toyreport.Toy:
    """The toy with all scores, metrics, losses, runs and answers alike, the untrained learner's answers too."""
    run = next(iter(toy.arms.values())).runs[0]
    for name, records in {**toy.arms, **toy.further}.items():
        toy = toy.replaced(
            name,
            scores=[dataclasses.replace(score, value=1.0, failure=None) for score in records.scores],
            compat=[
                dataclasses.replace(row, tokens=50, nll=50.0, values=dict.fromkeys(row.values, 1.0))
                for row in records.compat
            ],
            runs=[
                dataclasses.replace(run, objective=own.objective, replicate=own.replicate, path=own.path)
                for own in records.runs
            ],
            steps=[dataclasses.replace(step, loss=1.0) for step in records.steps],
            evals=[dataclasses.replace(answer, verdict=verdict) for answer in records.evals],
        )
    return dataclasses.replace(toy, evals=[dataclasses.replace(answer, verdict=verdict) for answer in toy.evals])


@pytest.mark.parametrize("verdict", [Verdict.CORRECT, Verdict.WRONG, Verdict.TRUNCATED])
def test_a_study_in_which_nothing_differs_has_a_page_and_no_winner(verdict) -> None:
    report = flat(toyreport.controlled(), verdict).build()
    assert {"quality-utility", "two-by-two", "adaptation"} <= set(report.plots)
    assert {choice["state"] for choice in report.summary["choices"]} == {"no gain"}
    assert all(said["headline"].startswith("Not resolved") for said in report.summary["verdicts"])
