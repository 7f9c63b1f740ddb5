"""A verdict is read under both decodings: what only one of them shows is a finding about decoding, not a winner."""

import dataclasses

import pytest
import toyreport
from planted import greedily
from toyreport import ALIGNED, NATIVE, REFINED, Toy

from qup.report.numbers import Bare, Difference, Holm
from qup.report.sections.contrasts import dependent
from qup.stats import Estimate


def decoded(base: float, **shares: float) -> Toy:
    """The toy whose sampled answers show the paradox, with set shares of right greedy answers."""
    toy = toyreport.toy()
    for arm, share in zip((NATIVE, REFINED, ALIGNED), shares.values(), strict=True):
        toy = toy.replaced(arm, evals=greedily(toy.arms[arm].evals, share))
    return dataclasses.replace(toy, evals=greedily(toy.evals, base))


def test_a_gap_that_greedy_decoding_does_not_show_is_decoding_dependent_and_has_no_winner(monkeypatch) -> None:
    # Planted: sampled answers differ by 25 points and more, greedy ones not at all.
    summary = decoded(0.5, native=0.6, refined=0.6, aligned=0.6).summary(monkeypatch)
    for verdict in summary["verdicts"]:
        assert verdict["paradox"] == "decoding-dependent"
        assert verdict["headline"].startswith("Decoding-dependent:")
        assert "decoding-dependent" in verdict["sentences"][0]
        assert "No winner" in verdict["sentences"][0]
        assert not any("trains the better learner" in sentence for sentence in verdict["sentences"])


def test_a_gap_that_greedy_decoding_reverses_is_decoding_dependent(monkeypatch) -> None:
    summary = decoded(0.5, native=0.3, refined=0.9, aligned=0.2).summary(monkeypatch)
    assert {verdict["paradox"] for verdict in summary["verdicts"]} == {"decoding-dependent"}


def test_a_gap_that_both_decodings_show_has_its_winner_and_says_what_greedy_decoding_shows(monkeypatch) -> None:
    summary = decoded(0.5, native=0.7, refined=0.3, aligned=0.75).summary(monkeypatch)
    for verdict in summary["verdicts"]:
        assert verdict["paradox"] == "shown"
        assert verdict["headline"].startswith("Quality-Utility Paradox shown: the refined traces score higher")
        # 0.7 - 0.3 of 60 problems, the same ones under every seed.
        assert "greedy +40.0 points" in verdict["sentences"][1]
        assert "RFT trains the better learner than Refined" in verdict["sentences"][1]


def test_a_wide_greedy_interval_alone_is_no_disagreement(monkeypatch) -> None:
    # On four problems greedy answers tell nothing from zero, nor from what the sampled ones say.
    toy = decoded(0.5, native=0.6, refined=0.4, aligned=0.6)
    few = {f"h{place:03}" for place in (20, 25, 30, 35)}
    for arm in (NATIVE, REFINED, ALIGNED):
        answers = [a for a in toy.arms[arm].evals if a.decoding == "sampled" or a.problem_id in few]
        toy = toy.replaced(arm, evals=answers)
    verdicts = toy.summary(monkeypatch)["verdicts"]
    assert {verdict["paradox"] for verdict in verdicts} == {"shown"}
    # But what one decoding alone tells is not said of both.
    words = "Paradox shown in sampled answers, not told by greedy ones"
    assert all(verdict["headline"].startswith(f"Quality-Utility {words}: ") for verdict in verdicts)
    assert all(any(said.startswith(f"{words} (") for said in verdict["sentences"]) for verdict in verdicts)


def test_a_base_at_its_ceiling_or_floor_flags_every_verdict(monkeypatch) -> None:
    for share, end in ((0.95, "ceiling"), (0.1, "floor")):
        summary = decoded(share, native=0.7, refined=0.3, aligned=0.75).summary(monkeypatch)
        headlines = [verdict["headline"] for verdict in summary["verdicts"]]
        assert all(f"FLAGGED: The untrained learner is at its {end}, {100 * share:.1f}%" in text for text in headlines)
    summary = decoded(0.5, native=0.7, refined=0.3, aligned=0.75).summary(monkeypatch)
    assert not any("FLAGGED" in verdict["headline"] for verdict in summary["verdicts"])


def test_a_study_that_asks_for_no_greedy_answer_is_cautioned(monkeypatch) -> None:
    toy = toyreport.toy()
    assert not any("alone" in caution for caution in toy.summary(monkeypatch)["cautions"])
    summary = toyreport.with_evaluation(toy, greedy=False).summary(monkeypatch)
    assert "Utility was read at T = 1 alone: a verdict may be one of the decoding." in summary["cautions"]
    assert not any("greedy" in sentence for verdict in summary["verdicts"] for sentence in verdict["sentences"])
    assert all("shown in sampled answers alone: " in verdict["headline"] for verdict in summary["verdicts"])


def judged(value: float, half: float) -> Difference:
    """A difference whose interval reaches `half` to either side."""
    estimate = Estimate(value, value - half, value + half, 60, half / 2, 3)
    holm = Holm(0.01, 1, 0.95, value - half, value + half)
    return Difference(estimate, 0.01, holm, Bare(half), abs(value) > half)


@pytest.mark.parametrize(
    ("sampled", "greedy", "expected"),
    [
        ((0.2, 0.1), (0.0, 0.1), True),
        ((0.2, 0.1), (-0.05, 0.1), True),
        ((0.05, 0.1), (0.3, 0.1), True),
        # What only a wider interval hides is in no doubt: the other decoding shows more of it, not less.
        ((0.2, 0.1), (0.4, 0.5), False),
        ((-0.4, 0.5), (-0.2, 0.1), False),
        ((0.2, 0.1), (0.4, 0.1), False),
        ((0.05, 0.1), (0.2, 0.3), False),
    ],
)
def test_who_is_ahead_depends_on_the_decoding_where_one_shows_less_or_the_contrary(sampled, greedy, expected) -> None:
    # The decodings are told apart in every case.
    apart = Estimate(sampled[0] - greedy[0], -1.0, -0.1, 60, 0.1, 3)
    assert dependent(judged(*sampled), judged(*greedy), apart) is expected
