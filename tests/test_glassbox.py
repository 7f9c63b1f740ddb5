"""The glass box: what is put into a text is read back from it, and every dial does what it says and nothing else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qup import settings as study_settings
from qup.compat import Seen
from qup.compat.glassbox import Metric
from qup.errors import SettingsError
from qup.glassbox import corpus, puzzle, style
from qup.glassbox.corpus import Chains, Mix
from qup.glassbox.derivation import Derivation, Step, derive, is_right, right_steps
from qup.models.preference import Model as Preference
from qup.oracles.program import Oracle
from qup.problems.glassbox import Source
from qup.records import Problem, TokenStats

QUESTION = "b7 , e3 , d : + b 4 , a : - d e ? a"
PUZZLE = puzzle.read(QUESTION)
PROBLEM = Problem("p1", QUESTION, "8", "glassbox")
NATIVE = r"d : + b 7 4 = 11 d11 ; a : - d 11 e 3 = 8 a8 ; so \boxed{ 8 }"
ORACLE = r"as + b 4 gives 11 for d11 . as - d e gives 8 for a8 . thus the answer is \boxed{ 8 } done"
WRONG = r"d : + b 7 4 = 9 d9 ; a : - d 9 e 3 = 6 a6 ; so \boxed{ 6 }"
ALL_FOREIGN = {0: True, 1: True, 2: True}

numbers = st.integers(0, puzzle.MODULUS - 1)
puzzles = st.builds(
    lambda seed, steps: puzzle.draw(random.Random(seed), steps), st.integers(0, 2**32), st.integers(1, puzzle.LONGEST)
)


@st.composite
def styled_errors(draw: st.DrawFn) -> tuple[puzzle.Puzzle, Derivation]:
    """Any problem's derivation with any errors at any dose."""
    made = draw(puzzles)
    places = st.integers(0, len(made.definitions))
    errors = draw(st.dictionaries(places, numbers))
    draws = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=9, max_size=9))
    return made, derive(made, errors).styled(style.doses(draws, draw(st.floats(0, 1))), made)


operands = st.sampled_from([*puzzle.NAMES, *map(str, range(puzzle.MODULUS))])


def step(  # noqa: PLR0917 - the fields of a step
    name: str, left: str, op: str, right: str, said: tuple[int, int], result: int
) -> Step:
    """A step in which a name has whatever number is said of it and a number stands for itself."""
    one, two = (int(o) if o.isdigit() else n for o, n in zip((left, right), said, strict=True))
    return Step(name, left, op, right, (one, two), result)


steps = st.builds(
    step,
    st.sampled_from(puzzle.NAMES),
    operands,
    st.sampled_from(list(puzzle.OPERATIONS)),
    operands,
    st.tuples(numbers, numbers),
    numbers,
)


@settings(max_examples=10_000, deadline=None)
@given(case=styled_errors(), fillers=st.integers(0, 4))
def test_any_derivation_in_any_style_dose_and_error_is_read_back(
    case: tuple[puzzle.Puzzle, Derivation], fillers: int
) -> None:
    asked, made = case
    assert style.parse(style.render(made, fillers), asked) == made


@settings(max_examples=300, deadline=None)
@given(asked=puzzles, made=st.builds(Derivation, st.lists(steps, max_size=5).map(tuple), numbers, st.booleans()))
def test_steps_that_no_problem_asked_for_are_read_back_too(asked: puzzle.Puzzle, made: Derivation) -> None:
    assert style.parse(style.render(made), asked) == made
    foreign = made.styled(dict.fromkeys(range(len(made.steps) + 1), True), asked)
    assert style.parse(style.render(foreign), asked) == foreign
    assert [s.result for s in foreign.steps] == [s.result for s in made.steps]
    assert [s.numbers for s in foreign.steps] == [s.numbers for s in made.steps]


@settings(max_examples=500, deadline=None)
@given(asked=puzzles)
def test_a_question_is_read_back_and_its_derivation_is_right(asked: puzzle.Puzzle) -> None:
    assert puzzle.read(asked.question()) == asked
    assert is_right(derive(asked), asked)


@settings(max_examples=500, deadline=None)
@given(asked=puzzles)
def test_no_right_result_wraps_around(asked: puzzle.Puzzle) -> None:
    plain = {"+": int.__add__, "-": int.__sub__}
    for step in derive(asked).steps:
        assert step.result == plain[step.op](*step.numbers)


def test_the_two_styles_by_hand() -> None:
    right = derive(PUZZLE)
    assert style.render(right) == NATIVE
    assert style.render(right.styled(ALL_FOREIGN, PUZZLE)) == ORACLE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d : + b 7 4 = 11 d11 ;",
        r"d : - b 7 4 = 3 a3 ; so \boxed{ 3 }",
        r"d : - b 7 4 = 3 d4 ; so \boxed{ 3 }",
        r"as + j 1 gives 2 for a2 . so \boxed{ 2 }",
        NATIVE + " ;",
        NATIVE.replace("so ", ""),
        ORACLE.replace(" done", ""),
        "so 2",
        NATIVE + " done",
    ],
)
def test_what_is_not_of_the_grammar_is_not_guessed_at(text: str) -> None:
    assert style.parse(text, PUZZLE) is None


def test_an_error_that_is_carried_on_is_one_wrong_step() -> None:
    made = style.parse(WRONG, PUZZLE)
    assert made is not None
    assert right_steps(made, PUZZLE) == [False, True]
    assert not is_right(made, PUZZLE)


def test_a_step_left_out_or_made_up_is_not_right() -> None:
    short = Derivation(derive(PUZZLE).steps[:1], 2)
    long = Derivation((*derive(PUZZLE).steps, Step("j", "1", "+", "1", (1, 1), 2)), 2)
    assert right_steps(short, PUZZLE) == [True, False]
    assert right_steps(long, PUZZLE) == [True, True, False]


def test_a_number_taken_for_the_wrong_name_is_not_right_and_the_other_style_says_the_number() -> None:
    made = style.parse(r"d : + b 3 4 = 7 d7 ; a : - d 7 e 3 = 4 a4 ; so \boxed{ 4 }", PUZZLE)
    assert made is not None
    assert right_steps(made, PUZZLE) == [False, True]
    assert style.render(made.styled(ALL_FOREIGN, PUZZLE)).startswith("as + 3 4 gives 7 for d7 .")


@pytest.mark.parametrize("question", ["b7 ? b", "how many ?", "d : + b 4 ? e", "b7 , d : / b 4 ? d"])
def test_a_question_of_another_world_is_refused(question: str) -> None:
    with pytest.raises(ValueError, match=r"glass box|asks for"):
        puzzle.read(question)


def test_a_higher_dose_holds_every_step_of_a_lower_one() -> None:
    draws = [0.1, 0.6, 0.3]
    assert style.doses(draws, 0.5) == {0: True, 1: False, 2: True}
    assert style.doses(draws, 0.0) == {0: False, 1: False, 2: False}
    assert style.doses(draws, 1.0) == {0: True, 1: True, 2: True}


def test_a_repair_that_keeps_the_style_changes_logic_only() -> None:
    assert said(Oracle().repair([PROBLEM], [WRONG], True, 0)) == NATIVE
    assert said(Oracle().repair([PROBLEM], [NATIVE], True, 0)) == NATIVE


def test_a_repair_in_the_oracles_style_changes_both() -> None:
    assert said(Oracle().repair([PROBLEM], [WRONG], False, 0)) == ORACLE


def test_a_restyle_changes_style_only() -> None:
    assert said(Oracle().restyle([PROBLEM], [NATIVE], 0)) == ORACLE
    restyled = style.parse(said(Oracle().restyle([PROBLEM], [WRONG], 0)), PUZZLE)
    assert restyled is not None
    assert (restyled.answer, restyled.dose, right_steps(restyled, PUZZLE)) == (6, 1.0, [False, True])


def test_an_oracle_at_dose_zero_keeps_the_drafts_style_and_writes_natively() -> None:
    oracle = Oracle(dose=0.0, fillers=2)
    assert said(oracle.repair([PROBLEM], [WRONG], False, 0)) == NATIVE
    assert said(oracle.restyle([PROBLEM], [ORACLE], 0)) == ORACLE
    assert said(oracle.restyle([PROBLEM], [WRONG], 0)) == WRONG
    assert said(oracle.solve([PROBLEM], 0)) == NATIVE


def test_an_oracle_that_repairs_nothing_leaves_the_error() -> None:
    idle = Oracle(repair_rate=0.0)
    assert said(idle.repair([PROBLEM], [WRONG], True, 0)) == WRONG
    assert said(idle.repair([PROBLEM], [WRONG], False, 0)) == said(idle.restyle([PROBLEM], [WRONG], 0))


def test_a_draft_that_cannot_be_read_is_written_anew_or_left() -> None:
    assert said(Oracle().repair([PROBLEM], ["so so"], True, 0)) == NATIVE
    assert said(Oracle().repair([PROBLEM], ["so so"], False, 0)) == ORACLE
    assert said(Oracle().restyle([PROBLEM], ["so so"], 0)) == "so so"
    assert said(Oracle(repair_rate=0.0).repair([PROBLEM], ["so so"], True, 0)) == "so so"


def test_a_wordy_oracle_says_the_same() -> None:
    wordy = said(Oracle(fillers=4).solve([PROBLEM], 0))
    assert len(wordy.split()) == len(ORACLE.split()) + 2 * 4
    assert style.parse(wordy, PUZZLE) == style.parse(ORACLE, PUZZLE)


def test_repairs_come_at_the_set_rate() -> None:
    problems = [Problem(f"p{i}", QUESTION, "8", "glassbox") for i in range(400)]
    replies = Oracle(repair_rate=0.3).repair(problems, [WRONG] * 400, True, 0)
    assert 0.2 < sum(r.text == NATIVE for r in replies) / 400 < 0.4


def test_the_pretraining_mix_has_its_errors_and_its_styles() -> None:
    made = corpus.traces(Mix(errors=0.1, foreign=0.4), Chains(3, 3), 2000, seed=1)
    read = [(p, style.parse(text, p)) for p, text in made]
    wrong = [sum(not ok for ok in right_steps(d, p)) / 3 for p, d in read if d]
    assert len(wrong) == 2000
    assert sum(wrong) / 2000 == pytest.approx(0.1 * 12 / 13, abs=0.01)
    assert sum(d.dose > 0 for _, d in read if d) / 2000 == pytest.approx(0.4 * 4 / 5, abs=0.04)


def test_a_share_of_the_foreign_traces_is_wordy_and_no_native_one() -> None:
    made = [text for _, text in corpus.traces(Mix(foreign=0.5, wordy=0.5), Chains(3, 3), 1000, seed=1)]
    wordy = [text for text in made if style.FILLERS[0] in text]
    assert all("gives" in text for text in wordy)
    assert all(any(f"{word} as" in text for text in wordy) for word in style.FILLERS)
    foreign = [text for text in made if "gives" in text]
    assert len(wordy) / len(foreign) == pytest.approx(0.5, abs=0.06)


def test_pairs_differ_in_what_they_are_set_to_differ_in() -> None:
    for kind, logic, foreign in (("logic", True, False), ("style", False, True), ("both", True, True)):
        for asked, chosen, rejected in corpus.pairs(Chains(), {kind: 1.0}, 50, seed=2):
            good, bad = style.parse(chosen, asked), style.parse(rejected, asked)
            assert good is not None
            assert bad is not None
            assert is_right(good, asked)
            assert is_right(bad, asked) is not logic
            assert (good.dose, bad.dose) == (1.0, 0.0) if foreign else good.dose == bad.dose


def test_a_difference_that_is_worth_nothing_is_preferred_both_ways() -> None:
    made = corpus.pairs(Chains(), {"neither": 1.0}, 50, seed=2)
    assert len(made) == 50
    for (asked, chosen, rejected), mirror in zip(made[::2], made[1::2], strict=True):
        assert mirror == (asked, rejected, chosen)
        good, bad = style.parse(chosen, asked), style.parse(rejected, asked)
        assert good is not None
        assert bad is not None
        assert (good.dose, bad.dose) == (1.0, 0.0)
        assert is_right(good, asked) is is_right(bad, asked) is True


def test_the_source_gives_distinct_problems_with_right_solutions() -> None:
    found = Source(Chains(2, 4)).problems(200, 5, None)  # type: ignore[arg-type]
    assert len({p.id for p in found}) == 200
    for problem in found:
        read = style.parse(problem.solution or "", puzzle.read(problem.question))
        assert read is not None
        assert str(read.answer) == problem.answer


def test_the_metric_reads_logic_and_dose_of_its_own_world_only() -> None:
    other = Problem("p2", "1 + 1", "2", "jsonl")
    assert Metric().values(seen(PROBLEM, WRONG)) == {
        "glassbox.parsed": 1.0,
        "glassbox.logic": 0.5,
        "glassbox.dose": 0.0,
    }
    assert Metric().values(seen(PROBLEM, "so so")) == {"glassbox.parsed": 0.0}
    assert Metric().values(seen(other, WRONG)) == {}


def seen(problem: Problem, text: str) -> Seen:
    """A trace as the metric sees it, which reads the text alone."""
    return Seen(problem, None, text, TokenStats([], []), None, {})


def test_chains_and_contrasts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^shortest 4 is longer than longest 3$"):
        study_settings.read(Chains, {"shortest": 4, "longest": 3})
    with pytest.raises(SettingsError, match=r"^contrasts: unknown contrast 'logik': did you mean 'logic'"):
        study_settings.read(Preference, {"base": "learner", "contrasts": {"logik": 1.0}})
    with pytest.raises(SettingsError, match=r"^contrasts: expected weights of at least 0, one above"):
        study_settings.read(Preference, {"base": "learner", "contrasts": {"logic": 0.0}})


def said(replies: list[object]) -> str:
    """The one reply's text."""
    (reply,) = replies
    return reply.text  # type: ignore[attr-defined, no-any-return]
