"""The README's tables come from the reports, and params.yaml is checked before DVC runs."""

from pathlib import Path

import pytest

from qup.errors import SettingsError
from stages import check, readme

REPORT = """# A study

Two arms.

## Verdict

**Not resolved**

- SAR - Refined: 0.0

## Oracle home

| arm | U |
| --- | --- |
| RFT | 1.0 |

![plot](plot.svg)

## Methods

- left out
"""


def test_the_readme_shows_verdict_and_tables_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    page, study = tmp_path / "README.md", Path(__file__).parents[1] / "studies" / "smoke.yaml"
    page.write_text("before\n<!-- results:smoke -->\nold\n<!-- /results:smoke -->\nafter\n", encoding="utf-8")
    (tmp_path / "report.md").write_text(REPORT, encoding="utf-8")
    readme.main(["--study", str(study), "--report", str(tmp_path), "--readme", str(page)])
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- results:smoke -->\n\n### A study\n")
    assert text.endswith("<!-- /results:smoke -->\nafter\n")
    assert "#### Verdict" in text
    assert "| RFT | 1.0 |" in text
    assert not any(word in text for word in ("old", "left out", "plot.svg"))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("study: smok\nrefiner: style_aligned\nsecond_oracle: ''\n", "did you mean 'smoke'"),
        ("study: smoke\nrefiner: stile_aligned\nsecond_oracle: ''\n", "did you mean 'style_aligned'"),
        ("study: smoke\nrefiner: style_aligned\nsecond_oracle: -voised\n", "did you mean 'voiced'"),
        ("study: smoke\nrefine: style_aligned\nsecond_oracle: ''\n", "did you mean 'refiner'"),
        ("study: smoke\nrefiner: style_aligned\n", "needs 'second_oracle'"),
    ],
)
def test_a_wrong_word_in_params_is_one_error_before_anything_runs(tmp_path: Path, written: str, said: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(written, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        check.main(["--params", str(file), "--studies", str(Path(__file__).parents[1] / "studies")])
