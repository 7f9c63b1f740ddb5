"""Draws of arms: named at once, drawn an arm at a time."""

import dataclasses

import numpy as np
from toyreport import ALIGNED, NATIVE, REFINED, toy

from qup.report.drawn import Drawn
from qup.report.traces import POPULATION, Traces
from qup.stats import Bootstrap, Draws


def test_the_names_are_known_before_anything_is_drawn_and_an_arm_that_nobody_asks_for_never_is() -> None:
    asked: list[str] = []

    def of(arm: str) -> dict[str, Draws]:
        asked.append(arm)
        return {"ppl": Draws(1.0, np.ones(3), 3)}

    drawn = Drawn([("a", "ppl"), ("b", "ppl")], of)
    assert [*drawn] == [("a", "ppl"), ("b", "ppl")]
    assert ("a", "ppl") in drawn
    assert ("a", "rsr") not in drawn
    assert drawn.get(("c", "ppl")) is None
    assert asked == []
    assert drawn["b", "ppl"].n == 3
    assert asked == ["b"]


def test_what_is_drawn_of_an_arm_of_other_problems_is_what_all_problems_give() -> None:
    own = {arm.name: arm for arm in toy().main_arms()}
    others = dataclasses.replace(own[REFINED], problems=[f"{problem} again" for problem in own[REFINED].problems])
    traces = Traces(Bootstrap(1, 50), {}, {NATIVE: own[NATIVE], REFINED: others}, {})
    assert len(traces.problems) == 2 * len(others.problems)
    for arm, name in (NATIVE, "rsr"), (REFINED, "rsr"):
        (whole,) = traces.boot.means(traces.metric_columns(name)[arm, name][:, None], POPULATION)
        assert traces.metrics[arm, name].value == whole.value
        np.testing.assert_allclose(traces.metrics[arm, name].replicates, whole.replicates, rtol=1e-12)


def test_main_arms_are_drawn_at_once_and_those_beside_them_apart(monkeypatch) -> None:
    drawn, ratios = [], Bootstrap.ratios
    monkeypatch.setattr(Bootstrap, "ratios", lambda boot, *sums: drawn.append(sums[0].shape[1]) or ratios(boot, *sums))
    arms = {arm.name: arm for arm in toy().main_arms()}
    traces = Traces(Bootstrap(1, 50), {}, arms, {}, beside={REFINED})
    assert traces.metrics[REFINED, "rsr"].n > 0
    (one,) = drawn
    assert all(traces.ppl[arm, "micro"].n > 0 for arm in (NATIVE, ALIGNED))
    assert drawn == [one, 2 * one]
