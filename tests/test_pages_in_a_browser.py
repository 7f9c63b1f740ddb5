"""The pages in headless Chromium: nothing asked of the network, none of axe's faults, fit for phone and keyboard."""

import itertools
import os
from pathlib import Path

import pytest
import toyreport

from qup import compare, report, study
from qup.arms import ALIGNED, main_names
from qup.compare import everything
from qup.measured import files
from tools import browser

ROOT = Path(__file__).parents[1]
SCREENS = list(itertools.product(("study", "index"), browser.WIDTHS, browser.SCHEMES))
QUICK = [("study", 1280, "light"), ("study", 390, "dark"), ("index", 390, "light")]
"The others are looked at with the slow tests: axe takes a second or two for each."
CSS = ROOT / "qup" / "report" / "page.css"
FIRST = ("what-to-train-on", "verdict", "quality-against-utility", "why-in-four-numbers")
"Places of the first screen."
FOLD = {1280: 1000, 390: 2 * browser.WIDTHS[390]}
"Where it ends at the latest, by the page's width: below it nothing need be read."


REQUIRED = "QUP_CHROMIUM"
"Set to `required`, as CI sets it, a missing Chromium is a failure; elsewhere these tests are skipped."


def there() -> None:
    """Skip the test where there is no Chromium, or let it fail where it must be there."""
    try:
        browser.chromium()
    except browser.NoBrowserError as error:
        (pytest.fail if os.environ.get(REQUIRED) == "required" else pytest.skip)(str(error))


@pytest.fixture(scope="module")
def chromium():
    there()
    with browser.browsing() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """A study's page with all that a page can have, and the page over all studies."""
    folder = tmp_path_factory.mktemp("pages")
    written = {"study": toyreport.controlled().build().html, "index": compare.html(everything(ROOT / "results"))}
    for name, text in written.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in written}


@pytest.mark.parametrize(("name", "width", "scheme"), QUICK)
def test_a_page_has_no_fault_on_desk_and_phone_in_light_and_dark(chromium, pages, name, width, scheme) -> None:
    with browser.opened(chromium, pages[name], width, scheme) as (page, asked):
        assert browser.faults(page, asked) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width", "scheme"), [each for each in SCREENS if each not in QUICK])
def test_a_page_has_no_fault_on_the_other_screens(chromium, pages, name, width, scheme) -> None:
    with browser.opened(chromium, pages[name], width, scheme) as (page, asked):
        assert browser.faults(page, asked) == []


@pytest.mark.parametrize("width", browser.WIDTHS)
@pytest.mark.parametrize("name", ["study", "index"])
def test_tab_comes_to_every_interactive_part_of_a_page(chromium, pages, name, width) -> None:
    with browser.opened(chromium, pages[name], width) as (page, _):
        assert browser.unreachable(page) == []


@pytest.mark.parametrize(("width", "height"), list(FOLD.items()))
def test_what_to_train_on_its_picture_and_why_stand_on_the_first_screen(chromium, pages, width, height) -> None:
    with browser.opened(chromium, pages["study"], width) as (page, _):
        ends = {place: page.locator(f"#{place}").bounding_box() for place in FIRST}
        assert {place: box["y"] + box["height"] < height for place, box in ends.items()} == dict.fromkeys(FIRST, True)
        assert page.locator("#quality-against-utility svg").first.is_visible()
        assert page.locator(".term").count() == 4


def test_a_definition_opens_by_keyboard(chromium, pages) -> None:
    with browser.opened(chromium, pages["study"]) as (page, _):
        definition = page.locator(".term details").first
        assert not definition.locator("p").is_visible()
        definition.locator("summary").focus()
        page.keyboard.press("Enter")
        assert definition.locator("p").is_visible()


def test_a_long_table_shows_its_first_rows_and_the_others_when_asked(chromium, pages) -> None:
    with browser.opened(chromium, pages["study"]) as (page, _):
        table = page.locator("section .table:has(.rows)").first
        rows = table.locator("tbody tr")
        assert sum(row.is_visible() for row in rows.all()) == 5 < rows.count()
        table.locator(".rows summary").click()
        assert all(row.is_visible() for row in rows.all())


def test_a_link_of_the_contents_opens_the_folded_section_it_leads_to(chromium, pages) -> None:
    with browser.opened(chromium, pages["study"]) as (page, _):
        methods = page.locator("#methods")
        assert not methods.is_visible()
        page.locator("nav a[href='#methods']").click()
        assert methods.is_visible()


HEAD = f"""<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width"><style>{CSS.read_text(encoding="utf-8")}</style>"""


def test_on_paper_what_is_folded_is_open_and_nothing_is_cut(chromium, pages) -> None:
    with browser.opened(chromium, pages["study"], 1280, "light") as (page, _):
        # The summary alone of the first rows of a long table is gone there: all rows are shown.
        folded = page.locator("details:not([open]):not(.rows) > :not(summary)")
        seen = "parts => parts.map(part => part.checkVisibility())"
        cut = """() => [...document.querySelectorAll("pre, .scroll")].filter(part =>
            getComputedStyle(part).overflow !== "visible").length"""
        assert folded.count() > 5
        assert not any(folded.evaluate_all(seen))
        assert page.evaluate(cut) > 0
        page.emulate_media(media="print")
        assert all(folded.evaluate_all(seen))
        assert page.evaluate(cut) == 0


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """The default study's page, from the arms that Git keeps."""
    arms, declared = ROOT / "results" / "glassbox" / "arms", study.read(ROOT / "studies" / "glassbox.yaml")
    main = [files.read_arm(arms / f"{name}.json") for name in main_names(["home"], ALIGNED)]
    built = report.build(declared, files.read_base(arms / "base.json"), main, files.read(arms / "further.json"))
    place = tmp_path_factory.mktemp("published") / "index.html"
    place.write_text(built.html, encoding="utf-8")
    return place


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), list(itertools.product(browser.WIDTHS, browser.SCHEMES)))
def test_the_page_of_the_default_study_has_no_fault(chromium, published, width, scheme) -> None:
    with browser.opened(chromium, published, width, scheme) as (page, asked):
        assert browser.faults(page, asked) == []
        assert browser.unreachable(page) == []
        box = page.locator(f"#{FIRST[-1]}").bounding_box()
        assert box["y"] + box["height"] < FOLD[width]


PLANTED = {
    "asks for https://example.com/": (browser.faults, "<img src='https://example.com/a.png' alt='a'>"),
    "pixels wide": (lambda page, _: browser.overflowing(page), "<div style='width:900px'>wide</div>"),
    "10.0 px": (lambda page, _: browser.small(page), "<p style='font-size:10px'>small</p>"),
    "6.0 px": (
        lambda page, _: browser.small(page),
        "<svg viewBox='0 0 200 20' width='100'><text y='15' font-size='12'>in a picture</text></svg>",
    ),
    "a lies on b": (
        lambda page, _: browser.colliding(page),
        "<svg width='50' height='30'><text y='20'>a</text><text x='1' y='21'>b</text></svg>",
    ),
    "color-contrast": (lambda page, _: browser.grave(page), "<style>p { color: #999 !important; }</style>"),
    "image-alt": (lambda page, _: browser.grave(page), "<img src='data:,'>"),
    "svg-img-alt": (lambda page, _: browser.grave(page), "<svg role='img' width='9' height='9'></svg>"),
    "Tab does not reach": (lambda page, _: browser.unreachable(page), "<button tabindex='-1'>lost</button>"),
}
"What a check says of a fault, and the fault, which is put into a page that has none."


@pytest.mark.parametrize("said", PLANTED)
def test_a_planted_fault_is_found(chromium, tmp_path, said) -> None:
    check, fault = PLANTED[said]
    sound = tmp_path / "sound.html"
    sound.write_text(f"{HEAD}<main><h1>A page</h1><p>Text.</p></main>", encoding="utf-8")
    with browser.opened(chromium, sound, 390) as (page, asked):
        assert check(page, asked) == []
    broken = tmp_path / "broken.html"
    broken.write_text(f"{HEAD}<main><h1>A page</h1><p>Text.</p>{fault}</main>", encoding="utf-8")
    with browser.opened(chromium, broken, 390) as (page, asked):
        assert any(said in each for each in check(page, asked)), said


def test_without_chromium_the_test_says_how_to_get_it_and_fails_where_it_must_be_there(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        there()
    monkeypatch.setenv(REQUIRED, "required")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        there()
