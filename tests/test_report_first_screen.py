"""The first screen in numbers and words: the question, the mechanism, and the two pictures that explain it."""

import dataclasses
import itertools

import pytest
import toyreport
from toyreport import ALIGNED, NATIVE, REFINED, RESTYLED

from qup.report import drift_plot, factorial_plot, outline, page, quality_plot
from qup.report.numbers import Missing
from qup.report.plot_rows import quality_rows
from qup.report.sections import choice, mechanism, question
from qup.report.summary import summary
from qup.stats import Estimate


@pytest.fixture(scope="module")
def numbers(patch):
    return toyreport.toy(toyreport.FACTORIAL, craft=toyreport.CRAFT).plain(patch).numbers


def test_the_question_names_each_stream_and_says_what_it_is(numbers) -> None:
    asked = question.show(numbers.question)
    assert "On which of 4 sets" in asked.paragraphs[0]
    # Who reads the first screen knows neither word.
    assert "a small model, the *learner*," in asked.paragraphs[0]
    assert "An *Oracle*, a stronger model or a program," in asked.paragraphs[0]
    trained = "3 times over by SFT (every token counts alike) and DFT (unlikely tokens count less), and graded on 60"
    assert trained in asked.paragraphs[0]
    assert "`genrm`" in asked.paragraphs[0]
    assert (
        "**RFT**, the learner's own right solutions; **Refined**, those rewritten by the Oracle" in asked.paragraphs[1]
    )


def test_the_four_numbers_are_those_of_their_sections(numbers) -> None:
    v, c, cost, drift = numbers.mechanism
    effects = numbers.logic.factorials["main"]["sft"].effects
    assert v.value == f"{100 * effects['V'].estimate.value:+.1f} points"
    assert c.value == f"{100 * effects['C'].estimate.value:+.1f} points"
    assert [line.split()[0] for line in c.small] == ["SFT", "DFT"]
    assert cost.value == f"{numbers.adaptation[REFINED].cost.value:.0f} nats"
    assert cost.small[1].startswith("RFT ")
    # The toy's arms have no excess surprisal.
    assert (drift.value, drift.small[0]) == ("–", "not measured (excess_surprisal was not measured)")
    ppl = {arm: numbers.tables.rows[arm].ppl["micro"].value for arm in (REFINED, NATIVE)}
    assert drift.small[1] == f"PPL Refined {ppl[REFINED]:.2f}, RFT {ppl[NATIVE]:.2f}"


def test_drift_is_the_excess_surprisal_of_the_refined_arm(numbers) -> None:
    means = {REFINED: {mechanism.EXCESS: Estimate(1.896, 1.578, 2.193, 257, 0.1)}}
    drift = mechanism.numbers(numbers.tables, numbers.logic, numbers.adaptation, means)[-1]
    assert (drift.value, drift.small[0]) == ("+1.9 nats", "+1.9 [+1.6, +2.2]")


def test_an_effect_that_is_not_resolved_says_so_beneath() -> None:
    equal = toyreport.toy(dict.fromkeys(toyreport.FACTORIAL, (1.0, 0.1, 1.3)), craft=toyreport.CRAFT)
    with pytest.MonkeyPatch.context() as patch:
        found = equal.plain(patch).numbers.mechanism
    assert all(line.endswith(", not resolved") for line in found[0].small[: len(equal.study.training.objective_names)])


def test_a_cost_whose_interval_holds_zero_says_so_beneath(numbers) -> None:
    costs = {REFINED: Estimate(136.0, -26.0, 299.0, 3, 40.0), NATIVE: Estimate(50.0, 10.0, 90.0, 3, 9.0)}
    adapted = {arm: dataclasses.replace(numbers.adaptation[arm], cost=cost) for arm, cost in costs.items()}
    cost = mechanism.numbers(numbers.tables, numbers.logic, adapted, {})[2]
    assert cost.small == ["Refined 136 [-26, 299]", "RFT 50 [10, 90]", "not told from 0"]
    told = {REFINED: costs[NATIVE], NATIVE: costs[REFINED]}
    adapted = {arm: dataclasses.replace(numbers.adaptation[arm], cost=cost) for arm, cost in told.items()}
    assert len(mechanism.numbers(numbers.tables, numbers.logic, adapted, {})[2].small) == 2


def test_v_and_c_say_where_the_streams_are_not_shown_to_be_what_they_are_called(numbers) -> None:
    assert numbers.logic.checks["main"].passed
    for passed, said in ((False, "manipulation check FAILED"), (None, "what the streams changed was not checked")):
        check = dataclasses.replace(numbers.logic.checks["main"], passed=passed)
        logic = dataclasses.replace(numbers.logic, checks={"main": check})
        v, c, *_ = mechanism.numbers(numbers.tables, logic, numbers.adaptation, {})
        assert v.small[-1] == c.small[-1] == said
    assert not any("check" in line for read in numbers.mechanism[:2] for line in read.small)


def test_the_line_below_the_first_screen_says_why_one_difference_has_several_intervals(numbers) -> None:
    # V is U(SAR) - U(RFT), which stands among the pairs of arms too, in a larger family.
    v = numbers.logic.factorials["main"]["sft"].effects["V"].holm
    pair = next(line for line in numbers.choices[0].far if line.startswith("SAR - RFT"))
    assert f"[{100 * v.low:+.1f}, {100 * v.high:+.1f}]" not in pair
    assert "all arms and pairs of arms, V and C among the effects of the two-by-two" in page.lead(numbers)


def test_every_number_of_the_mechanism_has_a_word_for_it_and_a_definition(numbers) -> None:
    terms = mechanism.show(numbers.mechanism).terms
    assert [term.name for term in terms] == ["Repair value V", "Drift cost C", "Adaptation cost", "Drift"]
    assert all(len(term.said) < len(term.definition) for term in terms)
    assert mechanism.show([]) is None


def test_the_first_figures_of_a_choice_are_its_gain_and_its_lead_over_the_next(numbers) -> None:
    first = numbers.choices[0]
    (card, *_) = choice.show(numbers.choices).cards
    assert card.name == "SFT, Oracle home"
    assert card.sentences[0].startswith("SAR over no training: +")
    assert card.sentences[1].startswith("SAR over RFT: +")
    assert "greedy" not in " ".join(card.sentences)
    # All of them stand behind the fold, and in report.json as they did.
    assert first.sentence == f"{'; '.join(card.more[:-1])}. {card.more[-1]}"
    assert "near" not in summary(numbers)["choices"][0]


def test_the_two_by_two_has_a_corner_per_stream_at_its_words_and_logic(numbers) -> None:
    corners = [row for row in factorial_plot.rows(numbers.logic, numbers.tables) if row["panel"] == "SFT, sampled"]
    assert [(row["arm"], row["words"], row["logic"]) for row in corners] == [
        ("RFT", "the learner's", "as written"),
        ("Restyled", "the Oracle's", "as written"),
        ("SAR", "the learner's", "repaired"),
        ("Refined", "the Oracle's", "repaired"),
    ]
    utilities = {row["arm"]: row["value"] for row in corners}
    learners = numbers.tables.rows
    assert utilities["SAR"] == pytest.approx(100 * learners[ALIGNED].learners["sft"].utility.value, abs=1e-3)
    assert utilities["RFT"] == pytest.approx(100 * learners[NATIVE].learners["sft"].utility.value, abs=1e-3)


def test_a_two_by_two_that_lacks_a_corner_is_not_drawn(monkeypatch) -> None:
    three = {name: dials for name, dials in toyreport.FACTORIAL.items() if name != RESTYLED}
    found = toyreport.toy(three, craft=toyreport.CRAFT).plain(monkeypatch).numbers
    assert factorial_plot.rows(found.logic, found.tables) == []


def test_names_in_the_two_by_two_do_not_lie_on_each_other(numbers) -> None:
    rows = factorial_plot.rows(numbers.logic, numbers.tables)
    for panel, words in itertools.product({row["panel"] for row in rows}, ("the learner's", "the Oracle's")):
        own = [row for row in rows if row["panel"] == panel]
        high = max(row["high"] for row in own) - min(row["low"] for row in own)
        lower, upper = sorted(row["name_at"] for row in own if row["words"] == words)
        assert upper - lower >= factorial_plot.NAME * high - 1e-3


def test_the_drift_split_is_drawn_of_each_arm_but_the_native_one() -> None:
    zero, style = Estimate(0.0, 0.0, 0.0, 9, 0.0), Estimate(1.5, 1.4, 1.7, 9, 0.1)
    means = {
        NATIVE: {f"drift_split.{kind}": zero for kind in drift_plot.KINDS},
        REFINED: {"drift_split.style": style, "drift_split.logic": zero},
        ALIGNED: {"ppl": style, "drift_split.style": Missing("no trace")},
    }
    rows = drift_plot.rows(means, {NATIVE: "RFT", REFINED: "Refined", ALIGNED: "SAR"})
    assert rows == [
        {"arm": "Refined", "kind": "logic", "value": 0.0, "low": 0.0, "high": 0.0},
        {"arm": "Refined", "kind": "style", "value": 1.5, "low": 1.4, "high": 1.7},
    ]


def test_the_picture_of_the_first_screen_is_of_sampled_answers_and_with_one_objective_of_both_decodings(
    numbers,
) -> None:
    panels = [
        f"quality-utility: {objective}, {decoding}"
        for objective in ("SFT", "DFT")
        for decoding in ("sampled", "greedy")
    ]
    pictures = {
        section.title: section.plots for section in outline.show(numbers, ["quality-utility", *panels]).sections
    }
    assert pictures["Quality against utility"] == ["quality-utility: SFT, sampled", "quality-utility: DFT, sampled"]
    assert pictures["What the verdicts go by"] == ["quality-utility: SFT, greedy", "quality-utility: DFT, greedy"]
    one = outline.show(numbers, ["quality-utility", *panels[:2]])
    assert {section.title: section.plots for section in one.sections}["Quality against utility"] == panels[:2]
    whole = outline.show(numbers, ["quality-utility"])
    assert {section.title: section.plots for section in whole.sections}["Quality against utility"] == [
        "quality-utility"
    ]


def test_a_name_stands_right_of_every_interval_near_its_point(numbers) -> None:
    rows = [row for row in quality_rows(numbers.tables) if row["panel"] == "SFT, sampled"]
    ends = quality_plot.frame(rows)
    for row in rows:
        assert row["name_from"] > row["q_high"]
        assert ends.left < row["q_low"] and row["name_from"] < ends.right
        assert ends.bottom < row["u_low"] and max(row["u_high"], row["name_at"]) < ends.top
