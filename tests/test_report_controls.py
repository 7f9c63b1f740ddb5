"""Controls: what was known beforehand comes out, or is flagged; arms beside the main ones move no main number."""

import dataclasses
import itertools
import json

import pytest
import toyreport
import yaml
from toyreport import ALIGNED, NATIVE, REFINED, RESTYLED

from qup.arms import ControlSettings
from qup.records import Verdict


@pytest.fixture(scope="module")
def toy():
    return toyreport.controlled()


@pytest.fixture(scope="module")
def built(toy):
    return toy.build()


@pytest.mark.parametrize(("margin", "outcome"), [(0.8, "as expected"), (0.5, "not resolved"), (0.2, "not as expected")])
def test_a_margin_asks_for_the_whole_interval_inside_it(monkeypatch, margin, outcome) -> None:
    # Restyled scores 0.5 above RFT by genrm.
    controls = {"blind": dataclasses.replace(toyreport.CONTROLS["blind"], margin=margin)}
    found = toyreport.controlled(controls=controls).summary(monkeypatch)["controls"]["blind"]
    assert found["outcome"] == outcome
    assert found["expected"].endswith(f"is 0 within {margin:g}.")


def test_a_control_vouches_for_no_objective_that_its_arms_have_not(monkeypatch) -> None:
    # The idle Oracle's arm differs from RFT, which it must not; it and a rung of the ladder are trained by SFT alone.
    training = {arm: {"objectives": ["sft"]} for arm in ("idle", "dose50")}
    toy = toyreport.controlled({"idle": (1.0, -0.3, 1.3)}, training=training)
    summary = toy.summary(monkeypatch)
    sft, dft = summary["verdicts"]
    assert "idle" in sft["flagged"]
    assert "idle" not in dft["flagged"]
    assert "idle, dose not tried under this objective" in dft["sentences"][-1]
    assert list(summary["controls"]["idle"]["results"]) == ["sft"]
    assert set(summary["controls"]["dose"]["results"]) == {"ppl", "adaptation", "sft"}
    assert set(summary["controls"]["dose_zero"]["results"]) == {"sft", "dft"}


def test_a_factorial_control_has_effects_under_the_objectives_of_all_its_arms(monkeypatch) -> None:
    controls = {"more": ControlSettings("factorial", (NATIVE, RESTYLED, "idle", "dose50"))}
    toy = toyreport.controlled(controls=controls, training={"idle": {"objectives": ["dft"]}})
    assert list(toy.summary(monkeypatch)["factorials"]["more"]) == ["dft"]


def test_arms_that_share_no_objective_leave_a_control_unmeasured(monkeypatch) -> None:
    training = {"dose0": {"objectives": ["sft"]}, "idle": {"objectives": ["dft"]}}
    controls = {"apart": ControlSettings("zero", ("dose0", "idle"))}
    found = toyreport.controlled(controls=controls, training=training).summary(monkeypatch)["controls"]["apart"]
    assert found["outcome"] == "not measured"
    assert "no objective under which both arms were evaluated" in found["results"]["-"]["sentence"]


def test_a_ladder_without_sft_asks_for_no_adaptation_cost(monkeypatch) -> None:
    toy = toyreport.controlled(training={"dose50": {"objectives": ["dft"]}})
    built = toy.plain(monkeypatch)
    assert set(built.summary["controls"]["dose"]["results"]) == {"ppl", "dft"}
    assert "| arm | dose | micro PPL | U DFT, points |" in built.markdown


def test_a_training_set_that_is_an_arms_own_is_said_in_the_expectation(monkeypatch) -> None:
    summary = toyreport.controlled(sets={"idle": "again"}).summary(monkeypatch)
    assert summary["controls"]["idle"]["expected"].endswith(" Training set of idle: again.")
    assert "Training set" not in summary["controls"]["dose_zero"]["expected"]


def test_controls_that_come_out_as_expected_leave_the_verdict_unflagged(built) -> None:
    outcomes = {name: control["outcome"] for name, control in built.summary["controls"].items() if name != "blind"}
    assert outcomes == dict.fromkeys(("dose_zero", "idle", "dose"), "as expected")
    found = built.summary["controls"]["idle"]["results"]["sft"]
    assert found["estimate"]["low"] < 0 < found["estimate"]["high"]
    assert "would have been seen with 80% power" in found["sentence"]
    assert found["paradox"]["genrm"]["pairs"] == 1


def test_a_reward_that_sees_style_is_named_by_its_control(built) -> None:
    found = built.summary["controls"]["blind"]["results"]["-"]
    assert found["outcome"] == "not as expected"
    assert found["estimate"]["value"] == pytest.approx(0.5, abs=0.15)
    assert all(v["flagged"] == ["blind"] for v in built.summary["verdicts"])
    assert "FLAGGED: control blind did not come out as expected" in built.summary["verdicts"][0]["headline"]
    assert built.summary["verdicts"][0]["headline"].startswith("Quality-Utility Paradox shown")
    assert "control blind: not as expected" in built.headlines


def test_a_planted_false_null_is_found_in_the_objective_it_is_in(monkeypatch, toy) -> None:
    better = [dataclasses.replace(e, verdict=Verdict.CORRECT) for e in toy.further["idle"].evals]
    evals = [e for e in toy.arms[NATIVE].evals if e.objective == "sft"]
    evals += [e for e in better if e.objective == "dft"]
    summary = toy.replaced("idle", evals=evals).summary(monkeypatch)
    results = summary["controls"]["idle"]["results"]
    assert (results["sft"]["outcome"], results["dft"]["outcome"]) == ("as expected", "not as expected")
    assert "equal on every problem" in results["sft"]["sentence"]
    assert {v["objective"]: v["flagged"] for v in summary["verdicts"]} == {"sft": ["blind"], "dft": ["idle", "blind"]}


def test_a_paradox_within_a_null_control_is_not_as_expected(monkeypatch) -> None:
    """The two arms train alike, but are preferred to RFT and train worse: the index must be 0 and is not."""
    toy = toyreport.controlled(arms={ALIGNED: (1.6, -0.2, 1.35)})
    toy = dataclasses.replace(toy, further={**toy.further, "dose0": toy.arms[ALIGNED]})
    found = toy.summary(monkeypatch)["controls"]["dose_zero"]["results"]["sft"]
    assert (found["estimate"]["low"], found["estimate"]["high"]) == (0, 0)
    assert found["outcome"] == "not as expected"
    assert "PI is not 0" in found["sentence"]


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


def test_steps_of_a_ladder_are_between_neighbours(built) -> None:
    found = built.summary["controls"]["dose"]["results"]["ppl"]
    values = [found["by_arm"][arm]["value"] for arm in built.summary["controls"]["dose"]["arms"]]
    gaps = [after - before for before, after in itertools.pairwise(values)]
    assert [step["value"] for step in found["steps"]] == pytest.approx(gaps, abs=2e-6)
    assert found["ends"]["value"] == pytest.approx(values[-1] - values[0], abs=2e-6)


def test_further_arms_move_no_number_of_the_main_report(monkeypatch, toy, built) -> None:
    alone = dataclasses.replace(toy, further={}).summary(monkeypatch)
    about = {"controls", "control_arms", "predictor_check", "manipulation", "adaptation", "verdicts", "factorials"}
    assert {k: v for k, v in alone.items() if k not in about} == {
        k: v for k, v in built.summary.items() if k not in about
    }
    assert alone["factorials"]["main"] == built.summary["factorials"]["main"]
    assert list(built.summary["control_arms"]) == list(toy.further)
    assert not any(arm in group["arms"] for group in built.summary["oracles"].values() for arm in toy.further)


def test_a_control_without_records_is_not_measured(monkeypatch, toy) -> None:
    built = dataclasses.replace(toy, further={}).plain(monkeypatch)
    assert built.summary["controls"]["idle"]["outcome"] == "not measured"
    assert built.summary["controls"]["idle"]["results"]["-"]["sentence"] == "not measured: no records of idle."
    assert built.summary["controls"]["idle"]["labels"]["idle"] == "idle"
    assert "idle" in built.summary["verdicts"][0]["sentences"][-1]
    assert built.summary["verdicts"][0]["flagged"] == ["blind"]
    assert "| idle | - | idle - RFT | – not measured |" in built.markdown


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


def test_the_page_tells_the_controls_like_results(built) -> None:
    for text in (built.markdown, built.html):
        assert "idle: as expected" in text
        assert "blind: not as expected" in text
        assert "Manipulation check of main: passed." in text
    assert "## Controls" in built.markdown
    assert "## Does a proxy order the doses?" in built.markdown
    assert "dose-response" in built.plots
    titles = {panel["layer"][0]["encoding"]["y"]["title"] for panel in built.plots["dose-response"].spec["vconcat"]}
    assert titles == {"micro PPL", "adaptation cost, nats", "utility U, accuracy points"}


def test_a_study_without_controls_has_no_section_of_them(monkeypatch) -> None:
    built = toyreport.toy().plain(monkeypatch)
    assert "## Controls" not in built.markdown
    assert "dose-response" not in built.plots
    assert built.summary["predictor_check"]["sft"] == {"value": None, "reason": "no ordered control"}


def test_arms_that_no_control_is_about_are_shown_all_the_same(monkeypatch) -> None:
    built = toyreport.controlled(controls={}).plain(monkeypatch)
    assert "## Controls" not in built.markdown
    assert "## Arms beside the main ones" in built.markdown
    assert "| idle | 29 of 30 |" in built.markdown


def test_the_summary_with_controls_is_plain_and_equal_measurements_give_equal_bytes(toy, built) -> None:
    assert json.loads(json.dumps(built.summary)) == built.summary
    assert yaml.safe_load(yaml.safe_dump(built.summary)) == built.summary
    assert toy.build().files() == built.files()
