"""The README's verdicts come from the reports, its length has a limit, and its commands and files exist."""

import json
import re
from pathlib import Path

import pytest
from pages import blocks
from typer.testing import CliRunner

from qup import templates
from qup.__main__ import app
from qup.errors import SettingsError
from tools import readme

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("study", "told"),
    [
        ("glassbox", ["**[Toy](", "- SFT, Oracle home: Not resolved. RFT - Refined: 0.\n"]),
        ("toy", ["- [Toy](", ": SFT, Oracle home: Not resolved.\n"]),
    ],
)
def test_the_readme_tells_the_default_study_whole_and_others_by_their_headlines(
    study: str, told: list[str], tmp_path: Path
) -> None:
    page, report = tmp_path / "README.md", tmp_path / "results" / study / "report" / "report.json"
    page.write_text("before\n<!-- verdicts -->\nold\n<!-- /verdicts -->\nafter\n", encoding="utf-8")
    verdict = {
        "objective": "sft",
        "oracle": "home",
        "headline": "Not resolved.",
        "sentences": ["a", "RFT - Refined: 0."],
    }
    report.parent.mkdir(parents=True)
    summary = {"study": {"title": "Toy"}, "verdicts": [verdict], "premises": {}}
    report.write_text(json.dumps(summary), encoding="utf-8")
    readme.main(page, tmp_path / "results")
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n<!-- verdicts -->\n\n{told[0]}")
    assert told[1] in text
    assert ("RFT - Refined" in text) == (study == "glassbox")
    assert text.endswith("<!-- /verdicts -->\nafter\n")
    assert "old" not in text


def test_a_report_that_knows_no_replicates_names_no_winner() -> None:
    summary = {"study": {"title": "Toy"}, "verdicts": [{"headline": "RFT trains the better learner."}]}
    said = readme.verdicts(Path("results/toy/report/report.json"), summary, whole=False)
    assert "not replicated" in said
    assert "better" not in said


def test_the_verdicts_in_the_readme_are_those_of_the_reports(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        readme.main(tmp_path / "README.md", Path("results"))
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == README, "run `make readme`"


def test_three_lines_lead_from_a_clone_to_the_verdict_and_they_are_those_that_a_test_pastes() -> None:
    readme, hour = (
        next(block for block in blocks(page) if block.language == "sh")
        for page in (ROOT / "README.md", ROOT / "docs" / "first-hour.md")
    )
    assert readme.text.splitlines() == ["git clone <address of this repository> qup", "cd qup", "make repro"]
    assert readme.text == hour.text


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_every_link_to_a_file_of_ours_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_tree_in_the_readme_names_every_room() -> None:
    tree = README.partition("## The tree")[2].partition("## Adding")[0]
    rooms = {path.stem for path in (ROOT / "qup").iterdir() if path.suffix in ("", ".py") and path.stem != "__init__"}
    assert {room for room in rooms - {"__pycache__"} if not re.search(rf"\b{room}\b", tree)} == set()


def test_what_is_listed_of_a_kind_is_every_file_with_what_it_is() -> None:
    shown = CliRunner().invoke(app, ["list", "refiners"])
    assert shown.exit_code == 0
    assert re.search(r"^rejection_sampling +Rejection sampling \(RFT, 2308\.01825\)", shown.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("benchmarks", r"^gsm8k_platinum +GSM8K's test split, read again"),
        ("templates", r"^deepseek_math +DeepSeekMath's format"),
        ("studies", r"^smoke +Smoke test"),
    ],
)
def test_what_is_no_plug_is_listed_too(kind: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = CliRunner().invoke(app, ["list", kind])
    assert shown.exit_code == 0
    assert re.search(said, shown.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", templates.names())
def test_a_template_says_what_it_is(name: str) -> None:
    assert templates.summary(name)


def test_a_kind_that_does_not_exist_names_the_near_one() -> None:
    failed = CliRunner().invoke(app, ["list", "refinerz"])
    assert isinstance(failed.exception, SettingsError)
    assert "did you mean 'refiners'" in str(failed.exception)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("study: smok\nrefiner: style_aligned\noracles: [home]\n", "did you mean 'smoke'"),
        ("study: smoke\nrefiner: stile_aligned\noracles: [home]\n", "did you mean 'style_aligned'"),
        ("study: smoke\nrefiner: style_aligned\noracles: [home, voised]\n", "did you mean 'voiced'"),
        ("study: smoke\nrefine: style_aligned\noracles: [home]\n", "did you mean 'refiner'"),
        ("study: smoke\nrefiner: style_aligned\n", "needs 'oracles'"),
    ],
)
def test_a_wrong_word_in_params_is_one_error_before_anything_runs(
    tmp_path: Path, written: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    file = tmp_path / "params.yaml"
    file.write_text(written, encoding="utf-8")
    failed = CliRunner().invoke(app, ["check", "--params", str(file)])
    assert isinstance(failed.exception, SettingsError)
    assert said in str(failed.exception)


def test_the_verdict_of_a_published_study_is_shown_in_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = CliRunner().invoke(app, ["show", "glassbox"])
    assert shown.exit_code == 0
    assert "SFT, Oracle" in shown.stdout
