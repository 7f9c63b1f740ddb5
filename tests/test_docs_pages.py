"""What the written pages say of the code and of results: their numbers are copied, and what they name is there."""

import re
from pathlib import Path

import pytest

from qup.settings import read_yaml
from tools import reading

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
REPORT = (DOCS / "report.md").read_text(encoding="utf-8")
PAGES = sorted(DOCS.glob("*.md"))


def test_the_numbers_of_the_default_study_are_those_of_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "report.md").write_text(re.sub(r"\| (\d\S*) \|", "| 1 |", REPORT), encoding="utf-8")
    reading.main(tmp_path / "report.md", "glassbox")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == REPORT, "run `make reading`"


def test_a_number_without_a_meaning_is_told() -> None:
    with pytest.raises(SystemExit, match=r"surprise of .* has no meaning"):
        reading.table({"surprise": 1.0})
    meant = reading.MEANING["accuracy_rft"]
    assert f"| `accuracy_rft_sft` | 60.5 | {meant}, SFT |" in reading.table({"accuracy_rft_sft": 60.5})


def test_every_section_of_a_report_is_explained_and_no_other() -> None:
    page = (ROOT / "results" / "glassbox" / "report" / "report.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| \*\*(.+?)\*\* \|", REPORT, flags=re.MULTILINE))
    # As it was published, and as the code has them; a page of an earlier version has all pictures in one section.
    assert set(re.findall(r"^## (.+)$", page, flags=re.MULTILINE)) - explained <= {"Plots"}, (
        "explain it in docs/report.md"
    )
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "qup" / "report").rglob("*.py"))
    assert {title for title in explained - {"Oracle home"} if f'"{title}"' not in code} == set()


def test_every_study_is_told_of() -> None:
    page = (DOCS / "studies.md").read_text(encoding="utf-8")
    assert {path.stem for path in (ROOT / "studies").glob("*.yaml")} - set(re.findall(r"`([\w.-]+)`", page)) == set()


def test_every_stage_is_told_of() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    stages = {name.removesuffix("-native") for name in read_yaml(ROOT / "dvc.yaml")["stages"]}
    # The check reads no datum; samples are scored as traces are.
    assert stages - {"check", "reward-samples"} - set(re.findall(r"`([\w-]+)`", page)) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(r"`((?:qup|stages|tests|tools|bench|docs)/[\w./-]*\w)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
