"""Simulated studies through the report's own code: no paradox is shown where none is planted, and one that is, is."""

import numpy as np
import pytest
import toyreport
from planted import VERDICTS
from toyreport import ALIGNED, NATIVE, REFINED

from qup.records import Eval

STUDIES, PROBLEMS, REPLICATES = 60, 60, 3
BETWEEN = 0.03
"SD of a learner's true accuracy between replicates, twice what the glass box has."


def answered(rng, hard, rate):
    """Answers of three replicates; each problem's difficulty is common to arms, apart from what an arm makes of it."""
    own = hard + rng.normal(0, 0.15, PROBLEMS)
    rows = []
    for replicate in range(1, REPLICATES + 1):
        level = rate + rng.normal(0, BETWEEN)
        for p in range(PROBLEMS):
            drawn = own[p] + rng.uniform(-0.2, 0.2, 4) < level
            tries = [("sampled", i, bool(right)) for i, right in enumerate(drawn)]
            for decoding, repeat, right in [*tries, ("greedy", 0, bool(own[p] < level))]:
                verdict = VERDICTS[right]
                rows.append(Eval(f"h{p:03}", "sft", replicate, "heldout", decoding, repeat, "", 9, verdict, None))
    return rows


def states(patch, lost: float, studies: int = STUDIES) -> list[str]:
    """The paradox in each of so many studies whose refined traces are preferred and cost so much utility."""
    toy = toyreport.toy(objectives=("sft",), resamples=100)
    found = []
    for seed in range(studies):
        rng = np.random.default_rng([seed, round(1000 * lost)])
        hard = rng.random(PROBLEMS)
        for arm, rate in ((NATIVE, 0.6), (REFINED, 0.6 - lost), (ALIGNED, 0.6)):
            toy = toy.replaced(arm, evals=answered(rng, hard, rate))
        (verdict,) = toy.summary(patch)["verdicts"]
        found.append(verdict["paradox"])
    return found


@pytest.mark.timeout(300)
def test_no_paradox_is_shown_where_utility_is_equal(monkeypatch) -> None:
    # Quality differs for certain, so only utility stands between a study and a false paradox: at most 2.5% of studies
    # by the declared level, 1.5 of 60. Five or more would be seen once in seventy.
    found = states(monkeypatch, 0.0)
    assert found.count("shown") <= 4
    assert found.count("shown") + found.count("reversed") <= 6
    assert found.count("unresolved") >= 0.8 * STUDIES


@pytest.mark.timeout(300)
def test_a_paradox_that_is_planted_is_shown(monkeypatch) -> None:
    found = states(monkeypatch, 0.3, 20)
    assert found.count("shown") >= 15
    assert "reversed" not in found
