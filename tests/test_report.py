"""The report says what the measured arms hold: a planted paradox, pure noise, failures, missing parts."""

import dataclasses
import re

import numpy as np
import pytest
import toyreport
from toyreport import ALIGNED, NATIVE, REFINED, VOICED

from qup.records import Verdict

NOISE = dict.fromkeys(toyreport.PARADOX, (1.0, 0.0, 1.3))


@pytest.fixture(scope="module")
def toy():
    return toyreport.toy()


@pytest.fixture(scope="module")
def planted(patch, toy):
    return toy.plain(patch)


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
                assert f"a true difference of {100 * contrast['mde']['value']:.1f} points is found with 80%" in text
            for title, key in (("repair value V", "V"), ("drift cost C", "C")):
                effect = planted.summary["factorials"][group["factorial"]][objective][key]
                marked = re.search(rf"{title} \S+ points \[[^]]+\] \(not resolved\)", text)
                assert (marked is None) is effect["resolved"]


def test_noise_alone_is_not_resolved_and_declares_no_winner(monkeypatch) -> None:
    built = toyreport.toy(NOISE, seed=3).plain(monkeypatch)
    assert "better learner" not in built.markdown
    assert "paradox shown" not in built.markdown.lower().replace("no paradox shown", "")
    for verdict in built.summary["verdicts"]:
        assert verdict["headline"].startswith("Not resolved")
        assert all("is found with 80% power" in text for text in verdict["sentences"][:2])


def test_micro_perplexity_is_of_all_tokens_and_macro_of_traces(toy, planted) -> None:
    rows, ppl = toy.arms[REFINED].compat, planted.summary["arms"][REFINED]["ppl"]
    assert ppl["micro"]["value"] == pytest.approx(
        np.exp(sum(r.nll for r in rows) / sum(r.tokens for r in rows)), abs=1e-5
    )
    by_trace = [r.nll / r.tokens for r in rows]
    assert ppl["macro"]["value"] == pytest.approx(np.exp(np.mean(by_trace)), abs=1e-5)
    assert ppl["median"]["value"] == pytest.approx(np.exp(np.median(by_trace)), abs=1e-5)


def test_a_quarters_perplexity_weighs_a_trace_by_its_tokens_there(toy, planted) -> None:
    rows, ppl = toy.arms[REFINED].compat, planted.summary["arms"][REFINED]["ppl"]
    # Of 10 tokens the quarters hold 2, 3, 2 and 3: those up to floor(10 q / 4).
    weights = [3 * r.tokens // 4 - 2 * r.tokens // 4 for r in rows]
    nll = sum(w * r.values["quarter.3"] for w, r in zip(weights, rows, strict=True))
    assert ppl["3"]["value"] == pytest.approx(np.exp(nll / sum(weights)), abs=1e-5)


def test_failed_rewards_are_counted_and_not_averaged_in(planted) -> None:
    found = planted.summary["arms"][REFINED]["rewards"]["genrm"]
    assert (found["n"], found["failed"], found["failures"]) == (28, 1, {"unparsed judgement": 1})
    assert found["value"] == pytest.approx(1.6, abs=0.15)
    assert planted.summary["arms"][REFINED]["stream"]["outcomes"] == {"changed": 29, "failed": 1}
    assert "n 28, 1 failed" in planted.markdown
    # The page has n once for all cells, and what failed where it did.
    assert re.search(r"<small>[^<]*1 failed</small>", planted.html)


def test_the_native_arm_stands_in_each_oracles_table(monkeypatch) -> None:
    arms = toyreport.PARADOX | {VOICED: (1.7, -0.2, 3.0)}
    built = toyreport.toy(arms, oracles=("home", "voiced")).plain(monkeypatch)
    assert built.summary["oracles"]["voiced"]["arms"] == [NATIVE, VOICED]
    contrasts = built.summary["oracles"]["voiced"]["objectives"]["sft"]["contrasts"]
    assert contrasts[0]["estimate"] == {"value": None, "reason": "no SAR arm"}
    assert "RFT - Refined (voiced)" in built.markdown


def test_nothing_is_read_back_out_of_a_label(monkeypatch) -> None:
    strange = "SAR-Refined"
    arms = toyreport.PARADOX | {f"{strange}/oracle_refined": (1.7, -0.2, 3.0), f"{strange}/style_aligned": (1, 0.3, 2)}
    built = toyreport.toy(arms, oracles=("home", strange)).plain(monkeypatch)
    (verdict,) = (v for v in built.summary["verdicts"] if (v["oracle"], v["objective"]) == (strange, "sft"))
    aligned, refined = f"SAR ({strange})", f"Refined ({strange})"
    assert f"{aligned} trains the better learner than {refined}." in verdict["sentences"][0]
    assert f"RFT trains the better learner than {refined}." in verdict["sentences"][1]
    contrast = built.summary["oracles"][strange]["objectives"]["sft"]["contrasts"][0]
    assert contrast["labels"] == [aligned, refined]
    assert contrast["name"] == f"{aligned} - {refined}"


def test_a_missing_quantity_is_a_dash_with_its_reason(monkeypatch, toy) -> None:
    for name in toy.arms:
        toy = toy.replaced(name, compat=[], evals=[], scores=[])
    built = toy.plain(monkeypatch)
    assert built.summary["arms"][REFINED]["ppl"]["micro"] == {"value": None, "reason": "no forward pass"}
    assert "– no sft learner was evaluated" in built.markdown
    assert all(v["headline"].startswith("No verdict") for v in built.summary["verdicts"])


def test_a_base_learner_without_evaluation_leaves_no_utility(monkeypatch, toy) -> None:
    summary = dataclasses.replace(toy, evals=[]).summary(monkeypatch)
    utility = summary["arms"][REFINED]["learners"]["sft"]["utility"]
    assert utility == {"value": None, "reason": "the base learner was not evaluated"}
    assert summary["base"]["accuracy"]["value"] is None


def test_one_replicate_is_flagged(monkeypatch) -> None:
    built = toyreport.toy(replicates=1).plain(monkeypatch)
    assert built.summary["arms"][REFINED]["learners"]["sft"]["utility"]["replicates"] == 1
    assert "One replicate" in built.summary["cautions"][0]
    assert "1 replicate" in built.html


def test_learners_that_answer_alike_have_no_detectable_effect_and_are_said(monkeypatch) -> None:
    toy = toyreport.toy(objectives=("sft",))
    same = [dataclasses.replace(e, objective="sft", replicate=r) for r in (1, 2, 3) for e in toy.evals]
    for name in toy.arms:
        toy = toy.replaced(name, evals=same)
    summary = toy.summary(monkeypatch)
    contrast = summary["oracles"]["home"]["objectives"]["sft"]["contrasts"][0]
    assert contrast["mde"]["value"] is None
    assert "no detectable effect can be given" in summary["verdicts"][0]["sentences"][0]
    assert any("right exactly where the base is: RFT SFT" in text for text in summary["cautions"])


def test_traces_that_were_not_trained_on_are_said_once_a_replicate(monkeypatch) -> None:
    toy = toyreport.toy(objectives=("sft", "dft"))
    assert not any("not trained on" in text for text in toy.summary(monkeypatch)["cautions"])
    runs = [dataclasses.replace(run, left_out=run.replicate) for run in toy.arms[NATIVE].runs]
    built = toy.replaced(NATIVE, runs=runs).plain(monkeypatch)
    # Replicates 1, 2 and 3 left out as many.
    told = "RFT: 6 of 29 traces were not trained on, since their prompts alone fill training.max_length."
    assert told in built.summary["cautions"]
    assert told in built.markdown


def test_prompts_are_told_where_evaluation_has_another(monkeypatch, toy) -> None:
    assert "evaluation_prompt" not in toy.summary(monkeypatch)["study"]
    asked = dataclasses.replace(toy.study.evaluation, prompt="question")
    other = dataclasses.replace(toy, study=dataclasses.replace(toy.study, evaluation=asked)).plain(monkeypatch)
    assert (other.summary["study"]["prompt"], other.summary["study"]["evaluation_prompt"]) == ("boxed", "question")
    assert "| evaluation prompt | question |" in other.markdown
    same = dataclasses.replace(toy.study.evaluation, prompt="boxed")
    alike = dataclasses.replace(toy, study=dataclasses.replace(toy.study, evaluation=same))
    assert "evaluation_prompt" not in alike.summary(monkeypatch)["study"]


def test_the_grader_is_no_perceived_quality(monkeypatch) -> None:
    summary = toyreport.toy(rewards=("answer", "genrm")).summary(monkeypatch)
    assert summary["primary_reward"] == "genrm"
    assert "panel" not in summary["rewards"]


def test_the_grader_is_known_by_its_plug_under_any_name(monkeypatch) -> None:
    toy = toyreport.toy(rewards=("checked", "genrm"))
    rewards = {"checked": toyreport.SMOKE.rewards["answer"], "genrm": toyreport.SMOKE.rewards["genrm"]}
    toy = dataclasses.replace(toy, study=dataclasses.replace(toy.study, rewards=rewards))
    built = toy.plain(monkeypatch)
    assert built.summary["primary_reward"] == "genrm"
    assert "`checked` checks the answer" in built.markdown


def test_the_panel_averages_reward_models_in_standard_deviations(monkeypatch) -> None:
    summary = toyreport.toy(rewards=("genrm", "other")).summary(monkeypatch)
    panel = [summary["arms"][arm]["rewards"]["panel"]["value"] for arm in toyreport.PARADOX]
    assert sum(panel) == pytest.approx(0, abs=0.05)  # equally many traces an arm, each reward centred
    assert panel[0] < panel[2] < panel[1]


def test_streams_that_are_nearly_alike_are_said(monkeypatch, toy) -> None:
    summary = toy.replaced(ALIGNED, stream=toy.arms[REFINED].stream).summary(monkeypatch)
    assert any("SAR - Refined compares nearly the same data: 29 of 29" in text for text in summary["cautions"])


def test_arms_of_other_problems_are_compared_on_those_they_share(monkeypatch, toy) -> None:
    scores = [s for s in toy.arms[NATIVE].scores if s.problem_id < "t010"]
    stream = [r for r in toy.arms[NATIVE].stream if r.problem_id < "t010"]
    native = [c for c in toy.arms[NATIVE].compat if c.problem_id < "t010"]
    summary = toy.replaced(NATIVE, stream=stream, scores=scores, compat=native).summary(monkeypatch)
    gap = summary["oracles"]["home"]["objectives"]["sft"]["refined_over_native"]["genrm"]
    refined = {s.problem_id: s.value for s in toy.arms[REFINED].scores if s.value is not None}
    gaps = [refined[s.problem_id] - s.value for s in scores if s.value is not None]
    # Ten problems, of which the first has no reward.
    assert (gap["n"], gap["value"]) == (9, pytest.approx(np.mean(gaps), abs=1e-6))
    contrast = summary["oracles"]["home"]["objectives"]["sft"]["contrasts"][1]
    assert contrast["same_traces"] == {"same": 0, "of": 10}


def test_every_number_in_the_summary_has_an_interval_and_n(planted) -> None:
    def walk(found):
        if isinstance(found, dict):
            if isinstance(found.get("value"), float):
                assert {"low", "high", "n", "se"} <= found.keys()
            for key in found.keys() - {"mde"}:
                walk(found[key])

    walk({key: planted.summary[key] for key in ("base", "arms", "oracles", "factorials", "adaptation", "predictors")})


def test_utility_is_of_the_held_out_task_alone(monkeypatch) -> None:
    two = toyreport.toy(tasks=("heldout", "longer"))
    alone = dataclasses.replace(two, evals=[e for e in two.evals if e.task == "heldout"])
    for name, records in two.arms.items():
        alone = alone.replaced(name, evals=[e for e in records.evals if e.task == "heldout"])
    both, only = two.summary(monkeypatch), alone.summary(monkeypatch)
    assert both["oracles"] == only["oracles"]
    assert both["arms"][REFINED]["learners"] == only["arms"][REFINED]["learners"]
    found = both["arms"][REFINED]["sets"]["longer"]["sft"]
    assert (found["accuracy"]["n"], found["utility"]["n"]) == (40, 40)
    assert both["base"]["sets"]["longer"]["accuracy"]["value"] == pytest.approx(0.3, abs=0.1)
    assert {each["value"] for each in only["base"]["sets"]["longer"].values()} == {None}


def test_without_a_held_out_task_the_first_one_is_the_main_one(monkeypatch) -> None:
    toy = toyreport.toy(tasks=("heldout", "longer"))
    settings = dataclasses.replace(toy.study.evaluation, tasks=("longer",))
    toy = dataclasses.replace(toy, study=dataclasses.replace(toy.study, evaluation=settings))
    summary = toy.summary(monkeypatch)
    assert summary["base"]["accuracy"]["n"] == 40
    assert summary["base"]["sets"] == {}


def test_truncated_and_unparsed_answers_are_counted_and_not_correct(monkeypatch) -> None:
    toy = toyreport.toy(replicates=1, objectives=("sft",))
    cut = [dataclasses.replace(e, verdict=Verdict.TRUNCATED) for e in toy.arms[REFINED].evals]
    learner = toy.replaced(REFINED, evals=cut).summary(monkeypatch)["arms"][REFINED]["learners"]["sft"]
    assert {key: learner[key]["value"] for key in ("accuracy", "truncated", "unparsed", "greedy")} == {
        "accuracy": 0,
        "truncated": 1,
        "unparsed": 0,
        "greedy": 0,
    }


def test_only_the_native_arm_makes_no_verdict(monkeypatch) -> None:
    built = toyreport.toy({NATIVE: toyreport.PARADOX[NATIVE]}).plain(monkeypatch)
    assert built.summary["verdicts"] == []
    assert built.metrics["verdict"] is None


def test_what_was_mended_of_the_learners_checkpoint_is_among_the_cautions(monkeypatch) -> None:
    noted = dataclasses.replace(toyreport.toy(), notes=("no padding token: </s> stands in",))
    assert "The learner's checkpoint: no padding token: </s> stands in." in noted.summary(monkeypatch)["cautions"]
