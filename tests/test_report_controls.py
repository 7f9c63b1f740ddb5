"""Controls: what was known beforehand comes out, or is flagged; arms beside the main ones move no main number."""

import dataclasses
import json

import pytest
import toyreport
import yaml
from toyreport import NATIVE, RESTYLED

from qup.arms import ControlSettings


@pytest.fixture(scope="module")
def toy():
    return toyreport.controlled()


@pytest.fixture(scope="module")
def built(toy):
    return toy.build()


def test_a_control_vouches_for_no_objective_that_its_arms_have_not(monkeypatch) -> None:
    # The idle Oracle's arm differs from RFT, which it must not; it and a rung of the ladder are trained by SFT alone.
    training = {arm: {"objectives": ["sft"]} for arm in ("idle", "dose50")}
    toy = toyreport.controlled({"idle": (1.0, -0.3, 1.3)}, training=training)
    summary = toy.summary(monkeypatch)
    sft, dft = summary["verdicts"]
    assert "idle" in sft["flagged"]
    assert "idle" not in dft["flagged"]
    assert "idle, dose not tried under this objective" in dft["sentences"][-1]
    assert list(summary["controls"]["idle"]["results"]) == ["sft, sampled", "sft, greedy"]
    assert set(summary["controls"]["dose"]["results"]) == {"ppl", "adaptation", "sft"}
    assert set(summary["controls"]["dose_zero"]["results"]) == {"-"}


def test_a_factorial_control_has_effects_under_the_objectives_of_all_its_arms(monkeypatch) -> None:
    controls = {"more": ControlSettings("factorial", (NATIVE, RESTYLED, "idle", "dose50"))}
    toy = toyreport.controlled(controls=controls, training={"idle": {"objectives": ["dft"]}})
    assert list(toy.summary(monkeypatch)["factorials"]["more"]) == ["dft"]


def test_arms_that_share_no_objective_leave_a_control_unmeasured(monkeypatch) -> None:
    training = {"dose0": {"objectives": ["sft"]}, "idle": {"objectives": ["dft"]}}
    controls = {"apart": ControlSettings("equal", ("dose0", "idle"), margin=0.1)}
    found = toyreport.controlled(controls=controls, training=training).summary(monkeypatch)["controls"]["apart"]
    assert found["outcome"] == "not measured"
    assert "no objective under which both arms were evaluated" in found["results"]["-"]["sentence"]


def test_a_training_set_that_is_an_arms_own_is_said_in_the_expectation(monkeypatch) -> None:
    summary = toyreport.controlled(sets={"idle": "again"}).summary(monkeypatch)
    assert summary["controls"]["idle"]["expected"].endswith(" Training set of idle: again.")
    assert "Training set" not in summary["controls"]["style"]["expected"]


def test_controls_that_come_out_as_expected_leave_the_verdict_unflagged(built) -> None:
    outcomes = {name: control["outcome"] for name, control in built.summary["controls"].items() if name != "blind"}
    assert outcomes == dict.fromkeys(("dose_zero", "idle", "style", "dose"), "as expected")
    found = built.summary["controls"]["idle"]["results"]["sft, sampled"]
    assert -0.1 < found["equivalence"]["low"] < 0 < found["equivalence"]["high"] < 0.1
    assert "equivalent (TOST p = " in found["sentence"]


def test_a_reward_that_sees_style_is_named_by_its_control(built) -> None:
    found = built.summary["controls"]["blind"]["results"]["-"]
    assert found["outcome"] == "not as expected"
    assert found["estimate"]["value"] == pytest.approx(0.5, abs=0.15)
    assert all(v["flagged"] == ["blind"] for v in built.summary["verdicts"])
    assert "FLAGGED: control blind did not come out as expected" in built.summary["verdicts"][0]["headline"]
    assert built.summary["verdicts"][0]["headline"].startswith("Quality-Utility Paradox shown")
    assert "control blind: not as expected" in built.headlines


def test_further_arms_move_no_number_of_the_main_report(monkeypatch, toy, built) -> None:
    alone = dataclasses.replace(toy, further={}).summary(monkeypatch)
    about = {"controls", "control_arms", "predictor_check", "manipulation", "adaptation", "verdicts", "factorials"}
    about |= {"foresight"}
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


def test_the_page_tells_the_controls_like_results(built) -> None:
    for text in (built.markdown, built.html):
        assert "idle: as expected" in text
        assert "blind: not as expected" in text
        assert "Manipulation check of main: passed." in text
    assert "## Controls" in built.markdown
    assert "## Does a proxy order the doses?" in built.markdown
    assert "dose-response" in built.plots
    titles = {panel["layer"][0]["encoding"]["y"]["title"] for panel in built.plots["dose-response"].spec["vconcat"]}
    assert titles == {"micro PPL", "adaptation cost, nats", "utility U, points"}


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
