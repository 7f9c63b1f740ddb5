"""Every way to build the traces: which arms are ways, that they are judged against RFT together, and what is chosen."""

import dataclasses

import pytest
import toyreport
from planted import greedily
from toyreport import ALIGNED, NATIVE, REFINED

from qup.arms import ArmSettings, ControlSettings
from qup.report.plot_rows import quality_rows

SELECTED, EDITED = "selected", "edited"
REFINED_LABEL = "Refined"
WAYS = {SELECTED: ArmSettings("home", "grape"), EDITED: ArmSettings("home", "calculator")}
LADDER = {SELECTED: (1.0, 0.4, 1.3), EDITED: (1.2, -0.3, 1.5)}


def toy(ladder=None, **settings) -> toyreport.Toy:
    """The paradox with two further ways, one much better than RFT, one much worse, in either decoding."""
    ladder = LADDER | (ladder or {})
    made = toyreport.toy(ladder=ladder, beside=WAYS | settings.pop("beside", {}), objectives=("sft",), **settings)
    for name in ladder:
        rate = 0.5 + ladder[name][1]
        made = made.replaced(name, evals=greedily(made.further[name].evals, rate))
    for name, (_, utility, _) in toyreport.PARADOX.items():
        made = made.replaced(name, evals=greedily(made.arms[name].evals, 0.5 + utility))
    return dataclasses.replace(made, evals=greedily(made.evals, 0.5))


def test_ways_stand_beside_the_main_arms_by_utility_and_are_told_from_rft(monkeypatch) -> None:
    report = toy().plain(monkeypatch)
    (ways,) = report.numbers.ways
    assert ways.arms == [SELECTED, ALIGNED, NATIVE, REFINED, EDITED]
    assert set(ways.leads) == {SELECTED, ALIGNED, REFINED, EDITED}
    # Judged together: each way but RFT, for each decoding.
    assert {lead.difference.holm.family for lead in ways.leads.values()} == {4}
    assert {lead.greedy.holm.family for lead in ways.leads.values()} == {4}
    assert ways.leads[SELECTED].difference.estimate.value == pytest.approx(0.3, abs=0.03)
    assert f"Told to be better than RFT: {SELECTED}, SAR." in report.markdown
    assert f"Told to be worse: {REFINED_LABEL}, {EDITED}." in report.markdown
    assert report.summary["ways"][0]["arms"] == ways.arms
    assert f"Beside them, by refiner: **{SELECTED}** (`grape`), **{EDITED}** (`calculator`)." in report.markdown
    assert "On which of 5 sets of worked solutions" in report.markdown


def test_the_choice_is_among_all_ways(monkeypatch) -> None:
    report = toy().plain(monkeypatch)
    (choice,) = report.numbers.choices
    assert choice.arms == [SELECTED]
    assert choice.headline == f"train on {SELECTED}"
    # Five arms and their ten pairs.
    assert "15 for each decoding" in choice.sentence


@pytest.mark.parametrize(
    ("arm", "settings"),
    [
        (ArmSettings("home", "grape"), {"sets": {"again": "again"}}),
        (ArmSettings("home", "grape"), {"training": {"again": {"budget": {"tokens": 5000}}}}),
        (ArmSettings("dose50", "oracle_refined"), {}),
    ],
)
def test_an_arm_that_differs_in_more_than_its_traces_is_no_way(arm, settings, monkeypatch) -> None:
    made = toy({"again": (1.0, 0.5, 1.3)}, beside={"again": arm}, oracles=("home", "dose50"), **settings)
    assert all("again" not in ways.arms for ways in made.plain(monkeypatch).numbers.ways if ways.oracle == "home")


def test_an_arm_that_a_control_is_about_is_no_way_and_its_oracle_has_no_choice(monkeypatch) -> None:
    control = ControlSettings("equal", (SELECTED, NATIVE), margin=0.1)
    made = toy(
        {"dosed": (1.0, 0.5, 1.3)},
        beside={"dosed": ArmSettings("dose50", "grape")},
        controls={"null": control},
        oracles=("home", "dose50"),
    )
    numbers = made.plain(monkeypatch).numbers
    (ways,) = numbers.ways
    assert {SELECTED, "dosed"}.isdisjoint(ways.arms) and EDITED in ways.arms
    assert [choice.oracle for choice in numbers.choices] == ["home"]


def test_the_picture_has_every_way(monkeypatch) -> None:
    numbers = toy().plain(monkeypatch).numbers
    points = quality_rows(numbers.tables, [numbers.further.rows[name] for name in WAYS])
    assert {point["arm"] for point in points} == {"RFT", "Refined", "SAR", *WAYS}


def test_a_study_without_further_ways_says_nothing_of_them(monkeypatch) -> None:
    report = toyreport.toy().plain(monkeypatch)
    assert report.numbers.ways == []
    assert "ways" not in report.summary
    assert "Every way to build the traces" not in report.markdown
