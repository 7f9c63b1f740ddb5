"""A page in a real browser: what is wrong with it, in words.

Each check returns a list of faults, empty of a page that has none; `faults` makes all but that of the keyboard.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    # A container has little shared memory, and a tall picture needs much.
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTHS = {1280: 900, 390: 844}
"Of a desk and of a phone, with their heights, pixels."
SCHEMES = ("light", "dark")
SMALLEST = 12
"Pixels of the smallest letter."
GRAVE = ("serious", "critical")
INTERACTIVE = "a[href], button, input, select, textarea, summary, [tabindex='0']"
SMALL = """
least => [...document.querySelectorAll('body *')]
  .filter(e => !['SCRIPT', 'STYLE', 'TITLE', 'DESC'].includes(e.tagName.toUpperCase()))
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .map(e => [parseFloat(getComputedStyle(e).fontSize) * (e.ownerSVGElement ? e.getScreenCTM().a : 1), e.textContent])
  .filter(([size]) => size > 0 && size < least - 0.05)
  .map(([size, text]) => `${size.toFixed(1)} px: ${text.trim().slice(0, 40)}`)
"""
COLLIDING = """
() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const seen = [...svg.querySelectorAll('text')].filter(e => getComputedStyle(e).opacity > 0);
  const boxes = seen.map(e => [e.getBoundingClientRect(), e.textContent.trim()])
    .filter(([box, text]) => text && box.width);
  return boxes.flatMap(([a, first], i) => boxes.slice(i + 1)
    .filter(([b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
    .map(([_, second]) => `${first} lies on ${second}`));
})
"""
PARTS = """
selector => {
  document.addEventListener('focusin', event => { event.target.dataset.reached = 1; });
  return [...document.querySelectorAll(selector)].filter(e => e.checkVisibility()).map((e, at) => {
    e.dataset.tabbed = at;
    return `${e.tagName.toLowerCase()} ${e.getAttribute('aria-label') ?? e.textContent.trim().slice(0, 40)}`;
  });
}
"""
REACHED = "() => [...document.querySelectorAll('[data-reached]')].map(e => e.dataset.tabbed)"


class NoBrowserError(Exception):
    """There is no Chromium here; the message says how to get it."""


def chromium() -> str:
    """Where Chromium is.

    Raises:
        NoBrowserError: nowhere.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise NoBrowserError("no Chromium here: install it (Debian, Ubuntu: apt-get install chromium) to look at the pages")


@contextmanager
def browsing() -> Iterator[Any]:
    """A browser that is closed again."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, path: Path, width: int = 1280, scheme: str = "light") -> Iterator[tuple[Any, list[str]]]:
    """A page, and the requests that it makes of anything but its own file: none of them is let through."""
    asked: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, color_scheme=scheme)

    def answer(route: Any) -> None:
        if route.request.url.partition("#")[0] == path.resolve().as_uri():
            route.continue_()
        else:
            asked.append(f"asks for {route.request.url}")
            route.abort()

    context.route("**/*", answer)
    page = context.new_page()
    try:
        page.goto(path.resolve().as_uri())
        yield page, asked
    finally:
        context.close()


def faults(page: Any, asked: list[str]) -> list[str]:
    """All that is wrong with an opened page to the eye."""
    return [*asked, *overflowing(page), *small(page), *colliding(page), *grave(page)]


def grave(page: Any) -> list[str]:
    """What axe-core finds serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"axe, {each['impact']}: {each['id']} at {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in GRAVE
    ]


def overflowing(page: Any) -> list[str]:
    """Whether the page as a whole is scrolled sideways."""
    wide, seen = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    return [f"{wide} pixels wide in a window of {seen}"] if wide > seen else []


def small(page: Any) -> list[str]:
    """Letters below `SMALLEST` as they are on the screen, those in pictures too."""
    found: list[str] = page.evaluate(SMALL, SMALLEST)
    return found


def colliding(page: Any) -> list[str]:
    """Labels of a picture that lie on each other."""
    found: list[str] = page.evaluate(COLLIDING)
    return found


def unreachable(page: Any) -> list[str]:
    """Interactive parts that Tab does not come to."""
    parts: list[str] = page.evaluate(PARTS, INTERACTIVE)
    for _ in range(len(parts) + 5):
        page.keyboard.press("Tab")
    reached = set(page.evaluate(REACHED))
    return [f"Tab does not reach: {part}" for at, part in enumerate(parts) if str(at) not in reached]
