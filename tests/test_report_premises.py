"""Premises that can fail: a reward that knows right from wrong, and a learner with room on both sides."""

import dataclasses

import pytest
import toyreport
from planted import greedily
from toyreport import NATIVE, REFINED, RESTYLED

from qup.report.sections import premises

SEES_STYLE = {"rewards": ("genrm", "other", "third")}


@pytest.fixture(scope="module")
def toy():
    return toyreport.toy()


@pytest.fixture(scope="module")
def three():
    return toyreport.toy(**SEES_STYLE)


def panel(toy, patch):
    summary = toy.summary(patch)
    return [summary["arms"][arm]["rewards"]["panel"] for arm in toy.arms]


def scored(toy, reward, step):
    """Every arm's scores by a reward moved by multiples of `step`."""
    for name, records in toy.arms.items():
        moved = [
            dataclasses.replace(s, value=s.value + step * place) if s.reward == reward and s.value is not None else s
            for place, s in enumerate(records.scores)
        ]
        toy = toy.replaced(name, scores=moved)
    return toy


def test_a_reward_that_ranks_right_samples_above_wrong_ones_is_valid(monkeypatch, toy) -> None:
    summary = toy.summary(monkeypatch)
    found = summary["premises"]["rewards"]["genrm"]
    # A right sample scores between 1 and 2, a wrong one between 0 and 1.
    assert (found["auc"]["value"], found["outcome"]) == (1, "as expected")
    assert [v["paradox"] for v in summary["verdicts"]] == ["shown", "shown"]


def test_a_reward_that_is_noise_on_right_and_wrong_samples_carries_no_paradox(monkeypatch, toy) -> None:
    # The very streams, rewards and learners of a paradox.
    built = dataclasses.replace(toy, noisy=("genrm",)).plain(monkeypatch)
    found = built.summary["premises"]["rewards"]["genrm"]
    assert found["auc"]["low"] < 0.5
    assert found["outcome"] == "not as expected"
    assert found["sentence"].startswith(
        "genrm does not tell right from wrong: premise failed, no claim rests on it: AUC 0."
    )
    for verdict in built.summary["verdicts"]:
        assert verdict["paradox"] == "premise"
        assert "Paradox shown" not in verdict["headline"]
        assert any(
            text.startswith("Paradox: no claim of quality, genrm does not tell") for text in verdict["sentences"]
        )
    assert "Paradox shown" not in built.markdown


def test_a_reward_that_was_never_tried_on_samples_carries_no_paradox(monkeypatch, toy) -> None:
    base = dataclasses.replace(toy.base(), judged=[])
    monkeypatch.setattr(toyreport.Toy, "base", lambda _: base)
    summary = toy.summary(monkeypatch)
    assert summary["premises"]["rewards"]["genrm"]["outcome"] == "not measured"
    assert {v["paradox"] for v in summary["verdicts"]} == {"premise"}


def test_the_noise_of_an_invalid_reward_does_not_move_the_panel(monkeypatch, three) -> None:
    noisy = dataclasses.replace(three, noisy=("third",))
    before = panel(noisy, monkeypatch)
    assert panel(scored(noisy, "third", 0.3), monkeypatch) == before
    two = toyreport.toy(rewards=("genrm", "other"))
    assert two.summary(monkeypatch)["rewards"] == ["genrm", "other", "panel"]
    # A valid one's values do move it.
    assert panel(scored(three, "third", 0.3), monkeypatch) != panel(three, monkeypatch)


def test_a_reward_below_the_floor_has_no_weight_though_it_is_told_from_chance(monkeypatch, three) -> None:
    from qup.report.evidence import Evidence
    from qup.stats import Estimate

    areas = {
        "genrm": Estimate(0.9, 0.85, 0.95, 30, 0.02),
        "other": Estimate(0.8, 0.75, 0.85, 30, 0.02),
        "third": Estimate(0.58, 0.52, 0.64, 30, 0.02),
    }
    monkeypatch.setattr(Evidence, "aucs", areas)
    evidence = Evidence(three.study, three.base(), {arm.name: arm for arm in three.main_arms()})
    # 2 AUC - 1 of those that count: 0.8 and 0.6.
    assert evidence.traces.weights == {"genrm": pytest.approx(0.8 / 1.4), "other": pytest.approx(0.6 / 1.4)}
    found = three.summary(monkeypatch)["premises"]["rewards"]
    assert [each["outcome"] for each in found.values()] == ["as expected", "as expected", "not as expected"]


def test_one_valid_reward_is_no_panel(monkeypatch, three) -> None:
    summary = dataclasses.replace(three, noisy=("other", "third")).summary(monkeypatch)
    assert "panel" not in summary["rewards"]


def test_what_a_reward_makes_of_style_alone_stands_beside_its_validity(monkeypatch) -> None:
    toy = toyreport.toy(toyreport.FACTORIAL)
    native = {s.problem_id: s.value for s in toy.arms[NATIVE].scores}
    restyled = {s.problem_id: s.value for s in toy.arms[RESTYLED].scores}
    both = [(native[p], restyled[p]) for p in native if native[p] is not None and restyled[p] is not None]
    found = toy.summary(monkeypatch)["premises"]["rewards"]["genrm"]["style"]
    assert found["value"] == pytest.approx(sum(b > a for a, b in both) / len(both), abs=1e-6)


@pytest.mark.parametrize(
    ("share", "outcome"),
    [(0.95, "not as expected"), (0.1, "not as expected"), (0.5, "as expected"), (0.8, "as expected")],
)
def test_a_base_near_its_ceiling_or_floor_under_greedy_decoding_is_flagged(monkeypatch, toy, share, outcome) -> None:
    at = dataclasses.replace(toy, evals=greedily(toy.evals, share))
    summary = at.summary(monkeypatch)
    assert summary["premises"]["ceiling"]["greedy"]["value"] == pytest.approx(share)
    assert summary["premises"]["ceiling"]["outcome"] == outcome
    flagged = ["FLAGGED: The untrained learner is at its " in v["headline"] for v in summary["verdicts"]]
    assert flagged == [outcome == "not as expected"] * 2


def test_a_base_without_greedy_answers_has_no_ceiling_measured(monkeypatch, toy) -> None:
    sampled = dataclasses.replace(toy, evals=[e for e in toy.evals if e.decoding == "sampled"])
    assert sampled.summary(monkeypatch)["premises"]["ceiling"]["outcome"] == "not measured"


def test_the_room_and_the_floor_stand_on_the_page(monkeypatch, toy) -> None:
    text = toy.plain(monkeypatch).markdown.partition("## Premises")[2]
    assert f"Outside {100 * premises.ROOM[0]:g} to {100 * premises.ROOM[1]:g}% a study is flagged." in text
    assert "Valid from an AUC of 0.6 whose interval lies above 0.5." in text
    assert REFINED not in text.partition("## ")[0]
