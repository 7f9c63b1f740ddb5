"""The glass box's Oracle: every dial does what it says and nothing else."""

import pytest
from toyglassbox import MIXED, PROBLEM, PUZZLE, QUESTION, SAID, WRONG

from qup import settings as study_settings
from qup.errors import SettingsError
from qup.glassbox import grammar
from qup.glassbox.derivation import derive, erring, right_steps
from qup.glassbox.style import NATIVE, ORACLE, STYLES, TWIN
from qup.oracles import Reply
from qup.oracles.program import Oracle
from qup.records import Problem


def test_a_repair_that_keeps_the_style_changes_logic_only() -> None:
    for style in STYLES:
        draft = grammar.render(derive(PUZZLE, erring({0: 9})).wholly(style))
        assert said(Oracle().repair([PROBLEM], [draft], True, 0)) == SAID[style]
        assert said(Oracle().repair([PROBLEM], [SAID[style]], True, 0)) == SAID[style]
    assert said(Oracle().repair([PROBLEM], [MIXED], True, 0)) == (
        r"d is + b 7 4 makes 11 d11 | as - d 11 e 3 gives 8 for a8 . so \boxed{ 8 }"
    )


def test_a_repair_leaves_right_steps_as_they_are_wherever_they_stand() -> None:
    # The first step is left out and the second, though it comes first, keeps its style.
    draft = r"as - d 11 e 3 gives 8 for a8 . so \boxed{ 8 }"
    assert said(Oracle().repair([PROBLEM], [draft], True, 0)) == (
        r"as + b 7 4 gives 11 for d11 . as - d 11 e 3 gives 8 for a8 . so \boxed{ 8 }"
    )
    # The second step is left out, so its style is that of the closing.
    draft = r"d : + b 7 4 = 11 d11 ; hence \boxed{ 11 }"
    assert said(Oracle().repair([PROBLEM], [draft], True, 0)) == (
        r"d : + b 7 4 = 11 d11 ; a is - d 11 e 3 makes 8 a8 | hence \boxed{ 8 }"
    )


def test_a_repair_in_the_oracles_style_changes_both() -> None:
    for style in STYLES:
        assert said(Oracle(style=style).repair([PROBLEM], [WRONG], False, 0)) == SAID[style]


def test_a_restyle_changes_style_only() -> None:
    for style in STYLES:
        assert said(Oracle(style=style).restyle([PROBLEM], [SAID[NATIVE]], 0)) == SAID[style]
    restyled = grammar.parse(said(Oracle().restyle([PROBLEM], [WRONG], 0)))
    assert restyled is not None
    assert (restyled.answer, restyled.dose, right_steps(restyled, PUZZLE)) == (6, 1.0, [False, True])


def test_an_oracle_at_dose_zero_keeps_the_drafts_style_and_writes_natively() -> None:
    oracle = Oracle(dose=0.0, fillers=2)
    assert said(oracle.repair([PROBLEM], [WRONG], False, 0)) == SAID[NATIVE]
    for text in (WRONG, MIXED, SAID[ORACLE]):
        assert said(oracle.restyle([PROBLEM], [text], 0)) == text
    assert said(oracle.solve([PROBLEM], 0)) == SAID[NATIVE]


def test_the_dose_is_the_share_of_traces_in_the_oracles_style() -> None:
    problems = [Problem(f"p{i}", QUESTION, "8", "glassbox") for i in range(400)]
    texts = {d: [r.text for r in Oracle(dose=d).restyle(problems, [SAID[TWIN]] * 400, 0)] for d in (0.3, 0.6)}
    assert all(text in (SAID[TWIN], SAID[ORACLE]) for text in texts[0.3])
    assert texts[0.3].count(SAID[ORACLE]) / 400 == pytest.approx(0.3, abs=0.06)
    # A higher dose takes the traces of a lower one and more.
    pairs = list(zip(texts[0.3], texts[0.6], strict=True))
    assert all(high == SAID[ORACLE] for low, high in pairs if low == SAID[ORACLE])
    assert texts[0.6].count(SAID[ORACLE]) / 400 == pytest.approx(0.6, abs=0.06)


def test_an_oracle_that_repairs_nothing_leaves_the_error() -> None:
    idle = Oracle(repair_rate=0.0)
    assert said(idle.repair([PROBLEM], [WRONG], True, 0)) == WRONG
    assert said(idle.repair([PROBLEM], [WRONG], False, 0)) == said(idle.restyle([PROBLEM], [WRONG], 0))


def test_a_draft_that_cannot_be_read_is_written_anew_or_left() -> None:
    assert said(Oracle().repair([PROBLEM], ["so so"], True, 0)) == SAID[NATIVE]
    assert said(Oracle().repair([PROBLEM], ["so so"], False, 0)) == SAID[ORACLE]
    assert said(Oracle().restyle([PROBLEM], ["so so"], 0)) == "so so"
    assert said(Oracle(repair_rate=0.0).repair([PROBLEM], ["so so"], True, 0)) == "so so"


@pytest.mark.parametrize("style", STYLES)
def test_a_wordy_oracle_says_the_same(style: str) -> None:
    wordy = said(Oracle(style=style, fillers=4).solve([PROBLEM], 0))
    assert wordy.startswith("clearly indeed now clearly ")
    assert len(wordy.split()) == len(SAID[style].split()) + 2 * 4
    assert grammar.parse(wordy) == grammar.parse(SAID[style])


def test_repairs_come_at_the_set_rate() -> None:
    problems = [Problem(f"p{i}", QUESTION, "8", "glassbox") for i in range(400)]
    replies = Oracle(repair_rate=0.3).repair(problems, [WRONG] * 400, True, 0)
    assert 0.2 < sum(r.text == SAID[NATIVE] for r in replies) / 400 < 0.4


def test_an_oracle_in_no_style_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^style: unknown style 'twins': did you mean 'twin'"):
        study_settings.read(Oracle, {"style": "twins"})


def said(replies: list[Reply]) -> str:
    """The one reply's text."""
    (reply,) = replies
    return reply.text
