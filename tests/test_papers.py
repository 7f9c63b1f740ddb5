"""The page of papers and the files that cite papers say the same."""

import ast
import re
from pathlib import Path

import pytest

from qup import settings

ROOT = Path(__file__).resolve().parents[1]
PAPER = re.compile(r"\b\d{4}\.\d{5}\b")
ROWS = [line for line in (ROOT / "docs/papers.md").read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
PLUGS = [f"qup/{room}/{name}.py" for room in settings.ROOMS for name in settings.names(room)]
"Files that add one thing; a backend may be a folder."


def cited(file: Path) -> set[str]:
    """The papers that a module's docstring names."""
    return set(PAPER.findall(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""))


def told() -> set[tuple[str, str]]:
    """(Paper, file) of each row of the page."""
    rows = [(row.split("|")[1], re.findall(r"`(qup/[\w/]+\.py)`", row)) for row in ROWS]
    return {(paper, file) for title, files in rows for paper in PAPER.findall(title) for file in files}


@pytest.mark.parametrize("plug", [plug for plug in PLUGS if (ROOT / plug).is_file()])
def test_a_plug_that_cites_a_paper_stands_in_the_page_of_papers(plug: str) -> None:
    assert {(paper, plug) for paper in cited(ROOT / plug)} <= told()


@pytest.mark.parametrize(("paper", "file"), sorted(told()))
def test_a_row_of_the_page_is_cited_where_it_says(paper: str, file: str) -> None:
    assert paper in cited(ROOT / file)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_what_was_checked_and_a_paper_is_linked_by_its_own_number(row: str) -> None:
    _, title, *_, checked, _ = row.split("|")
    number, link = re.findall(PAPER, title)[:2]
    assert number == link and checked.strip()
