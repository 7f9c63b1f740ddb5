"""What to train on: one stream only where it is told to be better than every other and than no training, and neither
decoding says otherwise."""

import dataclasses

import toyreport
from planted import greedily
from toyreport import ALIGNED, NATIVE, REFINED, RESTYLED

APART = {NATIVE: (1.0, 0.1, 1.3), REFINED: (1.6, -0.3, 1.9), ALIGNED: (1.3, 0.4, 1.35), RESTYLED: (1.5, -0.3, 1.8)}
ALIKE = APART | {NATIVE: (1.0, 0.4, 1.3)}


def choice(toy, patch):
    first, *_ = toy.summary(patch)["choices"]
    return first


def greedy(toy, base, **shares):
    for arm, share in shares.items():
        name = {"native": NATIVE, "refined": REFINED, "aligned": ALIGNED, "restyled": RESTYLED}[arm]
        toy = toy.replaced(name, evals=greedily(toy.arms[name].evals, share))
    return dataclasses.replace(toy, evals=greedily(toy.evals, base))


def test_a_stream_that_is_better_than_all_others_is_named_with_its_gain_and_leads(monkeypatch) -> None:
    toy = greedy(toyreport.toy(APART), 0.5, native=0.6, refined=0.2, aligned=0.9, restyled=0.2)
    found = choice(toy, monkeypatch)
    assert (found["state"], found["arms"], found["headline"]) == ("chosen", [ALIGNED], "train on SAR")
    assert "U(SAR) +" in found["sentence"]
    assert "SAR - RFT +" in found["sentence"]
    # Four arms, six pairs.
    assert "10 for each decoding" in found["sentence"]


def test_streams_that_are_not_told_apart_are_both_named_and_the_worse_ones_ruled_out(monkeypatch) -> None:
    toy = greedy(toyreport.toy(ALIKE), 0.5, native=0.9, refined=0.2, aligned=0.9, restyled=0.2)
    found = choice(toy, monkeypatch)
    assert found["state"] == "not resolved"
    assert set(found["arms"]) == {ALIGNED, NATIVE}
    assert found["headline"].endswith("are not told apart; not on Refined, Restyled") or found["headline"].endswith(
        "are not told apart; not on Restyled, Refined"
    )


def test_a_lead_that_greedy_answers_reverse_names_no_stream(monkeypatch) -> None:
    toy = greedy(toyreport.toy(APART), 0.5, native=0.9, refined=0.2, aligned=0.3, restyled=0.2)
    found = choice(toy, monkeypatch)
    assert found["state"] == "decoding-dependent"
    assert set(found["arms"]) == {ALIGNED, NATIVE}


def test_the_best_of_streams_that_all_do_harm_is_no_advice(monkeypatch) -> None:
    harm = {NATIVE: (1.0, -0.1, 1.3), REFINED: (1.6, -0.4, 1.9), ALIGNED: (1.3, -0.4, 1.35)}
    toy = greedy(toyreport.toy(harm), 0.8, native=0.6, refined=0.2, aligned=0.2)
    found = choice(toy, monkeypatch)
    assert found["state"] == "no gain"
    assert "not told to be better than no training" in found["headline"]


def test_a_gain_that_greedy_answers_reverse_names_no_stream(monkeypatch) -> None:
    # Ahead of all others under both decodings; above the untrained learner in sampled answers, below in greedy.
    toy = greedy(toyreport.toy(APART), 0.9, native=0.2, refined=0.1, aligned=0.5, restyled=0.1)
    found = choice(toy, monkeypatch)
    assert (found["state"], found["arms"]) == ("decoding-dependent", [ALIGNED])
    assert found["headline"] == (
        "decoding-dependent: SAR is ahead of the others, but whether it is better than no training depends on how "
        "learners decode"
    )
    assert found["sentence"].startswith("U(SAR) +")
    assert ", decoding-dependent (greedy -" in found["sentence"].partition(";")[0]


def test_streams_not_told_apart_that_all_do_harm_are_told_to_be_no_better_than_no_training(monkeypatch) -> None:
    harm = {NATIVE: (1.0, -0.2, 1.3), REFINED: (1.6, -0.4, 1.9), ALIGNED: (1.3, -0.2, 1.35)}
    toy = greedy(toyreport.toy(harm), 0.8, native=0.5, refined=0.1, aligned=0.5)
    found = choice(toy, monkeypatch)
    assert (found["state"], set(found["arms"])) == ("no gain", {NATIVE, ALIGNED})
    assert found["headline"].endswith(
        "are not told apart, and none is told to be better than no training; not on Refined"
    )


def few(toy):
    """With greedy answers to four problems alone, which tell nothing."""
    kept = {f"h{place:03}" for place in (20, 25, 30, 35)}
    for name, arm in toy.arms.items():
        toy = toy.replaced(name, evals=[a for a in arm.evals if a.decoding == "sampled" or a.problem_id in kept])
    return toy


def test_what_greedy_answers_do_not_tell_is_said_to_be_by_sampled_ones(monkeypatch) -> None:
    shares = {"native": 0.55, "refined": 0.4, "aligned": 0.9, "restyled": 0.4}
    found = choice(few(greedy(toyreport.toy(APART), 0.5, **shares)), monkeypatch)
    assert (found["state"], found["headline"]) == ("chosen", "train on SAR, by sampled answers")
    found = choice(few(greedy(toyreport.toy(ALIKE), 0.5, **shares)), monkeypatch)
    assert found["state"] == "not resolved"
    assert found["headline"].endswith(", by sampled answers")
    assert "; not on " in found["headline"]


def test_one_training_set_names_no_stream(monkeypatch) -> None:
    found = choice(toyreport.toy(APART, replicates=1), monkeypatch)
    assert found["state"] == "not replicated"
