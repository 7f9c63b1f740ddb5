"""The glass box: what is put into a text is read back from it, in any mixture of styles and errors."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toyglassbox import MIXED, PUZZLE, QUESTION, SAID, WRONG

from qup.glassbox import grammar, puzzle
from qup.glassbox.derivation import Derivation, Step, derive, erring, is_right, right_steps
from qup.glassbox.style import FILLERS, NATIVE, ORACLE, STYLES, TWIN
from qup.glassbox.vocabulary import WORDS

numbers = st.integers(0, puzzle.MODULUS - 1)
styles = st.sampled_from(list(STYLES))
puzzles = st.builds(
    lambda seed, steps: puzzle.draw(random.Random(seed), steps), st.integers(0, 2**32), st.integers(1, puzzle.LONGEST)
)


@st.composite
def styled_errors(draw: st.DrawFn) -> Derivation:
    """Any problem's derivation with any errors, each step in any style."""
    made = draw(puzzles)
    places = st.integers(0, len(made.definitions))
    worn = draw(st.dictionaries(places, styles))
    wrong = derive(made, erring(draw(st.dictionaries(places, numbers))))
    return wrong.styled(worn)


operands = st.sampled_from([*puzzle.NAMES, *map(str, range(puzzle.MODULUS))])


def step(  # noqa: PLR0917 - the fields of a step
    name: str, left: str, op: str, right: str, said: tuple[int, int], result: int, style: str
) -> Step:
    """A step in which a name has whatever number is said of it and a number stands for itself."""
    one, two = (int(o) if o.isdigit() else n for o, n in zip((left, right), said, strict=True))
    return Step(name, left, op, right, (one, two), result, style)


steps = st.builds(
    step,
    st.sampled_from(puzzle.NAMES),
    operands,
    st.sampled_from(list(puzzle.OPERATIONS)),
    operands,
    st.tuples(numbers, numbers),
    numbers,
    styles,
)


@settings(max_examples=10_000, deadline=None)
@given(made=styled_errors(), fillers=st.integers(0, 4), wordy=styles)
def test_any_derivation_in_any_styles_and_error_is_read_back(made: Derivation, fillers: int, wordy: str) -> None:
    assert grammar.parse(grammar.render(made, fillers, wordy)) == made


@settings(max_examples=1000, deadline=None)
@given(made=st.builds(Derivation, st.lists(steps, max_size=5).map(tuple), numbers, styles), style=styles)
def test_steps_that_no_problem_asked_for_are_read_back_too(made: Derivation, style: str) -> None:
    assert grammar.parse(grammar.render(made)) == made
    assert grammar.parse(grammar.render(made.wholly(style))) == made.wholly(style)


@settings(max_examples=300, deadline=None)
@given(made=styled_errors())
def test_every_style_writes_the_same_numbers_in_the_same_order_and_as_many_words_a_step(made: Derivation) -> None:
    texts = [grammar.render(made.wholly(style)) for style in STYLES]
    assert len({tuple(word for word in text.split() if word.isdigit()) for text in texts}) == 1
    closings = [grammar.render(Derivation((), 0, style)) for style in STYLES]
    assert len({len(text.split()) - len(closing.split()) for text, closing in zip(texts, closings, strict=True)}) == 1


def test_the_words_of_every_style_are_in_the_vocabulary_once() -> None:
    assert len(set(WORDS)) == len(WORDS)
    for text in [QUESTION, *SAID.values(), *FILLERS]:
        assert set(text.split()) <= set(WORDS)


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


@pytest.mark.parametrize("style", STYLES)
def test_the_styles_by_hand(style: str) -> None:
    assert grammar.render(derive(PUZZLE).wholly(style)) == SAID[style]


def test_a_mixture_is_read_step_by_step() -> None:
    made = grammar.parse(MIXED)
    assert made is not None
    assert [step.style for step in made.steps] == [TWIN, ORACLE]
    assert made.shares == pytest.approx({NATIVE: 1 / 3, TWIN: 1 / 3, ORACLE: 1 / 3})
    assert made.dose == pytest.approx(1 / 3)
    assert right_steps(made, PUZZLE) == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d : + b 7 4 = 11 d11 ;",
        r"d : - b 7 4 = 3 a3 ; so \boxed{ 3 }",
        r"d : - b 7 4 = 3 d4 ; so \boxed{ 3 }",
        r"d : - b 7 4 = 1 d12 ; so \boxed{ 3 }",
        r"d : - b 4 = 3 d3 ; so \boxed{ 3 }",
        r"d : + b 7 6 = 13 d13 ; so \boxed{ 13 }",
        r"d : + b 7 4 makes 11 d11 ; so \boxed{ 11 }",
        r"d is + b 7 4 makes 11 d11 ; so \boxed{ 11 }",
        SAID[NATIVE] + " ;",
        SAID[NATIVE].replace("so ", ""),
        SAID[ORACLE].replace(" done", ""),
        "so 2",
        SAID[NATIVE] + " done",
    ],
)
def test_what_is_not_of_the_grammar_is_not_guessed_at(text: str) -> None:
    assert grammar.parse(text) is None


def test_an_error_that_is_carried_on_is_one_wrong_step() -> None:
    made = grammar.parse(WRONG)
    assert made is not None
    assert right_steps(made, PUZZLE) == [False, True]
    assert not is_right(made, PUZZLE)


def test_a_step_left_out_or_made_up_is_not_right() -> None:
    short = Derivation(derive(PUZZLE).steps[:1], 2)
    long = Derivation((*derive(PUZZLE).steps, Step("j", "1", "+", "1", (1, 1), 2)), 2)
    assert right_steps(short, PUZZLE) == [True, False]
    assert right_steps(long, PUZZLE) == [True, True, False]


def test_a_number_taken_for_the_wrong_name_is_not_right() -> None:
    made = grammar.parse(r"d : + b 3 4 = 7 d7 ; a : - d 7 e 3 = 4 a4 ; so \boxed{ 4 }")
    assert made is not None
    assert right_steps(made, PUZZLE) == [False, True]


@pytest.mark.parametrize("question", ["b7 ? b", "how many ?", "d : + b 4 ? e", "b7 , d : / b 4 ? d"])
def test_a_question_of_another_world_is_refused(question: str) -> None:
    with pytest.raises(ValueError, match=r"glass box|asks for"):
        puzzle.read(question)


def test_an_error_is_carried_on_faithfully() -> None:
    assert grammar.render(derive(PUZZLE, erring({0: 9}))) == WRONG
