"""Controls, factorials, manipulation checks, adaptation cost and further sets, on numbers set by hand."""

import dataclasses
import itertools
import json
import math

import pytest
import toyreport
import yaml

from qup import report
from qup.errors import SettingsError
from qup.params import ControlSettings
from qup.records import Eval, Step, Verdict
from qup.report import adaptation
from qup.stats import t_interval
from stages import cli
from stages import report as stage


@pytest.fixture(scope="module")
def inputs(patch):
    return toyreport.controlled(patch)


@pytest.fixture(scope="module")
def built(inputs):
    return report.build(*inputs)


def summary(patch, *args):
    """The numbers of a report."""
    return toyreport.without_plots(patch, *args).summary


def curve(losses, *, epochs, tokens=10, seed=1, objective="sft"):
    """Steps of equal tokens that share `epochs` evenly."""
    count = len(losses)
    return [
        Step(objective, seed, i, round(epochs * i / count, 6), tokens * i, loss, 1.0, 1e-4)
        for i, loss in enumerate(losses, start=1)
    ]


def test_adaptation_cost_is_the_first_epochs_loss_above_the_last_ones() -> None:
    # Floor (1 + 0.5) / 2 = 0.75; (3 - 0.75) * 10 + (2 - 0.75) * 10 = 35.
    assert adaptation.prequential(curve([3.0, 2.0, 1.0, 0.5], epochs=2)) == pytest.approx(35)


def test_a_step_across_two_epochs_counts_where_it_starts() -> None:
    # Steps start at epochs 0, 2/3 and 4/3: two in the first, one in the last. (3 - 1) * 10 + (2 - 1) * 10 = 30.
    assert adaptation.prequential(curve([3.0, 2.0, 1.0], epochs=2)) == pytest.approx(30)


def test_the_floor_and_the_cost_weigh_steps_by_their_tokens() -> None:
    steps = [Step("sft", 1, i, i / 2, seen, loss, 1, 1) for i, seen, loss in [(1, 10, 3), (2, 40, 2), (3, 50, 1)]]
    steps.append(Step("sft", 1, 4, 2.0, 80, 0.6, 1, 1))
    # Steps of 10, 30, 10, 30 tokens; floor (1 * 10 + 0.6 * 30) / 40 = 0.7; 2.3 * 10 + 1.3 * 30 = 62.
    assert adaptation.prequential(steps) == pytest.approx(62)


def test_fewer_than_two_epochs_and_other_objectives_have_no_cost() -> None:
    assert adaptation.costs(curve([3.0, 2.0, 1.0], epochs=1.9)) == {}
    assert adaptation.costs(curve([3.0, 2.0, 1.0, 0.5], epochs=2, objective="dft")) == {}
    assert adaptation.found({}, 0.95)["value"] is None


def test_the_interval_of_a_cost_is_of_seeds() -> None:
    # Mean 20, standard error 10 / sqrt(3), t(0.975, 2) = 4.3027.
    found = t_interval([10.0, 20.0, 30.0], 0.95)
    assert (found.value, found.n, found.seeds) == (20, 3, 3)
    assert found.high - 20 == pytest.approx(4.3027 * 10 / math.sqrt(3), rel=1e-4)
    assert t_interval([7.0], 0.95).excludes_zero() is False


def test_a_cost_of_one_seed_has_no_interval_and_says_so(monkeypatch) -> None:
    made = report.build(*toyreport.controlled(monkeypatch, seeds=(1,)))
    found = made.summary["adaptation"]["oracle_refined"]
    assert (found["low"], found["high"], found["n"]) == (None, None, 1)
    assert made.summary["controls"]["dose"]["results"]["adaptation"]["outcome"] == "not resolved"
    assert any("no interval" in text for text in made.summary["verdicts"][0]["sentences"])
    assert "no interval n 1 seed |" in made.markdown


def answers(objective, right, problems=8):
    """One sampled answer a problem, the first `right` of them correct."""
    verdicts = [Verdict.CORRECT] * right + [Verdict.WRONG] * (problems - right)
    return [Eval(f"h{p}", objective, 1, "heldout", "sampled", 0, "", 9, v) for p, v in enumerate(verdicts)]


def test_the_effects_of_a_factorial_by_hand(monkeypatch) -> None:
    study, arms, _, checks, traces, _ = toyreport.controlled(monkeypatch, seeds=(1,), objectives=("sft",), controls={})
    right = {"rejection_sampling": 4, "restyled": 2, "style_aligned": 6, "oracle_refined": 3}
    arms = {arm: dataclasses.replace(arms[arm], evals=answers("sft", count)) for arm, count in right.items()}
    made = summary(monkeypatch, study, arms, answers("base", 4), checks, traces, {})
    found = made["factorials"]["main"]["sft"]
    # U in eighths over base: native 0, restyled -2, aligned 2, refined -1.
    hand = {"V": 2 / 8, "C": 3 / 8, "interaction": (-1 + 2) / 8 - 2 / 8, "style_on_unrepaired": -2 / 8}
    assert {key: found[key]["value"] for key in hand} == pytest.approx(hand)
    assert found["arms"] == dict(zip(("native", "restyled", "aligned", "refined"), right, strict=True))
    assert all({"low", "high", "n", "se", "mde", "resolved"} <= found[key].keys() for key in hand)


@pytest.mark.parametrize(("margin", "outcome"), [(0.8, "as expected"), (0.5, "not resolved"), (0.2, "not as expected")])
def test_a_margin_asks_for_the_whole_interval_inside_it(monkeypatch, margin, outcome) -> None:
    # Restyled scores 0.5 above RFT by genrm.
    controls = {"blind": dataclasses.replace(toyreport.CONTROLS["blind"], margin=margin)}
    found = summary(monkeypatch, *toyreport.controlled(monkeypatch, controls=controls))["controls"]["blind"]
    assert found["outcome"] == outcome
    assert found["expected"].endswith(f"is 0 within {margin:g}.")


def test_a_control_of_one_objective_vouches_for_no_other(monkeypatch) -> None:
    # The idle Oracle's arm differs from RFT, which it must not.
    ladder = {"style_aligned-idle": (1.0, -0.3, 1.3)}
    controls = {name: dataclasses.replace(c, objectives=("sft",)) for name, c in toyreport.CONTROLS.items()}
    cells = ("rejection_sampling", "restyled", "style_aligned-idle", "oracle_refined-dose50")
    controls["more"] = ControlSettings("factorial", cells, objectives=("dft",))
    made = summary(monkeypatch, *toyreport.controlled(monkeypatch, ladder, controls=controls))
    sft, dft = made["verdicts"]
    assert "idle" in sft["flagged"]
    assert "idle" not in dft["flagged"]
    assert "dose_zero, idle, dose not tried under this objective" in dft["sentences"][-1]
    assert list(made["factorials"]["more"]) == ["dft"]
    assert "adaptation" in made["controls"]["dose"]["results"]


def test_an_ordered_control_without_sft_asks_for_no_adaptation_cost(monkeypatch) -> None:
    controls = {"dose": dataclasses.replace(toyreport.CONTROLS["dose"], objectives=("dft",))}
    made = report.build(*toyreport.controlled(monkeypatch, controls=controls))
    assert set(made.summary["controls"]["dose"]["results"]) == {"ppl", "dft"}
    assert "| arm | dose | micro PPL | U DFT, points |" in made.markdown


def test_the_greedy_column_stands_where_greedy_answers_are_asked_for(monkeypatch) -> None:
    study, *rest = toyreport.toy(monkeypatch)
    assert "greedy" in report.build(study, *rest).markdown
    without = dataclasses.replace(study, evaluation=dataclasses.replace(study.evaluation, greedy=False))
    assert "greedy" not in report.build(without, *rest).markdown


def test_a_factorial_without_a_cell_says_which_one(monkeypatch) -> None:
    found = summary(monkeypatch, *toyreport.toy(monkeypatch))["factorials"]["main"]["sft"]
    assert found["interaction"] == {"value": None, "reason": "no restyled arm"}
    assert found["V"]["value"] is not None


def test_every_oracle_has_its_own_factorial(monkeypatch) -> None:
    arms = toyreport.PARADOX | {"oracle_refined-voiced": (1.7, -0.2, 3.0), "style_aligned-voiced": (1.3, 0.2, 1.4)}
    made = summary(monkeypatch, *toyreport.toy(monkeypatch, arms, oracles=("home", "voiced")))
    assert list(made["factorials"]) == ["main", "main-voiced"]
    assert made["oracles"]["voiced"]["factorial"] == "main-voiced"
    assert made["factorials"]["main-voiced"]["sft"]["arms"]["refined"] == "oracle_refined-voiced"


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


def test_a_planted_false_null_is_found_in_the_objective_it_is_in(monkeypatch) -> None:
    study, arms, base, checks, traces, controls = toyreport.controlled(monkeypatch)
    better = [dataclasses.replace(e, verdict=Verdict.CORRECT) for e in controls["style_aligned-idle"].evals]
    evals = [e for e in arms["rejection_sampling"].evals if e.objective == "sft"]
    evals += [e for e in better if e.objective == "dft"]
    controls["style_aligned-idle"] = dataclasses.replace(controls["style_aligned-idle"], evals=evals)
    made = summary(monkeypatch, study, arms, base, checks, traces, controls)
    results = made["controls"]["idle"]["results"]
    assert (results["sft"]["outcome"], results["dft"]["outcome"]) == ("as expected", "not as expected")
    assert "equal on every problem" in results["sft"]["sentence"]
    assert {v["objective"]: v["flagged"] for v in made["verdicts"]} == {"sft": ["blind"], "dft": ["idle", "blind"]}


def test_a_paradox_within_a_null_control_is_not_as_expected(monkeypatch) -> None:
    """The two arms train alike, but are preferred to RFT and train worse: the index must be 0 and is not."""
    *given, controls = toyreport.controlled(monkeypatch, arms={"style_aligned": (1.6, -0.2, 1.35)})
    controls["oracle_refined-dose0"] = given[1]["style_aligned"]
    found = summary(monkeypatch, *given, controls)["controls"]["dose_zero"]["results"]["sft"]
    assert (found["estimate"]["low"], found["estimate"]["high"]) == (0, 0)
    assert found["outcome"] == "not as expected"
    assert "PI is not 0" in found["sentence"]


def test_a_dose_that_helps_is_not_as_expected_and_one_that_does_nothing_is_not_resolved(monkeypatch) -> None:
    flat = (1.4, 0.1, 1.5)
    arms = {"oracle_refined": (1.6, 0.35, 1.5)}
    ladder = {"oracle_refined-dose0": flat, "oracle_refined-dose50": flat}
    results = summary(monkeypatch, *toyreport.controlled(monkeypatch, ladder, arms))["controls"]["dose"]["results"]
    assert results["sft"]["outcome"] == "not as expected"
    assert results["ppl"]["outcome"] == "not resolved"


def test_a_step_back_on_the_way_up_is_not_as_expected(monkeypatch) -> None:
    ladder = {"oracle_refined-dose50": (1.45, 0.1, 2.6)}
    found = summary(monkeypatch, *toyreport.controlled(monkeypatch, ladder))["controls"]["dose"]["results"]["ppl"]
    assert found["ends"]["value"] > 0
    assert found["steps"][1]["high"] < 0
    assert found["outcome"] == "not as expected"
    assert "1 of 2 steps resolved the other way" in found["sentence"]


def test_the_dose_of_an_arm_is_its_oracles_dial(built) -> None:
    found = built.summary["controls"]["dose"]
    assert found["doses"] == {"oracle_refined-dose0": 0, "oracle_refined-dose50": 0.5, "oracle_refined": 1}
    assert found["results"]["adaptation"]["by_arm"]["oracle_refined"] == built.summary["adaptation"]["oracle_refined"]


def test_control_arms_move_no_number_of_the_main_report(monkeypatch, inputs, built) -> None:
    study, *rest, controls = inputs
    alone = summary(monkeypatch, study, *rest, {})
    about = {"controls", "control_arms", "predictor_check", "manipulation", "adaptation", "verdicts", "factorials"}
    assert {k: v for k, v in alone.items() if k not in about} == {
        k: v for k, v in built.summary.items() if k not in about
    }
    assert alone["factorials"]["main"] == built.summary["factorials"]["main"]
    assert list(built.summary["control_arms"]) == list(controls)
    assert not any(arm in group["arms"] for group in built.summary["oracles"].values() for arm in controls)


def test_a_control_without_records_is_not_measured(monkeypatch, inputs) -> None:
    made = summary(monkeypatch, *inputs[:-1], {})
    assert made["controls"]["idle"]["outcome"] == "not measured"
    assert made["controls"]["idle"]["results"]["-"]["sentence"] == "not measured: no records of style_aligned-idle."
    assert "idle" in made["verdicts"][0]["sentences"][-1]
    assert made["verdicts"][0]["flagged"] == ["blind"]


def test_a_manipulation_check_passes_on_streams_that_are_what_they_say(built) -> None:
    check, means = built.summary["manipulation_checks"]["main"], built.summary["manipulation"]
    assert (check["passed"], check["reason"], len(check["rules"])) == (True, "", 6)
    assert means["oracle_refined-dose50"]["parsed"]["value"] == pytest.approx(26 / 29, abs=1e-6)
    assert (means["restyled"]["dose"]["n"], means["restyled"]["parsed"]["n"]) == (26, 29)
    assert means["restyled"]["logic"]["value"] == pytest.approx(0.8, abs=0.03)


def test_a_restyling_that_repairs_fails_the_manipulation_check(monkeypatch) -> None:
    craft = toyreport.CRAFT | {"restyled": (1.0, 1.0)}
    made = summary(monkeypatch, *toyreport.controlled(monkeypatch, craft=craft))
    check = made["manipulation_checks"]["main"]
    assert check["passed"] is False
    assert check["reason"].startswith("logic of restyled equal to native's: no (+0.1")
    assert any("factorial main are not what their names say" in text for text in made["cautions"])


def test_without_a_parser_no_pass_is_claimed(monkeypatch) -> None:
    made = summary(monkeypatch, *toyreport.controlled(monkeypatch, craft={}))
    assert made["manipulation"] == {}
    assert made["manipulation_checks"]["main"]["passed"] is None
    assert any("no parser for these problems" in text for text in made["verdicts"][0]["sentences"])


def test_a_factorial_control_has_effects_and_goes_by_its_manipulation_check(monkeypatch) -> None:
    refiners = ("unfiltered", "restyled", "style_aligned", "oracle_refined")
    names = tuple(f"{refiner}-failed" for refiner in refiners)
    ladder = dict(zip(names, [(0.5, 0.0, 1.3), (0.9, -0.2, 1.8), (0.8, 0.3, 1.3), (1.2, 0.1, 1.9)], strict=True))
    craft = toyreport.CRAFT | {"unfiltered": (0.5, 0.0)}
    given = {"oracles": ("home", "failed"), "controls": {"failed": ControlSettings("factorial", names)}}
    made = summary(monkeypatch, *toyreport.toy(monkeypatch, toyreport.FACTORIAL, ladder=ladder, craft=craft, **given))
    assert made["factorials"]["failed"]["sft"]["V"]["value"] == pytest.approx(0.3, abs=0.08)
    # Native drafts have 0.5 of their steps right, restyled ones 0.8: a restyling must not repair.
    assert made["controls"]["failed"]["results"]["-"]["outcome"] == "not as expected"


def test_a_proxy_that_orders_the_doses_has_a_correlation_of_one(built) -> None:
    found = built.summary["predictor_check"]["sft"]
    assert found["metrics"]["ppl.micro"]["cost"]["value"] == 1
    assert found["metrics"]["ppl.micro"]["utility"]["value"] == -1
    assert found["metrics"]["null.tokens"]["null"] is True
    assert list(found["metrics"])[-1] == "glassbox.parsed"
    assert found["metrics"]["glassbox.parsed"]["cost"] == {"value": None, "reason": "equal in all arms"}
    strengths = [abs(m["utility"]["value"]) for m in found["metrics"].values() if m["utility"]["value"] is not None]
    assert strengths == sorted(strengths, reverse=True)
    # Three doses have 3! = 6 orders, of which two give |rho| = 1.
    assert "3 doses can be ordered in 6 ways only" in found["caution"]
    assert "probability 0.33" in found["caution"]


def test_utility_is_of_the_held_out_task_alone(monkeypatch) -> None:
    two = toyreport.toy(monkeypatch, tasks=("heldout", "longer"))
    study, arms, base, checks, traces, _ = two
    only = {
        arm: dataclasses.replace(data, evals=[e for e in data.evals if e.task == "heldout"])
        for arm, data in arms.items()
    }
    both = summary(monkeypatch, *two)
    alone = summary(monkeypatch, study, only, [e for e in base if e.task == "heldout"], checks, traces, {})
    assert both["oracles"] == alone["oracles"]
    assert both["arms"]["oracle_refined"]["learners"] == alone["arms"]["oracle_refined"]["learners"]
    found = both["arms"]["oracle_refined"]["sets"]["longer"]["sft"]
    assert (found["accuracy"]["n"], found["utility"]["n"]) == (40, 40)
    assert both["base"]["sets"]["longer"]["accuracy"]["value"] == pytest.approx(0.3, abs=0.1)
    assert alone["base"]["sets"]["longer"] == {
        "accuracy": {"value": None, "reason": "the base learner was not evaluated"}
    }


def test_without_a_held_out_task_the_first_one_is_the_main_one(monkeypatch) -> None:
    study, arms, base, checks, traces, _ = toyreport.toy(monkeypatch, tasks=("heldout", "longer"))
    settings = dataclasses.replace(study.evaluation, tasks=("longer",))
    made = summary(monkeypatch, dataclasses.replace(study, evaluation=settings), arms, base, checks, traces, {})
    assert made["base"]["accuracy"]["n"] == 40
    assert made["base"]["sets"] == {}


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
    made = report.build(*toyreport.toy(monkeypatch))
    assert "## Controls" not in made.markdown
    assert "dose-response" not in made.plots
    assert made.summary["predictor_check"]["sft"] == {"value": None, "reason": "no ordered control"}


def test_the_summary_with_controls_is_plain_and_equal_records_give_equal_bytes(inputs, built) -> None:
    assert json.loads(json.dumps(built.summary)) == built.summary
    assert yaml.safe_load(yaml.safe_dump(built.summary)) == built.summary
    assert report.build(*inputs) == built


@pytest.fixture
def stage_files(tmp_path, inputs, monkeypatch):
    study, *rest = inputs
    monkeypatch.setattr(cli, "read_study", lambda _: study)
    toyreport.lay_out(tmp_path / "data", *rest)
    out = [f"--metrics={tmp_path / 'report.json'}", f"--out={tmp_path / 'report'}", "--arms", *rest[0]]
    return tmp_path, ["--study=studies/toy.yaml", f"--data={tmp_path / 'data'}", *out]


def test_the_stage_reads_the_control_arms_from_their_folder(stage_files, built, capsys) -> None:
    folder, flags = stage_files
    stage.main([*flags, "--controls", str(folder / "data" / "controls")])
    assert json.loads((folder / "report.json").read_text()) == built.summary
    assert "control idle: as expected" in capsys.readouterr().out
    assert (folder / "report" / "dose-response.png").is_file()


def test_a_folder_of_controls_that_is_not_there_gives_none(monkeypatch, stage_files) -> None:
    folder, flags = stage_files
    monkeypatch.setattr("qup.report.plots.draw", lambda *_: {})
    for given in ([], ["--controls", str(folder / "nowhere")]):
        stage.main([*flags, *given])
        assert json.loads((folder / "report.json").read_text())["control_arms"] == {}


def test_a_control_arm_missing_from_its_folder_is_an_error(stage_files) -> None:
    folder, flags = stage_files
    (folder / "data" / "controls" / "style_aligned-idle" / "stream.jsonl").unlink()
    with pytest.raises(SettingsError, match=r"'style_aligned-idle' has no .*dose0"):
        stage.main([*flags, "--controls", str(folder / "data" / "controls")])


def test_steps_of_a_ladder_are_between_neighbours(built) -> None:
    found = built.summary["controls"]["dose"]["results"]["ppl"]
    values = [found["by_arm"][arm]["value"] for arm in built.summary["controls"]["dose"]["arms"]]
    gaps = [after - before for before, after in itertools.pairwise(values)]
    assert [step["value"] for step in found["steps"]] == pytest.approx(gaps, abs=2e-6)
    assert found["ends"]["value"] == pytest.approx(values[-1] - values[0], abs=2e-6)
