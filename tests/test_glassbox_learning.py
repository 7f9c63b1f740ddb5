"""What the glass box's models learn from: misconceived facts, the mix of styles, pairs for a reward model."""

import random

import pytest

from qup import settings as study_settings
from qup.errors import SettingsError
from qup.glassbox import corpus, grammar, puzzle
from qup.glassbox.beliefs import Beliefs, misconceived
from qup.glassbox.corpus import Chains, Mix
from qup.glassbox.derivation import derive, is_right, right_steps
from qup.glassbox.style import FILLERS, NATIVE, ORACLE, TWIN
from qup.models.preference import Model as Preference


def test_a_share_of_the_facts_is_misconceived_and_a_higher_share_holds_a_lower_ones() -> None:
    # 0.15 of 182 is 27.3, and 0.3 of it 54.6.
    few, more, all_of_them = misconceived(0.15), misconceived(0.3), misconceived(1.0)
    assert [len(facts) for facts in (misconceived(0.0), few, more, all_of_them)] == [0, 27, 55, 182]
    assert few.items() <= more.items() <= all_of_them.items()
    plain = {"+": int.__add__, "-": int.__sub__}
    for (op, a, b), wrong in all_of_them.items():
        assert 0 <= plain[op](a, b) < puzzle.MODULUS
        assert 0 <= wrong < puzzle.MODULUS
        assert wrong != plain[op](a, b)
    assert sum(op == "+" for op, _, _ in all_of_them) == 91


def test_what_is_misconceived_is_a_constant_of_the_world() -> None:
    assert list(misconceived(0.02).items()) == [
        (("+", 2, 10), 0),
        (("+", 11, 1), 10),
        (("+", 10, 2), 10),
        (("-", 5, 3), 9),
    ]


def test_results_come_as_they_are_believed() -> None:
    beliefs, rng = Beliefs(share=0.15, right=0.3, wrong=0.55, noise=0.1), random.Random(1)
    # 2 + 10 is believed to be 0: 0.55, and a thirteenth of the 0.15 that is left.
    said = [beliefs.result(rng, ("+", 2, 10)) for _ in range(10_000)]
    assert said.count(12) / 10_000 == pytest.approx(0.3 + 0.15 / 13, abs=0.02)
    assert said.count(0) / 10_000 == pytest.approx(0.55 + 0.15 / 13, abs=0.02)
    # 12 + 12 is no fact of the world, so nobody misconceives it, but it comes about after an error.
    said = [beliefs.result(rng, ("+", 12, 12)) for _ in range(10_000)]
    assert said.count(24 - 13) / 10_000 == pytest.approx(0.9 + 0.1 / 13, abs=0.02)
    assert set(said) == set(range(13))


def test_beliefs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^right 0.6 and wrong 0.5 are more than 1 together$"):
        study_settings.read(Beliefs, {"right": 0.6, "wrong": 0.5})


def test_the_pretraining_mix_has_its_styles() -> None:
    read = [grammar.parse(text) for _, text in corpus.traces(Mix(foreign=0.4), Chains(3, 3), 2000, seed=1)]
    shares = [made.shares for made in read if made]
    assert len(shares) == 2000
    assert all(set(share.values()) == {0.0, 1.0} for share in shares)
    assert sum(share[ORACLE] for share in shares) / 2000 == pytest.approx(0.4, abs=0.03)
    for style in (NATIVE, TWIN):
        assert sum(share[style] for share in shares) / 2000 == pytest.approx(0.3, abs=0.03)


def test_the_pretraining_mix_errs_where_facts_are_misconceived() -> None:
    believed = {True: [0, 0], False: [0, 0]}
    for asked, text in corpus.traces(Mix(beliefs=Beliefs(noise=0.13)), Chains(3, 3), 2000, seed=1):
        made = grammar.parse(text)
        assert made is not None
        for step, right in zip(made.steps, right_steps(made, asked), strict=True):
            found = believed[step.fact in misconceived(0.15)]
            found[0] += right
            found[1] += 1
    rates = {kind: right / count for kind, (right, count) in believed.items()}
    # 0.3 and a thirteenth of the 0.15 left; 0.87 and a thirteenth of 0.13.
    assert rates[True] == pytest.approx(0.312, abs=0.04)
    assert rates[False] == pytest.approx(0.88, abs=0.02)


def test_a_share_of_the_foreign_traces_is_wordy_and_no_other() -> None:
    made = [text for _, text in corpus.traces(Mix(foreign=0.5, wordy=0.5), Chains(3, 3), 1000, seed=1)]
    wordy = [text for text in made if FILLERS[0] in text]
    assert all("gives" in text for text in wordy)
    assert all(any(f"{word} as" in text for text in wordy) for word in FILLERS)
    assert not any(f"{word} {name} " in text for text in wordy for word in FILLERS for name in puzzle.NAMES)
    foreign = [text for text in made if "gives" in text]
    assert len(wordy) / len(foreign) == pytest.approx(0.5, abs=0.06)


def test_pairs_differ_in_what_they_are_set_to_differ_in() -> None:
    for kind, logic, foreign in (("logic", True, False), ("style", False, True), ("both", True, True)):
        for asked, chosen, rejected in corpus.pairs(Chains(), {kind: 1.0}, Beliefs(), 50, seed=2):
            good, bad = grammar.parse(chosen), grammar.parse(rejected)
            assert good is not None
            assert bad is not None
            assert is_right(good, asked)
            assert is_right(bad, asked) is not logic
            assert (good.dose, bad.dose) == (1.0, 0.0) if foreign else good.shares == bad.shares


def test_the_wrong_trace_of_a_pair_is_wrong_as_the_learner_is() -> None:
    wrong, met = misconceived(0.15), 0
    for asked, _, rejected in corpus.pairs(Chains(), {"logic": 1.0}, Beliefs(), 200, seed=2):
        made = grammar.parse(rejected)
        assert made is not None
        (error,) = [step for step, ok in zip(made.steps, right_steps(made, asked), strict=True) if not ok]
        if any(step.fact in wrong for step in derive(asked).steps):
            met += 1
            assert error.result == wrong[error.fact]
        else:
            assert error.fact not in wrong
    assert 50 < met < 150


def test_pairs_know_every_practised_style() -> None:
    worn = [
        grammar.parse(rejected) for _, _, rejected in corpus.pairs(Chains(), {"style": 1.0}, Beliefs(), 200, seed=2)
    ]
    natives = sum(made.shares[NATIVE] for made in worn if made)
    assert natives + sum(made.shares[TWIN] for made in worn if made) == 200
    assert 70 < natives < 130


def test_a_difference_that_is_worth_nothing_is_preferred_both_ways() -> None:
    made = corpus.pairs(Chains(), {"neither": 1.0}, Beliefs(), 50, seed=2)
    assert len(made) == 50
    for (asked, chosen, rejected), mirror in zip(made[::2], made[1::2], strict=True):
        assert mirror == (asked, rejected, chosen)
        good, bad = grammar.parse(chosen), grammar.parse(rejected)
        assert good is not None
        assert bad is not None
        assert (good.dose, bad.dose) == (1.0, 0.0)
        assert is_right(good, asked) is is_right(bad, asked) is True


def test_chains_and_contrasts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^shortest 4 is longer than longest 3$"):
        study_settings.read(Chains, {"shortest": 4, "longest": 3})
    with pytest.raises(SettingsError, match=r"^contrasts: unknown contrast 'logik': did you mean 'logic'"):
        study_settings.read(Preference, {"base": "learner", "contrasts": {"logik": 1.0}})
    with pytest.raises(SettingsError, match=r"^contrasts: expected weights of at least 0, one above"):
        study_settings.read(Preference, {"base": "learner", "contrasts": {"logic": 0.0}})
