"""Restyles: what they change, and what they must not: numbers, the values of equations, the final answer."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qup import graders, restyles
from qup.answers import extract
from qup.glassbox import SOURCE, grammar
from qup.glassbox.corpus import Chains
from qup.glassbox.derivation import derive
from qup.glassbox.style import NATIVE, ORACLE, STYLES, TWIN
from qup.records import Finish, Problem, Trace, Verdict

TEXT = "First we add.\nThen 2 * 3 = 6\nso 6 \\times 2 = 12\n\n\\boxed{12}"
SUM = Problem("p", "2*3*2=?", "12", "toy")

CHANGED = {
    "flat": "First we add. Then 2 * 3 = 6 so 6 \\times 2 = 12 \\boxed{12}",
    "airy": "First we add.\n\nThen 2 * 3 = 6\n\nso 6 \\times 2 = 12\n\n\\boxed{12}",
    "bulleted": "• First we add.\n• Then 2 * 3 = 6\n• so 6 \\times 2 = 12\n\n• \\boxed{12}",
    "dotted": "First we add.\nThen 2 × 3 = 6\nso 6 \\cdot 2 = 12\n\n\\boxed{12}",
    "tight": "First we add.\nThen 2 * 3=6\nso 6 \\times 2=12\n\n\\boxed{12}",
    "recased": "first we add.\nthen 2 * 3 = 6\nSo 6 \\times 2 = 12\n\n\\boxed{12}",
}


@pytest.mark.parametrize("name", restyles.RESTYLES)
def test_a_restyle_changes_what_its_name_says_and_nothing_else(name: str) -> None:
    assert restyles.RESTYLES[name](TEXT) == CHANGED[name]


LINES = st.lists(
    st.one_of(
        st.builds(
            "{} {} {} = {}".format,
            st.integers(-99, 999),
            st.sampled_from(["*", "+", "-", r"\times"]),
            *[st.integers(-9, 99)] * 2,
        ),
        st.sampled_from(
            ["Then", "So we have", "- 3 apples", "* item", "x = -5", r"\[", "```", "", "| 3 | 4 |", "Hence, 1,000.50"]
        ),
        st.text(alphabet="so 12.,=*-\n\\{}$", max_size=20),
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(lines=LINES, answer=st.sampled_from(["12", "-3", r"2 \times 6", "3/4", "x = 12", r"\frac{1}{2}", "7, 8"]))
def test_no_restyle_changes_a_number_or_the_final_answer(lines: list[str], answer: str) -> None:
    text = "\n".join([*lines, rf"So the answer is \boxed{{{answer}}}"])
    for name, new in restyles.of(SUM, text).items():
        assert re.findall(r"\d+", new) == re.findall(r"\d+", text), name
        # Of a line's own sign nothing is made a sign, and of a sign nothing else.
        before, after = extract(text), extract(new)
        gold = Problem("p", "?", before or "", "toy")
        assert before == after or graders.verdicts([gold], [new], [False]) == [Verdict.CORRECT], name


def test_a_line_that_may_begin_with_a_sign_is_not_joined_to_the_one_before() -> None:
    assert "flat" not in restyles.of(SUM, "we have 5\n- 3\n\\boxed{2}")
    assert "flat" in restyles.of(SUM, "we have 5\nand 3\n\\boxed{2}")


def test_what_would_change_a_number_is_no_restyle(monkeypatch: pytest.MonkeyPatch) -> None:
    # The planted fault: a restyle that rounds.
    monkeypatch.setattr(restyles, "RESTYLES", {"rounding": lambda text: text.replace("12", "10")})
    assert restyles.of(SUM, TEXT) == {}


@pytest.mark.parametrize("style", STYLES)
def test_a_trace_of_the_glass_box_has_the_same_derivation_in_the_twin_style(style: str) -> None:
    for seed in range(20):
        puzzle = Chains(1, 6).draw(random.Random(seed))
        derivation = derive(puzzle).wholly(style)
        text = grammar.render(derivation)
        made = restyles.of(Problem("g", puzzle.question(), "5", SOURCE), text)
        assert list(made) == ["twin"]
        read = grammar.parse(made["twin"])
        assert read is not None
        assert read.wholly(ORACLE) == derivation.wholly(ORACLE)
        assert read.shares[NATIVE if style == TWIN else TWIN] == 1


def test_what_is_not_of_the_grammar_has_no_restyle_in_the_glass_box() -> None:
    assert restyles.of(Problem("g", "?", "5", SOURCE), "so so\n= 3") == {}


def test_of_each_of_the_first_problems_the_first_sample_that_ended_is_restyled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restyles, "BOUND", 2)
    problems = [Problem(name, "?", "5", "toy") for name in "abc"]
    cut = Trace("a", 0, "x = 4", 5, Finish.LENGTH, None, Verdict.TRUNCATED)
    samples = [cut, *(Trace(p, i, f"x = {i}", 5, Finish.STOP, None, Verdict.WRONG) for p in "abc" for i in (1, 2))]
    made = restyles.chosen(problems, samples)
    assert [(t.problem_id, t.index, text) for t, name, text in made if name == "tight"] == [
        ("a", 1, "x=1"),
        ("b", 1, "x=1"),
    ]
    assert {t.problem_id for t, _, _ in made} == {"a", "b"}
