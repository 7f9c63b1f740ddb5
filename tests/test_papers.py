"""The page of papers and the files that cite papers say the same."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from qup import settings
from qup.study import Study

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


CODES = [(row, code) for row in ROWS for code in re.findall(r"`([^`]*: [^`]*)`", row.split("|")[3])]


def studied(given: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """A study with what a cell of settings says: of an arm, of a section by its name, of training, or of metrics."""
    if {"refiner", "scope"} & set(said):
        return given | {"arms": {"it": {"oracle": "home", "refiner": "masked", **said}}, "controls": {}}
    section = "training" if "objectives" in said else "compat"
    parts = said if set(said) <= set(given) else {section: said}
    return given | {name: given[name] | own for name, own in parts.items()}


@pytest.mark.parametrize(("row", "code"), CODES, ids=[code for _, code in CODES])
def test_the_settings_of_a_row_can_be_written_into_a_study(row: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "cell.yaml").write_text(f"{{{code}}}", encoding="utf-8")
    given = settings.read_yaml(ROOT / "studies" / "smoke.yaml")
    given["models"]["prm"] = given["models"]["reward_model"]
    settings.read(Study, studied(given, settings.read_yaml(tmp_path / "cell.yaml")))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_what_was_checked_and_a_paper_is_linked_by_its_own_number(row: str) -> None:
    _, title, *_, checked, _ = row.split("|")
    number, link = re.findall(PAPER, title)[:2]
    assert number == link and checked.strip()
