"""Predictors of a whole stream, by hand on two traces."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qup.report import wholes
from qup.report.traces import MACRO, MICRO
from qup.stats import Draws


def draws(value: float, *replicates: float) -> Draws:
    return Draws(value, np.array(replicates), 2)


def traces(**others: Any) -> Any:
    """An arm whose traces have 0.5 and 1.5 nats a token: L is 1; in the two draws 0.5 and 1.5."""
    ppl = {("arm", MACRO): draws(1.0, 0.5, 1.5).exp(), ("arm", MICRO): draws(9.0, 9.0, 9.0)}
    given = {"arms": ["arm"], "ppl": ppl, "perplexity": ppl, "rewards": {}, "metrics": {}}
    given["perceives"] = lambda reward: reward != "answer"
    return SimpleNamespace(**(given | others))


def test_the_compatibility_adjusted_reward_is_the_mean_reward_over_one_and_three_losses() -> None:
    # 8 / (1 + 3); in the draws 5 / (1 + 1.5) and 11 / (1 + 4.5).
    rewards = {("arm", "genrm"): draws(8.0, 5.0, 11.0), ("arm", "answer"): draws(1.0, 1.0, 1.0)}
    (found,) = wholes.drawn(traces(rewards=rewards)).items()
    assert found[0] == ("arm", "car.genrm")
    assert found[1].value == pytest.approx(2)
    assert found[1].replicates.tolist() == pytest.approx([2, 2])


def test_the_rank_surprisal_ratio_of_a_set_is_a_ratio_of_means() -> None:
    # Clipped ranks of 2 and 6 on average: 4 over 1; in the draws 3 over 0.5 and 6 over 1.5.
    found = wholes.drawn(traces(metrics={("arm", "rsr.rank"): draws(4.0, 3.0, 6.0), ("arm", "rsr"): draws(9.0, 9.0)}))
    assert list(found) == [("arm", "rsr.set")]
    assert found["arm", "rsr.set"].value == pytest.approx(4)
    assert found["arm", "rsr.set"].replicates.tolist() == pytest.approx([6, 4])


def test_an_arm_without_a_loss_has_neither() -> None:
    assert wholes.drawn(traces(ppl={}, perplexity={}, rewards={("arm", "genrm"): draws(1.0, 1.0)})) == {}
