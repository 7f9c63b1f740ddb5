"""The explorer in a real browser: by keyboard, at the width of a phone, light and dark, and without scripts."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_pages_in_a_browser import there
from toyreport import ALIGNED, FACTORIAL, NATIVE, REFINED, RESTYLED, toy
from toytraces import NASTY, evidence, example

from qup.measured.examples import Question
from qup.report import explorer
from qup.report.outline import Contents, Part
from qup.report.page import TEMPLATE, render
from qup.report.sections import explorer as section
from tools import browser

SYNTHESIZED = "home/oracle_synthesized"
DRAFT = "1 + 1 = 2"
ASKED = [f"Question {i} {NASTY}".ljust(81, ".") + "😀 שלום" for i in range(3)]
"Their 80th character, spaces put together, is two of UTF-16."
TEXTS = {
    NATIVE: DRAFT,
    REFINED: f"Thus 1 + 1 = 3 {NASTY}",
    ALIGNED: "1 + 1 = 3",
    SYNTHESIZED: "It is 2, 好😀.",
    RESTYLED: "Clearly 1 + 1 = 2",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    there()
    with browser.browsing() as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A page of the explorer alone: three problems, of which each is more foreign than the one before."""
    asked = [Question(f"t{i:03}", text, "2") for i, text in enumerate(ASKED)]
    arms = {
        name: [
            example(
                each.problem, text, (i + 1) * (0.1 if name == NATIVE else 2.0), draft=DRAFT if text != DRAFT else None
            )
            for i, each in enumerate(asked)
        ]
        for name, text in TEXTS.items()
    }
    arms[REFINED][1] = dataclasses.replace(example("t001", None), verdict="wrong")
    shown = explorer.numbers(evidence(arms, asked, toy(FACTORIAL | {SYNTHESIZED: (1.0, 0.1, 1.5)})))
    path = tmp_path_factory.mktemp("page") / "index.html"
    contents = Contents([], [Part("To read", [section.show(shown)])])
    path.write_text(render(TEMPLATE, {}, title="Traces", lead="A page.", contents=contents), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium, file) -> Iterator[Any]:
    """The page, opened; whatever it asks for besides itself, says as an error or pops up fails the test."""
    faults: list[str] = []
    with browser.opened(chromium, file) as (opened, asked):
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on("dialog", lambda dialog: faults.append(dialog.message))
        # Again, so that what it says at its start is heard.
        opened.reload()
        yield opened
    assert [*asked, *faults] == []


def press_until(page: Any, name: str) -> None:
    """Go by the tabulator key to what has this id."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == name:
            return
    raise AssertionError(f"no way to {name} by keyboard")


def texts(page: Any, selector: str) -> list[str]:
    return page.locator(selector).all_text_contents()


def test_a_problem_is_chosen_by_keyboard_and_its_five_streams_stand_side_by_side(page) -> None:
    assert "Problem 1 of 3" in page.inner_text("#explorer-chosen")
    press_until(page, "explorer-problem")
    assert page.evaluate("document.activeElement.matches(':focus-visible')")
    page.keyboard.press("ArrowDown")
    assert "Problem 2 of 3" in page.inner_text("#explorer-chosen")
    page.keyboard.press("ArrowDown")
    assert texts(page, "#explorer-question") == [ASKED[2]]
    assert texts(page, ".streams h3") == ["RFT", "Refined", "SAR", "Synthesized", "Restyled"]
    tops = {box["y"] for article in page.locator(".streams article").all() if (box := article.bounding_box())}
    assert len(tops) == 1
    # What a trace says stands there to the letter, its end apart; what was taken away is there and not seen.
    assert texts(page, ".streams article:nth-of-type(4) .trace > :not(del)")[-1] == "⏎"
    whole = "[...document.querySelectorAll('.trace')].map((box) => { const own = box.cloneNode(true);"
    whole += "own.querySelectorAll('del, .end').forEach((node) => node.remove()); return own.textContent; })"
    assert page.evaluate(whole) == list(TEXTS.values())


def test_previous_and_next_stop_at_the_ends(page) -> None:
    for name, expected in (("previous", 1), ("next", 2), ("next", 3), ("next", 3), ("previous", 2)):
        page.focus(f"#explorer-{name}")
        page.keyboard.press("Enter")
        assert f"Problem {expected} of 3" in page.inner_text("#explorer-chosen")


def test_tokens_are_shaded_and_read_out_by_arrow_keys(page) -> None:
    colours = "[...document.querySelectorAll('.s1, .s8')].map((node) => getComputedStyle(node).backgroundColor)"
    # At 0.1 nats no shade; at 2 nats a third of the full one.
    assert set(page.locator(".trace").nth(0).locator("span").evaluate_all("a => a.map(n => n.className)")) == {
        "s0",
        "s0 end",
    }
    assert page.locator(".trace").nth(2).locator("span").first.get_attribute("class") == "s2"
    assert len(set(page.evaluate(colours))) == 2
    page.locator(".trace").nth(2).focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#explorer-token") == "“3”: 2.00 nats, edit of logic"
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#explorer-token") == "“ ”: 2.00 nats"
    page.uncheck("#explorer-surprisal")
    shade = "getComputedStyle(document.querySelector('.trace .s2')).backgroundColor"
    assert page.evaluate(shade) == "rgba(0, 0, 0, 0)"


def test_edits_are_told_by_more_than_colour(page) -> None:
    lines = "name => getComputedStyle(document.querySelector(name)).textDecorationStyle"
    assert page.evaluate(lines, ".trace ins.logic") == "solid"
    assert page.evaluate(lines, ".trace ins.style") == "dotted"
    assert texts(page, ".streams article:nth-of-type(3) .trace ins") == ["3"]
    assert not page.locator(".trace del").first.is_visible()
    page.check("#explorer-removed")
    assert page.locator(".trace del").first.is_visible()


def test_problems_are_ordered_by_what_became_of_a_stream(page) -> None:
    page.select_option("#explorer-stream", label="SAR")
    page.select_option("#explorer-order", "foreign")
    assert [text.split(": ")[0] for text in texts(page, "#explorer-problem option")] == [
        "1. 6.00 nats a token",
        "2. 4.00 nats a token",
        "3. 2.00 nats a token",
    ]
    page.select_option("#explorer-order", "failed")
    assert "None of the 3 problems" in page.inner_text("#explorer-chosen")
    page.select_option("#explorer-stream", label="Refined")
    assert len(texts(page, "#explorer-problem option")) == 1
    assert "No trace: failed." in page.inner_text(".streams")


def test_a_question_is_shortened_between_characters(page) -> None:
    assert all(text.endswith(".😀") for text in texts(page, "#explorer-problem option"))


def test_what_is_written_from_right_to_left_begins_at_the_right(page) -> None:
    # As the first letter has it; what is there begins with Latin ones.
    directions = "nodes => nodes.map(node => { node.textContent = 'שלום 1'; return getComputedStyle(node).direction; })"
    assert set(page.locator("#explorer-question, .trace").evaluate_all(directions)) == {"rtl"}


@pytest.mark.parametrize("scheme", browser.SCHEMES)
@pytest.mark.parametrize("width", browser.WIDTHS)
def test_the_explorer_has_no_fault_on_desk_and_phone_in_light_and_dark(chromium, file, width, scheme) -> None:
    with browser.opened(chromium, file, width, scheme) as (page, asked):
        page.check("#explorer-removed")
        # The darkest shade, beneath the mark of an end too: one letter, at whose contrast axe does not look.
        page.select_option("#explorer-order", "foreign")
        colours = "nodes => nodes.map(node => getComputedStyle(node).color)"
        ends = page.locator(".s8.end").evaluate_all(colours)
        assert len(ends) == len(TEXTS) - 1
        assert set(ends) == set(page.locator("body").evaluate_all(colours))
        assert [*browser.faults(page, asked), *browser.unreachable(page)] == []


def test_without_scripts_there_is_a_note_in_place_of_the_explorer(chromium, file) -> None:
    context = chromium.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(file.as_uri())
    assert "allow scripts" in opened.inner_text("body")
    assert not opened.locator("#explorer").is_visible()
    context.close()
