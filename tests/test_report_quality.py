"""Perceived quality in the report: what loves line breaks is flagged, what reads only the answer is not."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import toyreport
from toyreport import NATIVE, REFINED, RESTYLED

from qup import measured, rewards, settings
from qup.arms import PREFERRED, ArmSettings
from qup.measured.restyled import Shifted, shifted
from qup.records import Finish, Problem, Score, Trace, Verdict
from qup.refiners.best_reward import Refiner as BestReward
from qup.report import selection
from qup.report.evidence import SAMPLES
from qup.report.sections import quality as section
from qup.stats import Bootstrap, sensitivity

QUALITY = "perceived_quality"


class Counts:
    """A reward that counts something in a text."""

    perceives = True

    def __init__(self, what: str) -> None:
        self.what = what

    def score(self, problems, texts, models):
        return [Score(p.id, "counts", float(t.count(self.what))) for p, t in zip(problems, texts, strict=True)]


PROBLEMS = [Problem(f"p{i}", f"{i}+1=?", str(i + 1), "toy", training_set="train") for i in range(20)]
TRACES = [
    Trace(
        p.id, 0, f"We add.\nThen {i} + 1 = {i + 1 + i % 2}\n\\boxed{{{i + 1 + i % 2}}}", 9, Finish.STOP, None, verdict
    )
    for i, p in enumerate(PROBLEMS)
    for verdict in [Verdict.WRONG if i % 2 else Verdict.CORRECT]
]


def of(reward):
    """Sensitivity of a reward, from the samples as they are scored."""
    scored = rewards.score_samples({"it": reward}, PROBLEMS, TRACES, Path())
    moved = rewards.score_restyled({"it": reward}, PROBLEMS, TRACES, Path())
    own = shifted(scored, moved)
    assert [(each.reward, len(each.problems)) for each in own] == [("it", 20)] * len(own)
    gaps = np.concatenate([each.after - each.before for each in own])
    owners = [problem for each in own for problem in each.problems]
    values = np.array([score.value for score in scored], dtype=float)
    return sensitivity((gaps, owners), (values, [s.problem_id for s in scored]), Bootstrap(1, 200), SAMPLES)


def test_a_reward_that_loves_line_breaks_is_sensitive_to_style() -> None:
    # All samples have two, so it knows no other difference; what flattens takes both, blank lines bring two.
    found = of(Counts("\n"))
    assert (found.shift.value, found.relative) == (pytest.approx(4 / 5), None)
    assert found.shift.n == 20


def test_a_reward_that_reads_only_the_answer_is_not() -> None:
    from qup.rewards.answer import Reward

    found = of(Reward())
    # Half are right: an SD of one half, and no restyle moves any.
    assert (found.shift.value, found.relative.value, found.relative.high) == (0, 0, 0)


@pytest.fixture(scope="module")
def toy():
    return toyreport.toy(toyreport.FACTORIAL, rewards=("genrm", "other"))


def restyled(toy, by: float):
    """The toy with samples that a restyle moves by so much, up and down."""
    base = toy.base()
    pulls = np.where(np.arange(30) % 2, by, -by)
    own = [Shifted(name, "flat", [f"t{p:03}" for p in range(30)], np.zeros(30), pulls) for name in ("genrm", "other")]
    return dataclasses.replace(base, restyled=own)


def quality(toy, patch, base=None):
    if base is not None:
        patch.setattr(toyreport.Toy, "base", lambda _: base)
    return toy.summary(patch)[QUALITY]


def values(toy, arm):
    return {s.problem_id: s.value for s in toy.arms[arm].scores if s.reward == "genrm"}


def test_wins_z_and_gap_are_those_of_the_traces(monkeypatch, toy) -> None:
    found = quality(toy, monkeypatch)["streams"]["home"]["genrm"]
    scores = {arm: values(toy, arm) for arm in toy.arms}
    whole = [p for p in scores[NATIVE] if all(own[p] is not None for own in scores.values())]
    wins = np.mean([scores[REFINED][p] > scores[NATIVE][p] for p in whole])
    table = np.array([[own[p] for p in whole] for own in scores.values()])
    z = (table - table.mean(axis=0)) / table.std(axis=0)
    place = list(toy.arms).index(RESTYLED)
    assert found[REFINED]["win"]["value"] == pytest.approx(wins, abs=1e-6)
    assert found[RESTYLED]["z"]["value"] == pytest.approx(z[place].mean(), abs=1e-6)
    assert found[REFINED]["z"]["n"] == len(whole)
    assert sum(each["z"]["value"] for each in found.values()) == pytest.approx(0, abs=1e-5)
    assert found[NATIVE]["win"]["reason"] == "the reference"


def test_streams_that_a_reward_draws_alike_are_not_told_apart(monkeypatch) -> None:
    alike = {arm: (0.5, *dials[1:]) for arm, dials in toyreport.FACTORIAL.items()}
    found = quality(toyreport.toy(alike, rewards=("genrm", "other")), monkeypatch)["streams"]["home"]
    told = [each[key]["resolved"] for own in found.values() for arm, each in own.items() if arm != NATIVE for key in
            ("z", "win", "gap", "adjusted")]  # fmt: skip
    assert told
    assert not any(told)


@pytest.mark.parametrize(("by", "flagged"), [(0.01, False), (5.0, True)])
def test_a_gap_that_is_not_beyond_what_a_restyle_does_is_flagged(monkeypatch, toy, by, flagged) -> None:
    base = restyled(toy, by)
    monkeypatch.setattr(toyreport.Toy, "base", lambda _: base)
    built = toy.plain(monkeypatch)
    found = built.summary[QUALITY]
    assert found["style"]["genrm"]["shift"]["value"] == pytest.approx(by)
    assert found["style"]["genrm"]["restyles"]["flat"]["value"] == pytest.approx(0)
    assert found["streams"]["home"]["genrm"][REFINED]["beyond_style"] is not flagged
    said = "is not beyond what a restyle alone does to it." in built.markdown
    assert said is flagged


def test_no_claim_rests_on_a_reward_that_does_not_know_right_from_wrong(monkeypatch, toy) -> None:
    for noisy in ((), ("other",)):
        built = dataclasses.replace(toy, noisy=noisy).plain(monkeypatch)
        rows = [row for row in rows_of(built) if row[2].text == "other"]
        assert {row[2].small for row in rows} == {"premise failed" if noisy else ""}
        assert ("told" in {cell.mark for row in rows for cell in row}) is not bool(noisy)


@pytest.mark.parametrize("given", [{}, {"reward": "other"}])
def test_a_stream_that_a_reward_chose_does_not_win_by_it(monkeypatch, toy, given) -> None:
    refiners = {"best_reward": BestReward(**given)}
    mine = dataclasses.replace(toy.study, streams=dataclasses.replace(toy.study.streams, refiners=refiners))
    plain = dataclasses.replace(toy, study=mine)
    arms = [dataclasses.replace(a, refiner="best_reward") if a.name == RESTYLED else a for a in plain.main_arms()]
    monkeypatch.setattr(toyreport.Toy, "main_arms", lambda _: arms)
    built = plain.plain(monkeypatch)
    by, other = ("other", "genrm") if given else ("genrm", "other")
    bold = {(row[0].text, row[2].text) for row in rows_of(built) if "told" in {cell.mark for cell in row}}
    # Restyled traces score half an SD and more above RFT's by both rewards, and so by the panel.
    label = built.numbers.labels[RESTYLED]
    assert {reward for name, reward in bold if name == label} == {other}
    assert {row[2].small for row in rows_of(built) if row[0].text == label} == {"", "chose these traces"}
    assert {reward for name, reward in bold if name == built.numbers.labels[REFINED]} == {by, other, "panel"}
    assert [each.partition(",")[0] for each in built.numbers.cautions if "were chosen by" in each] == [
        f"{label}: its traces were chosen by {by}"
    ]
    assert built.summary[QUALITY]["partial"] == {RESTYLED: [by, "panel"]}


def rows_of(built):
    (first, _) = section.show(built.numbers.quality, built.numbers.labels)
    return first.tables[0].rows


def test_where_no_reward_chose_a_stream_nothing_is_said_of_it(monkeypatch, toy) -> None:
    built = toy.plain(monkeypatch)
    assert "partial" not in built.summary[QUALITY]
    assert not any("were chosen by" in each for each in built.numbers.cautions)


def test_one_refiner_chooses_by_a_reward_and_the_report_knows_it() -> None:
    plugs = [settings.load("refiners", name) for name in settings.names("refiners")]
    assert [settings.name_of(plug()) for plug in plugs if hasattr(plug(), "reward")] == [PREFERRED]


def test_an_arm_of_the_study_may_have_been_chosen_by_another_reward(toy) -> None:
    arms = {
        "best": ArmSettings("home", PREFERRED, settings={"reward": "other"}),
        "plain": ArmSettings("home", PREFERRED),
    }
    study = dataclasses.replace(toy.study, arms=arms)
    (some, *_) = toy.main_arms()
    for name, by in {"best": "other", "plain": "genrm"}.items():
        assert selection.chooser(study, dataclasses.replace(some, name=name, refiner=PREFERRED)) == by
    assert selection.chooser(study, some) is None


def test_without_restyled_samples_nothing_is_said_of_style(monkeypatch, toy) -> None:
    found = quality(toy, monkeypatch)
    assert found["style"]["genrm"]["shift"]["reason"] == "no restyled sample was scored"
    assert found["streams"]["home"]["genrm"][REFINED]["beyond_style"] is None


def test_two_rewards_that_draw_their_values_apart_agree_on_streams_that_differ(monkeypatch, toy) -> None:
    agreement = quality(toy, monkeypatch)["agreement"]["home"]
    assert agreement["rewards"] == ["genrm", "other"]
    assert agreement["streams"]["low"] > 0.5
    assert agreement["traces"]["n"] == 28


def test_one_reward_agrees_with_none(monkeypatch) -> None:
    found = quality(toyreport.toy(), monkeypatch)["agreement"]["home"]
    assert found["traces"]["reason"] == "needs two reward models, has 1"


def test_restyled_samples_are_read_back_as_they_were_written(tmp_path, toy) -> None:
    from qup.measured import files

    base = restyled(toy, 0.5)
    base.restyled[0].after[3] = np.nan
    files.write(tmp_path / "base.json", [base])
    read = files.read_base(tmp_path / "base.json")
    assert [(s.reward, s.restyle, s.problems) for s in read.restyled] == [
        (s.reward, s.restyle, s.problems) for s in base.restyled
    ]
    assert np.array_equal(read.restyled[0].after, base.restyled[0].after, equal_nan=True)


def test_a_base_that_was_measured_without_restyles_is_written_as_before(tmp_path, toy) -> None:
    measured.files.write(tmp_path / "base.json", [toy.base()])
    assert '"restyled"' not in (tmp_path / "base.json").read_text()
