"""Every way to build the traces: which arms are ways, that they are judged against RFT together, and what is chosen."""

import dataclasses

import pytest
import toyreport
from planted import greedily
from toyreport import ALIGNED, NATIVE, REFINED

from qup.arms import ArmSettings, ControlSettings

SELECTED, EDITED = "selected", "edited"
REFINED_LABEL = "Refined"
WAYS = {SELECTED: ArmSettings("home", "grape"), EDITED: ArmSettings("home", "calculator")}
LADDER = {SELECTED: (1.0, 0.4, 1.3), EDITED: (1.2, -0.3, 1.5)}


def toy(ladder=None, arms=None, **settings) -> toyreport.Toy:
    """The paradox with two further ways, one much better than RFT, one much worse, in either decoding."""
    ladder = LADDER | (ladder or {})
    made = toyreport.toy(arms, ladder=ladder, beside=WAYS | settings.pop("beside", {}), objectives=("sft",), **settings)
    for name in ladder:
        rate = 0.5 + ladder[name][1]
        made = made.replaced(name, evals=greedily(made.further[name].evals, rate))
    for name, (_, utility, _) in (arms or toyreport.PARADOX).items():
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


def test_the_picture_has_every_way() -> None:
    points = toy().build().plots["quality-utility"].rows
    assert {point["arm"] for point in points} == {"RFT", "Refined", "SAR", *WAYS}


def test_a_way_that_asks_no_oracle_stands_beside_the_streams_of_each(monkeypatch) -> None:
    arms = toyreport.PARADOX | {"voiced/oracle_refined": (1.7, -0.2, 3.0)}
    made = toy(arms=arms, oracles=("home", "voiced"))
    free = [dataclasses.replace(row, attempts=0) for row in made.further[SELECTED].stream]
    numbers = made.replaced(SELECTED, stream=free).plain(monkeypatch).numbers
    home, voiced = numbers.ways
    assert {SELECTED, EDITED} < set(home.arms)
    assert SELECTED in voiced.arms and EDITED not in voiced.arms
    assert [choice.arms for choice in numbers.choices] == [[SELECTED], [SELECTED]]


def test_one_replicate_tells_nothing_of_ways(monkeypatch) -> None:
    markdown = toy(replicates=1).plain(monkeypatch).markdown
    assert "- Not replicated, so that nothing is told: " in markdown
    assert "Told to be better than RFT" not in markdown


def test_a_way_that_was_not_evaluated_is_said_to_be_so(monkeypatch) -> None:
    report = toy().replaced(EDITED, evals=[]).plain(monkeypatch)
    assert f"- Not measured beside RFT: {EDITED}." in report.markdown
    assert f"Told to be better than RFT: {SELECTED}, SAR." in report.markdown


def test_an_arm_of_controls_is_in_no_other_table_but_a_way_is(monkeypatch) -> None:
    control = ControlSettings("equal", (SELECTED, NATIVE), margin=0.1)
    said = toy(controls={"null": control}).plain(monkeypatch).markdown
    assert "but for the ways to build the traces, are in no other table" in said


def test_a_choice_among_other_arms_traces_has_no_price_of_its_own(monkeypatch) -> None:
    made = toy()
    chosen = [
        dataclasses.replace(row, attempts=0, oracle_tokens=0, origin=REFINED) for row in made.further[SELECTED].stream
    ]
    assert "29 traces are of arms that asked" in made.replaced(SELECTED, stream=chosen).plain(monkeypatch).markdown


def test_a_study_without_further_ways_says_nothing_of_them(monkeypatch) -> None:
    report = toyreport.toy().plain(monkeypatch)
    assert report.numbers.ways == []
    assert "ways" not in report.summary
    assert "Every way to build the traces" not in report.markdown
