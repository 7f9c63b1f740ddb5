"""One rule of resolved, everywhere: replicated, and the interval after Holm's correction excludes zero."""

import dataclasses

import pytest
import toymaps
import toyreport
from planted import answers
from toyreport import ALIGNED, NATIVE, REFINED, RESTYLED

# Five of 60 problems differ: mean 0.083, standard error sqrt(0.083 x 0.917 / 59) = 0.036, t = 2.3, p = 0.025. The 95%
# interval of Student's t with 59 degrees of freedom (2.0) excludes 0; that of a family of four or more (2.6) holds it.
FEW = range(29), range(24)


def at_the_edge(found) -> None:
    assert found["low"] > 0
    assert found["holm"]["family"] >= 4
    assert found["holm"]["low"] < 0
    assert found["resolved"] is False


def alike(toy, more: str, less: tuple[str, ...]):
    """One arm answers five problems more right than the others, which answer alike."""
    toy = toy.replaced(more, evals=answers(FEW[0]))
    for arm in less:
        toy = toy.replaced(arm, evals=answers(FEW[1]))
    return toy


@pytest.fixture(scope="module")
def alone():
    """RFT ahead of Refined by five problems; no reward tells any two apart."""
    arms = dict.fromkeys(toyreport.PARADOX, (1.0, 0.0, 1.3))
    return alike(toyreport.toy(arms, seed=3), NATIVE, (REFINED, ALIGNED))


def test_a_contrast_that_only_its_own_interval_tells_from_zero_is_not_resolved(monkeypatch, alone) -> None:
    built = alone.plain(monkeypatch)
    for objective in ("sft", "dft"):
        found = built.summary["oracles"]["home"]["objectives"][objective]["contrasts"][1]
        at_the_edge(found | found["estimate"])
    assert {v["headline"].split(":")[0] for v in built.summary["verdicts"]} == {"Not resolved"}
    assert "better learner" not in built.markdown
    assert "**+8.3**" not in built.markdown


def test_a_difference_of_quality_that_only_its_own_interval_tells_from_zero_is_not_resolved(monkeypatch) -> None:
    arms = dict.fromkeys(toyreport.PARADOX, (1.0, 0.0, 1.3))
    toy = alike(toyreport.toy(arms, seed=3), NATIVE, (REFINED, ALIGNED))
    native = [s for s in toy.arms[NATIVE].scores if s.value is not None]
    # Five of 28 score 1 more: mean 0.179, standard error sqrt(0.179 x 0.821 / 27) = 0.074, t = 2.4 of 27.
    lifted = [dataclasses.replace(s, value=s.value + (place < 5)) for place, s in enumerate(native)]
    objectives = toy.replaced(REFINED, scores=lifted).summary(monkeypatch)["oracles"]["home"]["objectives"]
    at_the_edge(objectives["sft"]["refined_over_native"]["genrm"])


def test_an_effect_that_only_its_own_interval_tells_from_zero_is_not_resolved(monkeypatch) -> None:
    toy = alike(toyreport.toy(toyreport.FACTORIAL), ALIGNED, (NATIVE, REFINED, RESTYLED))
    effects = toy.summary(monkeypatch)["factorials"]["main"]["sft"]
    at_the_edge(effects["V"])
    at_the_edge(effects["C"])
    at_the_edge(effects["greedy"]["V"])


def test_a_cell_that_only_its_own_interval_tells_from_zero_is_not_resolved(monkeypatch) -> None:
    counts = dict.fromkeys(toymaps.FURTHER, 24) | {toymaps.REFINED[0, 0]: 29}
    built = toymaps.mapped(counts).plain(monkeypatch)
    at_the_edge(built.summary["maps"]["regimes"]["squares"]["sampled"][0][0]["gap"])
    assert "refined ahead in 0, RFT ahead in 0 of 4 cells" in built.markdown


def test_a_step_of_a_ladder_that_only_its_own_interval_tells_from_zero_is_no_finding(monkeypatch) -> None:
    toy = toyreport.controlled()
    for arm, right in (("dose0", 24), ("dose50", 29), (REFINED, 24)):
        toy = toy.replaced(arm, evals=answers(range(right)))
    found = toy.summary(monkeypatch)["controls"]["dose"]["results"]["sft"]
    # The other way than expected by its own interval; of three steps and ends it is not resolved.
    assert found["steps"][0]["low"] > 0
    assert found["outcome"] == "not resolved"


def resolved(found, path=()):
    """Every `resolved` in a summary but those of traces, which are not of trained learners."""
    if isinstance(found, dict):
        if found.get("resolved") is True and "replicates" in found.get("estimate", found):
            yield path
        for key, value in found.items():
            yield from resolved(value, (*path, key))
    elif isinstance(found, list):
        for place, value in enumerate(found):
            yield from resolved(value, (*path, place))


def test_one_replicate_resolves_nothing_of_what_was_trained(monkeypatch) -> None:
    # Differences of 20 points and more.
    built = toyreport.controlled(replicates=1).plain(monkeypatch)
    assert list(resolved(built.summary)) == []
    for verdict in built.summary["verdicts"]:
        assert verdict["headline"].startswith("Not replicated: one training set tells nothing of another")
        assert verdict["paradox"] == "unresolved"
        assert all("not replicated (" in text for text in verdict["sentences"][:2])
    assert "better learner" not in built.markdown
    contrasts = built.summary["oracles"]["home"]["objectives"]["sft"]["contrasts"]
    assert {c["p"] for c in contrasts} == {1}
    index = built.summary["oracles"]["home"]["objectives"]["sft"]["paradox"]["genrm"]
    assert (index["resolved"], index["index"], index["bounds"]) == (0, None, [0, 1])


def test_the_same_study_of_three_replicates_resolves(monkeypatch) -> None:
    assert len(list(resolved(toyreport.controlled().summary(monkeypatch)))) > 10


def test_a_map_of_one_replicate_has_no_resolved_cell(monkeypatch) -> None:
    found = toymaps.mapped(replicates=1).summary(monkeypatch)["maps"]["regimes"]["squares"]
    assert not any(cell["gap"]["resolved"] for rows in found.values() for row in rows for cell in row)


def test_a_resolved_difference_is_larger_than_what_its_interval_reaches(monkeypatch) -> None:
    found = toyreport.toy().summary(monkeypatch)["oracles"]["home"]["objectives"]["sft"]["contrasts"]
    for contrast in found:
        inside = contrast["holm"]["low"] <= 0 <= contrast["holm"]["high"]
        assert contrast["resolved"] is not inside
        assert contrast["holm"]["level"] >= 0.95
