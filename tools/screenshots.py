"""Pictures of the published pages, as a desk and a phone show them in light and dark, to be looked at.

python tools/screenshots.py FOLDER [PAGE...]: of these pages, or of every study below results/ and the index.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from tools import browser

RESULTS = Path(__file__).parents[1] / "results"
TALLEST = 4000
"Pixels of one picture: browsers draw no taller ones well, so that a long page comes in pieces."


def pages() -> dict[str, Path]:
    """The published pages by their names."""
    studies = {page.parents[1].name: page for page in sorted(RESULTS.glob("*/report/index.html"))}
    return {"index": RESULTS / "index.html"} | studies


def pieces(height: int) -> Iterator[tuple[int, int]]:
    """Where each picture of a page begins, and its height."""
    for top in range(0, height, TALLEST):
        yield top, min(TALLEST, height - top)


def shoot(page: Any, folder: Path, name: str, width: int) -> list[Path]:
    """The pictures of an opened page, top to bottom."""
    drawn = []
    for at, (top, high) in enumerate(pieces(page.evaluate("() => document.documentElement.scrollHeight"))):
        path = folder / f"{name}{f'-{at + 1}' if at else ''}.png"
        page.screenshot(path=str(path), full_page=True, clip={"x": 0, "y": top, "width": width, "height": high})
        drawn.append(path)
    return drawn


def main(argv: Sequence[str]) -> None:
    """Write the pictures and name them."""
    if not argv:
        sys.exit(f"no folder given: {__doc__}")
    folder, given = Path(argv[0]), [Path(each) for each in argv[1:]]
    folder.mkdir(parents=True, exist_ok=True)
    shown = {page.parents[1].name if page.parent.name == "report" else page.stem: page for page in given} or pages()
    with browser.browsing() as chromium:
        for name, path in shown.items():
            for width, scheme in itertools.product(browser.WIDTHS, browser.SCHEMES):
                with browser.opened(chromium, path, width, scheme) as (page, _):
                    for drawn in shoot(page, folder, f"{name}-{width}-{scheme}", width):
                        print(drawn)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except browser.NoBrowserError as error:
        sys.exit(str(error))
