"""What arms are matched by: tokens, steps or epochs; and whether the verdict is the same by each of them."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toyreport
from toyreport import toy

from qup import settings, study
from qup.errors import SettingsError
from qup.report.numbers import Bare, Difference, Holm, Missing
from qup.report.sections.matching import Views, cautions
from qup.stats import Estimate
from qup.study import Study
from qup.training.examples import Example, schedule
from qup.training.settings import Budget, TrainingSettings

BOTH = Budget(tokens=2000, epochs=2, steps=9)
TRACES = [Example([0] * 15, [-100] * 5 + [0] * 10, truncated=False)] * 7


@pytest.fixture
def given() -> dict[str, Any]:
    found = settings.read_yaml(Path(__file__).parents[1] / "studies" / "smoke.yaml")
    found["training"] |= {"budget": {"tokens": 2000, "epochs": 2}, "match": ["tokens", "epochs"]}
    return found


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_budget_of_steps_is_so_many_full_steps_whatever_the_stream_holds(count: int) -> None:
    # Seven traces, three a step: five steps are two epochs and a trace more.
    plan = schedule(TRACES, TrainingSettings(Budget(steps=count), batch=3), seed=1)
    assert [len(step) for step in plan] == [3] * count
    few = schedule(TRACES[:2], TrainingSettings(Budget(steps=count), batch=3), seed=1)
    assert [len(step) for step in few] == [3] * count


def test_of_several_amounts_the_first_that_arms_are_matched_by_is_spent() -> None:
    for match, expected in (("steps", Budget(steps=9)), (("epochs", "steps"), Budget(epochs=2))):
        own = TrainingSettings(BOTH, match=match)
        assert own.of_arm("home/oracle_refined").budget == expected
        assert own.of_arm("home/oracle_refined").match == ()


def test_a_budget_of_one_amount_is_what_arms_are_matched_by() -> None:
    own = TrainingSettings(Budget(epochs=1))
    assert own.matched == ("epochs",)
    assert own.of_arm("home/restyled") == own


def test_an_arm_of_its_own_budget_has_that_alone(given: dict[str, Any]) -> None:
    given["training"]["arms"] = {"home/oracle_refined": {"budget": {"steps": 3}, "batch": 2}}
    own = settings.read(Study, given)
    assert own.main_arm("home", "oracle_refined").training.budget == Budget(steps=3)
    # Matched by epochs it spends as many as the others, and keeps what else is its own.
    again = own.further["by_epochs/oracle_refined"].training
    assert (again.budget, again.batch) == (Budget(epochs=2), 2)


def test_the_arms_of_the_declared_contrasts_are_trained_again_on_the_main_streams(given: dict[str, Any]) -> None:
    own = settings.read(Study, given)
    again = [arm for arm in own.further.values() if arm.name != "unfiltered"]
    assert {arm.name: dict(arm.shares) for arm in again} == {
        "by_epochs/style_aligned": {"home/style_aligned": 1.0},
        "by_epochs/oracle_refined": {"home/oracle_refined": 1.0},
        "by_epochs/rejection_sampling": {"learner/rejection_sampling": 1.0},
    }
    assert {arm.training.budget for arm in again} == {Budget(epochs=2)}
    assert own.native.training.budget == Budget(tokens=2000)


def test_a_study_of_one_quantity_has_no_such_arms(given: dict[str, Any]) -> None:
    given["training"]["match"] = "epochs"
    own = settings.read(Study, given)
    assert list(own.further) == ["unfiltered"]
    assert own.native.training.budget == Budget(epochs=2)


def test_an_arm_may_not_be_called_as_one_that_is_matched_again(given: dict[str, Any]) -> None:
    given["arms"]["by_epochs/style_aligned"] = {"oracle": "home", "refiner": "unfiltered"}
    with pytest.raises(SettingsError, match=r"^arms\.by_epochs/style_aligned: is the name of a main arm, or of one by"):
        settings.read(Study, given)


def matched(ladder: dict[str, tuple[float, float, float]]) -> toyreport.Toy:
    """The paradox by tokens, and by epochs arms of these dials."""
    made = toy(objectives=("sft",))
    training = dataclasses.replace(
        made.study.training, budget=Budget(tokens=2000, epochs=2), match=("tokens", "epochs")
    )
    own = dataclasses.replace(made.study, training=training)
    rng = np.random.default_rng(5)
    further = {
        f"by_epochs/{name}": toyreport.arm(rng, own, f"by_epochs/{name}", dials) for name, dials in ladder.items()
    }
    return dataclasses.replace(made, study=own, further=further)


AGREEING = {
    "rejection_sampling": (1.0, 0.10, 1.3),
    "oracle_refined": (1.6, -0.15, 1.9),
    "style_aligned": (1.3, 0.25, 1.35),
}
"As by tokens: RFT is 25 points above Refined, SAR 40."


def test_views_that_say_the_same_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    built = matched(AGREEING).plain(monkeypatch)
    views = built.summary["matching"]["views"]
    assert [each["refiners"] for each in views] == [
        ["style_aligned", "oracle_refined"],
        ["rejection_sampling", "oracle_refined"],
    ]
    rft = views[1]["by"]
    assert list(rft) == ["tokens", "epochs"]
    assert all(each["resolved"] and 0.15 < each["value"] < 0.35 for each in rft.values())
    assert not [said for said in built.summary["cautions"] if "matched by" in said]
    assert built.summary["matching"]["spent"]["epochs"]["oracle_refined"]["tokens"] == [2000, 2000]
    assert "## What arms are matched by" in built.markdown
    assert "| epochs | Refined | 2,000 | 20 | 2.00 |" in built.markdown


def test_a_verdict_that_turns_with_what_arms_are_matched_by_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = AGREEING | {"oracle_refined": (1.6, 0.25, 1.9), "rejection_sampling": (1.0, -0.15, 1.3)}
    built = matched(turned).plain(monkeypatch)
    assert "RFT - Refined (SFT) hangs on what arms are matched by: opposite verdicts." in built.summary["cautions"]


def gap(value: float, *, resolved: bool) -> Difference:
    estimate = Estimate(value, value - 0.1, value + 0.1, 60, 0.05, replicates=3)
    return Difference(estimate, 0.5, Holm(0.5, 2, 0.95, value - 0.1, value + 0.1), Bare(0.1), resolved)


@pytest.mark.parametrize(
    ("tokens", "epochs", "verdict"),
    [
        (gap(0.2, resolved=True), gap(0.1, resolved=True), "agree"),
        (gap(0.2, resolved=True), gap(-0.1, resolved=True), "opposite verdicts"),
        (gap(0.2, resolved=True), gap(0.1, resolved=False), "resolved by tokens only"),
        (gap(-0.2, resolved=False), gap(0.1, resolved=True), "resolved by epochs only"),
        (gap(0.2, resolved=False), gap(0.1, resolved=False), "not resolved by any"),
        (gap(0.2, resolved=False), gap(-0.1, resolved=False), "signs differ, not resolved by any"),
        (gap(0.2, resolved=True), Missing("an arm is not there"), "not measured"),
    ],
)
def test_views_agree_only_where_each_resolves_the_same_sign(
    tokens: Difference | Missing, epochs: Difference | Missing, verdict: str
) -> None:
    assert (
        Views("sft", ("rejection_sampling", "oracle_refined"), {"tokens": tokens, "epochs": epochs}).verdict == verdict
    )


def test_a_study_that_matches_by_one_thing_has_no_such_section(monkeypatch: pytest.MonkeyPatch) -> None:
    built = toy(objectives=("sft",)).plain(monkeypatch)
    assert "matching" not in built.summary
    assert cautions(None) == []


def test_settings_of_several_amounts_come_back_as_written(given: dict[str, Any]) -> None:
    own = settings.read(study.Study, given)
    assert settings.read(study.Study, settings.plain(own)) == own
