"""The report says what the records hold: a planted paradox, pure noise, failures, missing parts."""

import dataclasses
import itertools
import json
import os
import re
from pathlib import Path

import pytest
import toyreport
import yaml

from qup import report
from qup.errors import SettingsError
from qup.params import parse_arm
from qup.records import Step
from qup.report import plots
from qup.report.plot_rows import pretraining_rows, quality_rows
from stages import cli
from stages import report as stage

NOISE = dict.fromkeys(toyreport.PARADOX, (1.0, 0.0, 1.3))


@pytest.fixture(scope="module")
def inputs(patch):
    return toyreport.toy(patch)


@pytest.fixture(scope="module")
def planted(inputs):
    return report.build(*inputs)


def test_a_planted_paradox_is_named_in_the_verdict(planted) -> None:
    verdicts = planted.summary["verdicts"]
    assert [v["paradox"] for v in verdicts] == ["shown", "shown"]
    assert "SAR trains the better learner than Refined" in planted.markdown
    found = planted.summary["oracles"]["home"]["objectives"]["sft"]["paradox"]["genrm"]
    assert "RFT / Refined" in found["disagreeing"]
    assert found["disagree"] <= found["resolved"] <= found["pairs"] == 3
    assert found["index"] == pytest.approx(found["disagree"] / 3, abs=1e-6)


def test_a_verdict_says_each_mde_and_which_effects_are_not_resolved(planted) -> None:
    for oracle, group in planted.summary["oracles"].items():
        for objective, found in group["objectives"].items():
            said = [v for v in planted.summary["verdicts"] if (v["oracle"], v["objective"]) == (oracle, objective)]
            text = " ".join(said[0]["sentences"])
            for contrast in (c for c in found["contrasts"] if c["declared"]):
                assert f"MDE {100 * contrast['mde']['value']:.1f} points" in text
            for title, key in (("repair value V", "V"), ("drift cost C", "C")):
                effect = planted.summary["factorials"][group["factorial"]][objective][key]
                marked = re.search(rf"{title} \S+ points \[[^]]+\] \(not resolved\)", text)
                assert (marked is None) is effect["resolved"]


@pytest.mark.parametrize("own", [None, "/own/fonts.conf"])
def test_plots_are_drawn_without_the_fonts_of_the_machine(monkeypatch, own) -> None:
    if own is None:
        monkeypatch.delenv(plots.FONTCONFIG, raising=False)
    else:
        monkeypatch.setenv(plots.FONTCONFIG, own)
    with plots._shipped_fonts():
        config = Path(os.environ[plots.FONTCONFIG])
        (folder,) = re.findall("<dir>(.+)</dir>", config.read_text())
        assert [file.name for file in Path(folder).iterdir()] == ["fonts.conf"]
    assert os.environ.get(plots.FONTCONFIG) == own


def test_a_reward_that_differs_on_a_few_traces_only_makes_no_paradox(monkeypatch, inputs) -> None:
    study, arms, *others = inputs
    # Four of about thirty differ by as much: 2.5% of draws or fewer miss them all, so the interval is above 0, but the
    # mean is 4/30 = 0.13 of that and its MDE 2.8 sqrt(0.13 x 0.87 / 30) = 0.17.
    native = [s for s in arms["rejection_sampling"].scores if s.reward == "genrm" and s.value is not None]
    lifted = [dataclasses.replace(s, value=s.value + (i < 4)) for i, s in enumerate(native)]
    arms = arms | {"oracle_refined": dataclasses.replace(arms["oracle_refined"], scores=lifted)}
    built = toyreport.without_plots(monkeypatch, study, arms, *others)
    objectives = built.summary["oracles"]["home"]["objectives"].values()
    for verdict, found in zip(built.summary["verdicts"], objectives, strict=True):
        gap = found["refined_over_native"]["genrm"]
        assert gap["low"] > 0
        assert gap["resolved"] is False
        assert "RFT / Refined" not in found["paradox"]["genrm"]["disagreeing"]
        assert verdict["paradox"] == "unresolved"


def test_noise_alone_is_not_resolved_and_declares_no_winner(monkeypatch) -> None:
    built = toyreport.without_plots(monkeypatch, *toyreport.toy(monkeypatch, NOISE, seed=3))
    assert "better learner" not in built.markdown
    assert "paradox shown" not in built.markdown.lower().replace("no paradox shown", "")
    for verdict in built.summary["verdicts"]:
        assert verdict["headline"].startswith("Not resolved")
        assert all("would be found with 80% power" in text for text in verdict["sentences"][:2])


def test_repair_value_less_drift_cost_is_what_refining_gains(planted) -> None:
    for objective, parts in planted.summary["factorials"]["main"].items():
        arms = planted.summary["arms"]
        u = {arm: arms[arm]["learners"][objective]["utility"]["value"] for arm in arms}
        gain = u["oracle_refined"] - u["rejection_sampling"]
        assert parts["V"]["value"] - parts["C"]["value"] == pytest.approx(gain, abs=3e-6)


def test_micro_perplexity_is_of_all_tokens_and_macro_of_traces(inputs, planted) -> None:
    import numpy as np

    rows, ppl = inputs[1]["oracle_refined"].compat, planted.summary["arms"]["oracle_refined"]["ppl"]
    assert ppl["micro"]["value"] == pytest.approx(
        np.exp(sum(r.nll for r in rows) / sum(r.tokens for r in rows)), abs=1e-5
    )
    assert ppl["macro"]["value"] == pytest.approx(np.mean([np.exp(r.nll / r.tokens) for r in rows]), abs=1e-5)


def test_failed_rewards_are_counted_and_not_averaged_in(planted) -> None:
    found = planted.summary["arms"]["oracle_refined"]["rewards"]["genrm"]
    assert (found["n"], found["failed"], found["failures"]) == (28, 1, {"unparsed judgement": 1})
    assert found["value"] == pytest.approx(1.6, abs=0.15)
    assert planted.summary["arms"]["oracle_refined"]["stream"]["outcomes"] == {"changed": 29, "failed": 1}
    assert "n 28, 1 failed" in planted.html


def test_holm_runs_over_the_declared_family_only(planted) -> None:
    found = [c for by in planted.summary["oracles"]["home"]["objectives"].values() for c in by["contrasts"]]
    declared = [c for c in found if c["declared"]]
    assert len(declared) == 4
    assert all(c["family"] == 4 and c["p_holm"] >= c["p"] for c in declared)
    assert all("p_holm" not in c for c in found if not c["declared"])


def test_the_shared_native_arm_stands_in_each_oracles_table(monkeypatch) -> None:
    arms = dict(toyreport.PARADOX) | {"oracle_refined-voiced": (1.7, -0.2, 3.0)}
    built = toyreport.without_plots(monkeypatch, *toyreport.toy(monkeypatch, arms, oracles=("home", "voiced")))
    assert built.summary["oracles"]["voiced"]["arms"] == ["rejection_sampling", "oracle_refined-voiced"]
    contrasts = built.summary["oracles"]["voiced"]["objectives"]["sft"]["contrasts"]
    assert contrasts[0]["estimate"] == {"value": None, "reason": "no SAR arm"}
    assert "RFT - Refined (voiced)" in built.markdown


def test_a_missing_quantity_is_a_dash_with_its_reason(monkeypatch) -> None:
    study, arms, base, checks, traces, _ = toyreport.toy(monkeypatch)
    arms = {name: dataclasses.replace(data, compat=[], evals=[], scores=[]) for name, data in arms.items()}
    built = toyreport.without_plots(monkeypatch, study, arms, base, checks, traces, {})
    assert built.summary["arms"]["oracle_refined"]["ppl"]["micro"] == {"value": None, "reason": "no forward pass"}
    assert "– no sft learner was evaluated" in built.markdown
    assert all(v["headline"].startswith("No verdict") for v in built.summary["verdicts"])


def test_a_base_learner_without_evaluation_leaves_no_utility(monkeypatch) -> None:
    study, arms, _, checks, traces, _ = toyreport.toy(monkeypatch)
    built = toyreport.without_plots(monkeypatch, study, arms, [], checks, traces, {})
    utility = built.summary["arms"]["oracle_refined"]["learners"]["sft"]["utility"]
    assert utility == {"value": None, "reason": "the base learner was not evaluated"}


def test_one_training_seed_is_flagged(monkeypatch) -> None:
    built = toyreport.without_plots(monkeypatch, *toyreport.toy(monkeypatch, seeds=(1,)))
    assert built.summary["arms"]["oracle_refined"]["learners"]["sft"]["utility"]["seed_variance"] is False
    assert "One training seed" in built.summary["cautions"][0]
    assert "1 seed" in built.html


def test_learners_that_answer_alike_have_no_detectable_effect_and_are_said(monkeypatch) -> None:
    study, arms, base, checks, traces, _ = toyreport.toy(monkeypatch, seeds=(1,), objectives=("sft",))
    same = [dataclasses.replace(e, objective="sft", seed=1) for e in base]
    arms = {name: dataclasses.replace(data, evals=same) for name, data in arms.items()}
    built = toyreport.without_plots(monkeypatch, study, arms, base, checks, traces, {})
    contrast = built.summary["oracles"]["home"]["objectives"]["sft"]["contrasts"][0]
    assert contrast["mde"]["value"] is None
    assert "no detectable effect can be given" in built.summary["verdicts"][0]["sentences"][0]
    assert any("right exactly where the base is: RFT SFT" in text for text in built.summary["cautions"])


def test_the_grader_is_no_perceived_quality(monkeypatch) -> None:
    built = toyreport.without_plots(monkeypatch, *toyreport.toy(monkeypatch, rewards=("answer", "genrm")))
    assert built.summary["primary_reward"] == "genrm"
    assert "panel" not in built.summary["rewards"]


def test_the_grader_is_known_by_its_plug_under_any_name(monkeypatch) -> None:
    study, *rest = toyreport.toy(monkeypatch, rewards=("checked", "genrm"))
    study = dataclasses.replace(study, rewards={"checked": {"reward": "answer"}, "genrm": {}})
    assert toyreport.without_plots(monkeypatch, study, *rest).summary["primary_reward"] == "genrm"


def test_the_panel_averages_reward_models_in_standard_deviations(monkeypatch) -> None:
    built = toyreport.without_plots(monkeypatch, *toyreport.toy(monkeypatch, rewards=("genrm", "other")))
    panel = [built.summary["arms"][arm]["rewards"]["panel"]["value"] for arm in toyreport.PARADOX]
    assert sum(panel) == pytest.approx(0, abs=0.05)  # equally many traces an arm, each reward centred
    assert panel[0] < panel[2] < panel[1]


def test_too_few_resamples_for_the_family_are_said(monkeypatch) -> None:
    built = toyreport.without_plots(monkeypatch, *toyreport.toy(monkeypatch, resamples=100))
    assert any("cannot resolve a family of 4" in text for text in built.summary["cautions"])


def test_streams_that_are_nearly_alike_are_said(monkeypatch) -> None:
    study, arms, base, checks, traces, _ = toyreport.toy(monkeypatch)
    arms["style_aligned"] = dataclasses.replace(arms["style_aligned"], stream=arms["oracle_refined"].stream)
    built = toyreport.without_plots(monkeypatch, study, arms, base, checks, traces, {})
    assert any("SAR - Refined compares nearly the same data: 29 of 29" in text for text in built.summary["cautions"])


def test_every_number_in_the_summary_has_an_interval_and_n(planted) -> None:
    def walk(found):
        if isinstance(found, dict):
            if isinstance(found.get("value"), float):
                assert {"low", "high", "n", "se"} <= found.keys()
            for key in found.keys() - {"mde"}:
                walk(found[key])

    walk({key: planted.summary[key] for key in ("base", "arms", "oracles", "factorials", "adaptation", "predictors")})


def test_names_of_points_at_one_height_stand_above_each_other(planted) -> None:
    summary = json.loads(json.dumps(planted.summary))
    for arm in summary["arms"].values():
        arm["learners"]["sft"]["utility"] |= {"value": 0.1, "low": 0.0, "high": 0.2}
        arm["rewards"]["genrm"] |= {"value": 1.0, "low": 0.9, "high": 1.1}
    rows = [r for r in quality_rows(summary) if r["objective"] == "SFT"]
    heights = sorted(r["name_at"] for r in rows)
    assert len(heights) == len(toyreport.PARADOX)
    assert heights[0] == 10
    assert all(after - before > 0.5 for before, after in itertools.pairwise(heights))


def test_the_curve_of_a_learner_that_the_study_made_is_averaged_within_bins(inputs) -> None:
    steps = [Step("sft", 1, s, s / 120, 10 * s, 2.0 - s / 100, 1.0, 1e-3, 0.5, s / 120) for s in range(1, 121)]
    rows = pretraining_rows(steps)
    # 120 steps in 60 bins: the first holds steps 1 and 2, whose losses are 1.99 and 1.98.
    assert rows[0] == {"quantity": "loss, nats per token", "step": 2, "value": pytest.approx(1.985)}
    assert rows[60] == {"quantity": "token accuracy", "step": 2, "value": pytest.approx(1.5 / 120)}
    assert len(rows) == 120
    assert "pretraining" in report.build(*inputs, pretraining=steps).plots


def test_the_page_loads_nothing_and_its_ids_are_unique(planted) -> None:
    assert "http:" not in planted.html
    assert "https:" not in planted.html
    assert "<script" not in planted.html
    assert set(planted.plots) == {"quality-utility", "ppl-quarters", "training-curves"}
    ids = set(re.findall(r'\bid="([^"]+)"', planted.html))
    assert ids >= set(re.findall(r"url\(#([^)]+)\)", planted.html))
    for name, plot in planted.plots.items():
        assert all(found.startswith(name) for found in re.findall(r'\bid="([^"]+)"', plot.svg))


def test_equal_records_give_equal_bytes(inputs, planted) -> None:
    again = report.build(*inputs)
    assert again == planted


@pytest.fixture
def stage_files(tmp_path, inputs, monkeypatch):
    study, *rest = inputs
    monkeypatch.setattr(cli, "read_study", lambda _: study)
    toyreport.lay_out(tmp_path / "data", *rest)
    out = [f"--metrics={tmp_path / 'report.json'}", f"--out={tmp_path / 'report'}"]
    return tmp_path, ["--study=studies/toy.yaml", f"--data={tmp_path / 'data'}", *out]


def test_the_stage_collapses_duplicate_arms_and_writes_what_build_returns(stage_files, planted, inputs) -> None:
    folder, flags = stage_files
    stage.main([*flags, "--arms", *inputs[1], "oracle_refined"])
    assert json.loads((folder / "report.json").read_text()) == planted.summary
    assert (folder / "report" / "index.html").read_text() == planted.html
    assert {p.suffix for p in (folder / "report").iterdir()} == {".md", ".html", ".svg", ".png", ".json"}


def test_an_arm_without_a_stream_is_an_error_that_names_those_with_one(stage_files) -> None:
    with pytest.raises(SettingsError, match=r"'restyled' has no .*oracle_refined, rejection_sampling, style_aligned"):
        stage.main([*stage_files[1], "--arms", "restyled"])


def test_the_summary_is_plain_yaml_and_json(planted) -> None:
    assert json.loads(json.dumps(planted.summary)) == planted.summary
    assert yaml.safe_load(yaml.safe_dump(planted.summary)) == planted.summary


def test_an_arm_that_names_an_unknown_oracle_is_refused(inputs) -> None:
    with pytest.raises(SettingsError, match="foreign"):
        parse_arm("oracle_refined-foreign", inputs[0])
