"""The dose control: perplexity, cost and utility line up by the dose, or the control fails."""

import itertools
from dataclasses import replace

import pytest
import toyreport
from toyreport import REFINED

from qup.arms import ArmSettings, ControlSettings


@pytest.fixture(scope="module")
def built(patch):
    return toyreport.controlled().plain(patch)


def test_arms_shuffled_over_their_doses_fail_in_every_quantity(monkeypatch) -> None:
    shuffled = {"dose": ControlSettings("ordered", (REFINED, "dose0", "dose50"))}
    summary = toyreport.controlled(controls=shuffled).summary(monkeypatch)
    found = summary["controls"]["dose"]
    assert found["outcome"] == "not as expected"
    assert {key: result["outcome"] for key, result in found["results"].items()} == dict.fromkeys(
        ("ppl", "adaptation", "sft", "dft"), "not as expected"
    )
    assert all(v["flagged"] == ["dose"] for v in summary["verdicts"])


def test_a_ladder_without_sft_asks_for_no_adaptation_cost(monkeypatch) -> None:
    toy = toyreport.controlled(training={"dose50": {"objectives": ["dft"]}})
    built = toy.plain(monkeypatch)
    assert set(built.summary["controls"]["dose"]["results"]) == {"ppl", "dft"}
    assert "| arm | dose | micro PPL | U DFT, points |" in built.markdown


def test_a_dose_that_helps_is_not_as_expected_and_one_that_does_nothing_is_not_resolved(monkeypatch) -> None:
    flat = (1.4, 0.1, 1.5)
    toy = toyreport.controlled({"dose0": flat, "dose50": flat}, {REFINED: (1.6, 0.35, 1.5)})
    results = toy.summary(monkeypatch)["controls"]["dose"]["results"]
    assert results["sft"]["outcome"] == "not as expected"
    assert results["ppl"]["outcome"] == "not resolved"


def test_a_step_back_on_the_way_up_is_not_as_expected(monkeypatch) -> None:
    toy = toyreport.controlled({"dose50": (1.45, 0.1, 2.6)})
    found = toy.summary(monkeypatch)["controls"]["dose"]["results"]["ppl"]
    assert found["ends"]["value"] > 0
    assert found["steps"][1]["high"] < 0
    assert found["outcome"] == "not as expected"
    assert "1 of 2 steps resolved the other way" in found["sentence"]


def test_the_dose_of_an_arm_is_its_oracles_dial(built) -> None:
    found = built.summary["controls"]["dose"]
    assert found["doses"] == {"dose0": 0, "dose50": 0.5, REFINED: 1}
    assert found["results"]["adaptation"]["by_arm"][REFINED] == built.summary["adaptation"][REFINED]["cost"]


def test_an_arm_that_asked_its_oracle_nothing_has_no_dose(monkeypatch) -> None:
    toy = toyreport.controlled()
    native = [replace(row, attempts=0, oracle_tokens=0) for row in toy.further["dose50"].stream]
    doses = toy.replaced("dose50", stream=native).summary(monkeypatch)["controls"]["dose"]["doses"]
    assert doses == {"dose0": 0, "dose50": 0, REFINED: 1}


def test_steps_of_a_ladder_are_between_neighbours(built) -> None:
    found = built.summary["controls"]["dose"]["results"]["ppl"]
    values = [found["by_arm"][arm]["value"] for arm in built.summary["controls"]["dose"]["arms"]]
    gaps = [after - before for before, after in itertools.pairwise(values)]
    assert [step["value"] for step in found["steps"]] == pytest.approx(gaps, abs=2e-6)
    assert found["ends"]["value"] == pytest.approx(values[-1] - values[0], abs=2e-6)


def test_a_proxy_that_orders_the_doses_has_a_correlation_of_one(built) -> None:
    found = built.summary["predictor_check"]["sft"]
    assert found["metrics"]["ppl.micro"]["cost"]["value"] == 1
    assert found["metrics"]["ppl.micro"]["utility"]["value"] == -1
    assert found["metrics"]["null.tokens"]["null"] is True
    assert found["metrics"]["rsr"]["null"] is False
    assert list(found["metrics"])[-1] == "glassbox.parsed"
    assert found["metrics"]["glassbox.parsed"]["cost"] == {"value": None, "reason": "equal in all arms"}
    strengths = [abs(m["utility"]["value"]) for m in found["metrics"].values() if m["utility"]["value"] is not None]
    assert strengths == sorted(strengths, reverse=True)
    # Three doses have 3! = 6 orders, of which two give |rho| = 1.
    assert "3 doses can be ordered in 6 ways only" in found["caution"]
    assert "probability 0.33" in found["caution"]


def test_the_dose_of_a_mixture_is_its_arms_by_their_shares(monkeypatch) -> None:
    # Of RFT nothing, of the home Oracle's whole dose a quarter and three quarters.
    mixtures = {
        name: ArmSettings("home", mixture={"rejection_sampling": 1 - share, "oracle_refined": share})
        for name, share in (("quarter", 0.25), ("most", 0.75))
    }
    toy = toyreport.toy(
        ladder={"quarter": (1.1, 0.05, 1.4), "most": (1.4, -0.1, 1.7)},
        beside=mixtures,
        controls={"dose": ControlSettings("ordered", ("quarter", "most", REFINED))},
    )
    assert toy.summary(monkeypatch)["controls"]["dose"]["doses"] == {"quarter": 0.25, "most": 0.75, REFINED: 1}
