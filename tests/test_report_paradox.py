"""The paradox asks for both sides, resolved, by a valid reward and under both decodings; else another word is said."""

import dataclasses

import numpy as np
import pytest
import toyreport
from planted import answers
from toyreport import ALIGNED, NATIVE, REFINED


def states(toy, patch):
    return {verdict["paradox"] for verdict in toy.summary(patch)["verdicts"]}


def gap(quality: float, utility: float):
    """Refined minus RFT."""
    toy = toyreport.toy(toyreport.PARADOX | {REFINED: (1.0 + quality, 0.1 + utility, 1.9)})
    if quality:
        return toy
    # As many traces score 0.2 more as score 0.2 less.
    native = [s for s in toy.arms[NATIVE].scores if s.value is not None]
    moved = [dataclasses.replace(s, value=s.value + (-0.2, 0.2)[place % 2]) for place, s in enumerate(native)]
    return toy.replaced(REFINED, scores=moved)


@pytest.mark.parametrize(
    ("quality", "utility", "state", "headline"),
    [
        (0.6, -0.25, "shown", "Quality-Utility Paradox shown"),
        (0.6, 0.25, "reversed", "No paradox: the refined traces score higher and train better"),
        (-0.6, -0.25, "absent", "No paradox shown"),
        (-0.6, 0.25, "absent", "No paradox shown"),
        (0.6, 0.0, "unresolved", "Paradox not resolved; 1 of 2 declared contrasts resolved."),
        (0.0, -0.25, "unresolved", "Paradox not resolved; 2 of 2"),
    ],
)
def test_the_signs_of_both_sides_say_what_is_shown(monkeypatch, quality, utility, state, headline) -> None:
    summary = gap(quality, utility).summary(monkeypatch)
    for verdict in summary["verdicts"]:
        assert verdict["paradox"] == state
        assert verdict["headline"].startswith(headline)


def test_the_side_that_is_not_resolved_is_named(monkeypatch) -> None:
    for sides, name in (((0.6, 0.0), "utility"), ((0.0, -0.25), "reward"), ((0.0, 0.0), "reward and utility")):
        text = " ".join(gap(*sides).summary(monkeypatch)["verdicts"][0]["sentences"])
        assert f"Paradox not resolved: the difference in {name} is not told from zero" in text


def test_without_refined_traces_the_paradox_is_unknown(monkeypatch) -> None:
    arms = {name: toyreport.PARADOX[name] for name in (NATIVE, ALIGNED)}
    assert states(toyreport.toy(arms), monkeypatch) == {"unknown"}


def test_both_sides_of_the_paradox_stand_in_the_declared_family(monkeypatch) -> None:
    toy = toyreport.toy()
    found = toy.summary(monkeypatch)["oracles"]["home"]["objectives"]
    # Two contrasts under each of two objectives, and Q(Refined) - Q(RFT).
    for objective in found.values():
        assert [c["holm"]["family"] for c in objective["contrasts"] if c["declared"]] == [5, 5]
        assert objective["refined_over_native"]["genrm"]["holm"]["family"] == 5
        assert all(c["holm"]["p"] >= c["p"] for c in objective["contrasts"])
    # Other Oracles, rewards and arms: another family or a larger one.
    wide = toyreport.toy(toyreport.FACTORIAL, rewards=("genrm", "other")).summary(monkeypatch)
    sft = wide["oracles"]["home"]["objectives"]["sft"]
    assert {c["name"]: c["holm"]["family"] for c in sft["contrasts"]} == {
        "SAR - Refined": 5,
        "RFT - Refined": 5,
        "SAR - RFT": 4,
        "Restyled - RFT": 4,
    }
    assert {reward: each["holm"]["family"] for reward, each in sft["refined_over_native"].items()} == {
        "genrm": 5,
        "other": 1,
        "panel": 1,
    }


def test_pairs_that_are_not_resolved_are_counted_apart_and_bound_the_index(monkeypatch) -> None:
    # SAR is preferred to RFT and trains alike: one pair of three is open.
    arms = toyreport.PARADOX | {ALIGNED: (1.3, 0.1, 1.35)}
    built = toyreport.toy(arms).plain(monkeypatch)
    found = built.summary["oracles"]["home"]["objectives"]["sft"]["paradox"]["genrm"]
    assert (found["pairs"], found["resolved"], found["disagree"], found["index"]) == (3, 2, 2, 1)
    assert found["disagreeing"] == ["RFT / Refined", "Refined / SAR"]
    assert found["bounds"] == [pytest.approx(2 / 3, abs=1e-6), 1]
    assert "2 of 2 resolved, 1 unresolved 0.67 to 1.00 of all" in built.markdown.replace("<br>", " ")


def test_an_index_of_no_resolved_pair_is_none_and_bounded_by_nothing(monkeypatch) -> None:
    arms = dict.fromkeys(toyreport.PARADOX, (1.0, 0.1, 1.3))
    found = toyreport.toy(arms).summary(monkeypatch)["oracles"]["home"]["objectives"]["sft"]["paradox"]["genrm"]
    assert (found["resolved"], found["index"], found["bounds"]) == (0, None, [0, 1])


def test_a_majority_and_any_right_answer_of_k_stand_beside_the_mean(monkeypatch) -> None:
    toy = toyreport.toy(objectives=("sft",))
    rows = answers(range(30), objectives=("sft",))
    # Of the four answers to each of the other 30 problems the first is right: never a majority, always any.
    mixed = [
        dataclasses.replace(row, verdict="correct" if row.repeat == 0 else row.verdict, answer="1" if right else "7")
        for row in rows
        for right in [row.verdict == "correct" or row.repeat == 0]
    ]
    built = toy.replaced(NATIVE, evals=[r for r in mixed if r.decoding == "sampled"]).plain(monkeypatch)
    learner = built.summary["arms"][NATIVE]["learners"]["sft"]
    assert {key: learner[key]["value"] for key in ("accuracy", "majority", "passed")} == {
        "accuracy": pytest.approx(0.5 + 0.5 / 4),
        "majority": 0.5,
        "passed": 1,
    }
    head = next(line for line in built.markdown.splitlines() if ": Avg@4 " in line)
    titles = [cell.rpartition(": ")[2].strip() for cell in head.split("|")[2:-1]]
    assert titles == ["Avg@4", "greedy", "maj@4", "pass@4", "truncated", "unparsed"]


def test_the_interval_of_a_perplexity_is_of_its_logarithm_and_the_median_stands_beside(monkeypatch) -> None:
    built = toyreport.toy().plain(monkeypatch)
    for kind in ("micro", "macro"):
        found = built.summary["arms"][REFINED]["ppl"][kind]
        low, value, high = np.log([found["low"], found["value"], found["high"]])
        assert high - value == pytest.approx(value - low, abs=1e-5)
        assert found["high"] - found["value"] > found["value"] - found["low"]
    head = next(line for line in built.markdown.splitlines() if "PPL: micro" in line)
    assert "| PPL: micro | PPL: macro | PPL: median |" in head
