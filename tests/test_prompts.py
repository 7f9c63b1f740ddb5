"""Prompt files: their fields are filled in, and a file that cannot be is one line."""

from pathlib import Path

import pytest

from qup.errors import SettingsError
from qup.prompts import render


def test_fields_are_filled_in_and_what_is_filled_in_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("Q: $question\nIn $$, please.\n", encoding="utf-8")
    assert render(tmp_path, "mine", {"question": "$5 + $x?"}) == "Q: $5 + $x?\nIn $, please."


@pytest.mark.parametrize("text", ["$problem", "for $5: $question", "ends in $"])
def test_a_prompt_with_another_field_or_a_bare_dollar_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"mine\.txt: .*: it may have \$question; a dollar is \$\$$") as refused:
        render(tmp_path, "mine", {"question": ""})
    assert "\n" not in str(refused.value)
