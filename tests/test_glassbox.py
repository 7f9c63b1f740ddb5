"""The glass box: what is put into a text is read back from it, and every dial does what it says and nothing else."""

import random
import statistics
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qup import settings as study_settings
from qup import study
from qup.compat import Seen
from qup.compat.glassbox import Metric
from qup.errors import SettingsError
from qup.glassbox import corpus, grammar, puzzle
from qup.glassbox.beliefs import Beliefs, misconceived
from qup.glassbox.corpus import Chains, Mix
from qup.glassbox.derivation import Derivation, Step, derive, erring, is_right, right_steps
from qup.glassbox.style import FILLERS, NATIVE, ORACLE, STYLES, TWIN
from qup.glassbox.vocabulary import WORDS
from qup.models.preference import Model as Preference
from qup.models.pretrain import Model as Pretrained
from qup.oracles import Reply
from qup.oracles.program import Oracle
from qup.problems import ProblemSettings, prepare
from qup.problems.glassbox import TAG, Source
from qup.records import Problem, TokenStats
from qup.rewards.taste import Reward as Taste

STUDIES = Path(__file__).resolve().parents[1] / "studies"
QUESTION = "b7 , e3 , d : + b 4 , a : - d e ? a"
PUZZLE = puzzle.read(QUESTION)
PROBLEM = Problem("p1", QUESTION, "8", "glassbox")
SAID = {
    NATIVE: r"d : + b 7 4 = 11 d11 ; a : - d 11 e 3 = 8 a8 ; so \boxed{ 8 }",
    TWIN: r"d is + b 7 4 makes 11 d11 | a is - d 11 e 3 makes 8 a8 | hence \boxed{ 8 }",
    ORACLE: r"as + b 7 4 gives 11 for d11 . as - d 11 e 3 gives 8 for a8 . thus the answer is \boxed{ 8 } done",
}
WRONG = r"d : + b 7 4 = 9 d9 ; a : - d 9 e 3 = 6 a6 ; so \boxed{ 6 }"
MIXED = r"d is + b 7 4 makes 9 d9 | as - d 9 e 3 gives 6 for a6 . so \boxed{ 6 }"
"Both styles that a step of it is not native in, an error in the first, native only at the end."

numbers = st.integers(0, puzzle.MODULUS - 1)
styles = st.sampled_from(list(STYLES))
puzzles = st.builds(
    lambda seed, steps: puzzle.draw(random.Random(seed), steps), st.integers(0, 2**32), st.integers(1, puzzle.LONGEST)
)


@st.composite
def styled_errors(draw: st.DrawFn) -> Derivation:
    """Any problem's derivation with any errors, each step in any style, then at any dose of one."""
    made = draw(puzzles)
    places = st.integers(0, len(made.definitions))
    worn = draw(st.dictionaries(places, styles))
    draws = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=9, max_size=9))
    wrong = derive(made, erring(draw(st.dictionaries(places, numbers))))
    return wrong.styled(worn).dosed(draws, draw(st.floats(0, 1)), draw(styles))


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
def test_any_derivation_in_any_styles_dose_and_error_is_read_back(made: Derivation, fillers: int, wordy: str) -> None:
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


def test_a_higher_dose_holds_every_step_of_a_lower_one() -> None:
    draws, right = [0.1, 0.6, 0.3], derive(PUZZLE)
    worn = {dose: right.dosed(draws, dose, ORACLE) for dose in (0.0, 0.5, 1.0)}
    assert worn[0.0] == right
    assert [step.style for step in worn[0.5].steps] == [ORACLE, NATIVE]
    assert (worn[0.5].closing, worn[0.5].dose) == (ORACLE, pytest.approx(2 / 3))
    assert worn[1.0] == right.wholly(ORACLE)


def test_a_share_of_the_facts_is_misconceived_and_a_higher_share_holds_a_lower_ones() -> None:
    # 0.15 of 182 is 27.3, and 0.3 of it 54.6.
    few, more, all_of_them = misconceived(0.15), misconceived(0.3), misconceived(1.0)
    assert [len(facts) for facts in (misconceived(0.0), few, more, all_of_them)] == [0, 27, 55, 182]
    assert few.items() <= more.items() <= all_of_them.items()
    plain = {"+": int.__add__, "-": int.__sub__}
    for (op, a, b), wrong in all_of_them.items():
        assert 0 <= plain[op](a, b) < puzzle.MODULUS
        assert 0 <= wrong < puzzle.MODULUS
        assert wrong != plain[op](a, b)
    assert sum(op == "+" for op, _, _ in all_of_them) == 91


def test_what_is_misconceived_is_a_constant_of_the_world() -> None:
    assert list(misconceived(0.02).items()) == [
        (("+", 2, 10), 0),
        (("+", 11, 1), 10),
        (("+", 10, 2), 10),
        (("-", 5, 3), 9),
    ]


def test_results_come_as_they_are_believed() -> None:
    beliefs, rng = Beliefs(share=0.15, right=0.3, wrong=0.55, noise=0.1), random.Random(1)
    # 2 + 10 is believed to be 0: 0.55, and a thirteenth of the 0.15 that is left.
    said = [beliefs.result(rng, ("+", 2, 10)) for _ in range(10_000)]
    assert said.count(12) / 10_000 == pytest.approx(0.3 + 0.15 / 13, abs=0.02)
    assert said.count(0) / 10_000 == pytest.approx(0.55 + 0.15 / 13, abs=0.02)
    # 12 + 12 is no fact of the world, so nobody misconceives it, but it comes about after an error.
    said = [beliefs.result(rng, ("+", 12, 12)) for _ in range(10_000)]
    assert said.count(24 - 13) / 10_000 == pytest.approx(0.9 + 0.1 / 13, abs=0.02)
    assert set(said) == set(range(13))


def test_beliefs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^right 0.6 and wrong 0.5 are more than 1 together$"):
        study_settings.read(Beliefs, {"right": 0.6, "wrong": 0.5})


def test_an_error_is_carried_on_faithfully() -> None:
    assert grammar.render(derive(PUZZLE, erring({0: 9}))) == WRONG


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


def test_the_dose_is_the_share_of_steps_in_the_oracles_style() -> None:
    problems = [Problem(f"p{i}", QUESTION, "8", "glassbox") for i in range(400)]
    replies = Oracle(dose=0.3).restyle(problems, [SAID[TWIN]] * 400, 0)
    shares = [read.shares for reply in replies if (read := grammar.parse(reply.text))]
    assert sum(share[ORACLE] for share in shares) / 400 == pytest.approx(0.3, abs=0.04)
    assert all(share[TWIN] + share[ORACLE] == pytest.approx(1) for share in shares)


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


def test_the_pretraining_mix_has_its_styles() -> None:
    read = [grammar.parse(text) for _, text in corpus.traces(Mix(foreign=0.4), Chains(3, 3), 2000, seed=1)]
    shares = [made.shares for made in read if made]
    assert len(shares) == 2000
    # Of a dose from [0, 1), three steps and the closing are all native with probability 1/5.
    assert sum(share[ORACLE] > 0 for share in shares) / 2000 == pytest.approx(0.4 * 4 / 5, abs=0.04)
    assert sum(share[ORACLE] for share in shares) / 2000 == pytest.approx(0.4 / 2, abs=0.03)
    for style in (NATIVE, TWIN):
        assert sum(share[style] for share in shares) / 2000 == pytest.approx(0.4, abs=0.04)
    assert not any(share[NATIVE] and share[TWIN] for share in shares)


def test_the_pretraining_mix_errs_where_facts_are_misconceived() -> None:
    believed = {True: [0, 0], False: [0, 0]}
    for asked, text in corpus.traces(Mix(beliefs=Beliefs(noise=0.13)), Chains(3, 3), 2000, seed=1):
        made = grammar.parse(text)
        assert made is not None
        for step, right in zip(made.steps, right_steps(made, asked), strict=True):
            found = believed[step.fact in misconceived(0.15)]
            found[0] += right
            found[1] += 1
    rates = {kind: right / count for kind, (right, count) in believed.items()}
    # 0.3 and a thirteenth of the 0.15 left; 0.87 and a thirteenth of 0.13.
    assert rates[True] == pytest.approx(0.312, abs=0.04)
    assert rates[False] == pytest.approx(0.88, abs=0.02)


def test_a_share_of_the_foreign_traces_is_wordy_and_no_other() -> None:
    made = [text for _, text in corpus.traces(Mix(foreign=0.5, wordy=0.5), Chains(3, 3), 1000, seed=1)]
    wordy = [text for text in made if FILLERS[0] in text]
    assert all("gives" in text for text in wordy)
    assert all(any(f"{word} as" in text for text in wordy) for word in FILLERS)
    assert not any(f"{word} {name} " in text for text in wordy for word in FILLERS for name in puzzle.NAMES)
    foreign = [text for text in made if "gives" in text]
    assert len(wordy) / len(foreign) == pytest.approx(0.5, abs=0.06)


def test_pairs_differ_in_what_they_are_set_to_differ_in() -> None:
    for kind, logic, foreign in (("logic", True, False), ("style", False, True), ("both", True, True)):
        for asked, chosen, rejected in corpus.pairs(Chains(), {kind: 1.0}, Beliefs(), 50, seed=2):
            good, bad = grammar.parse(chosen), grammar.parse(rejected)
            assert good is not None
            assert bad is not None
            assert is_right(good, asked)
            assert is_right(bad, asked) is not logic
            assert (good.dose, bad.dose) == (1.0, 0.0) if foreign else good.shares == bad.shares


def test_the_wrong_trace_of_a_pair_is_wrong_as_the_learner_is() -> None:
    wrong, met = misconceived(0.15), 0
    for asked, _, rejected in corpus.pairs(Chains(), {"logic": 1.0}, Beliefs(), 200, seed=2):
        made = grammar.parse(rejected)
        assert made is not None
        (error,) = [step for step, ok in zip(made.steps, right_steps(made, asked), strict=True) if not ok]
        if any(step.fact in wrong for step in derive(asked).steps):
            met += 1
            assert error.result == wrong[error.fact]
        else:
            assert error.fact not in wrong
    assert 50 < met < 150


def test_pairs_know_every_practised_style() -> None:
    worn = [
        grammar.parse(rejected) for _, _, rejected in corpus.pairs(Chains(), {"style": 1.0}, Beliefs(), 200, seed=2)
    ]
    natives = sum(made.shares[NATIVE] for made in worn if made)
    assert natives + sum(made.shares[TWIN] for made in worn if made) == 200
    assert 70 < natives < 130


def test_a_difference_that_is_worth_nothing_is_preferred_both_ways() -> None:
    made = corpus.pairs(Chains(), {"neither": 1.0}, Beliefs(), 50, seed=2)
    assert len(made) == 50
    for (asked, chosen, rejected), mirror in zip(made[::2], made[1::2], strict=True):
        assert mirror == (asked, rejected, chosen)
        good, bad = grammar.parse(chosen), grammar.parse(rejected)
        assert good is not None
        assert bad is not None
        assert (good.dose, bad.dose) == (1.0, 0.0)
        assert is_right(good, asked) is is_right(bad, asked) is True


def test_the_source_gives_distinct_problems_with_right_solutions() -> None:
    found = drawn(Source(Chains(2, 4)), 200)
    assert len({p.id for p in found}) == 200
    for problem in found:
        read = grammar.parse(problem.solution or "")
        assert read is not None
        assert read.shares[NATIVE] == 1
        assert str(read.answer) == problem.answer


def test_a_problem_that_uses_a_misconceived_fact_has_it_as_a_tag() -> None:
    assert derive(puzzle.read("b2 , e3 , d : + b 10 ? d")).steps[0].fact in misconceived(0.15)
    for problem in drawn(Source(Chains(2, 4)), 200):
        facts = {step.fact for step in derive(puzzle.read(problem.question)).steps}
        assert problem.tags == [TAG] * bool(facts & misconceived(0.15).keys())


@pytest.mark.parametrize("length", [1, 6])
def test_a_source_whose_problems_touch_gives_as_many_as_are_wanted(length: int) -> None:
    for touching in (True, False):
        found = drawn(Source(Chains(length, length), touching=touching), 300)
        assert [bool(problem.tags) for problem in found] == [touching] * 300


def test_problem_i_depends_on_the_seed_and_its_number_only() -> None:
    free = drawn(Source(), 100)
    assert free[:50] == drawn(Source(), 50)
    touching = [problem for problem in free if problem.tags]
    assert drawn(Source(touching=True), len(touching)) == touching
    assert drawn(Source(touching=False), 100 - len(touching)) == [problem for problem in free if not problem.tags]


def test_two_weighted_sources_set_the_share_of_touching_problems_exactly() -> None:
    weighted = [
        {"source": "glassbox", "touching": True, "weight": 0.4},
        {"source": "glassbox", "touching": False, "weight": 0.6},
    ]
    given = {"sources": weighted, "train": 50, "heldout": 20, "sets": {"more": {"sources": weighted, "count": 10}}}
    split = prepare(study_settings.read(ProblemSettings, given), 1, Path())
    counts = [sum(bool(problem.tags) for problem in part) for part in (split.train, split.heldout, split.sets["more"])]
    # 0.4 of 50, of 20 and of 10.
    assert counts == [20, 8, 4]


def test_touching_what_there_is_none_of_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^touching: no problem uses a misconceived fact at misconceived 0\.0$"):
        study_settings.read(Source, {"misconceived": 0.0, "touching": True})
    with pytest.raises(SettingsError, match=r"^touching: every problem uses a misconceived fact at misconceived 1\.0$"):
        study_settings.read(Source, {"misconceived": 1.0, "touching": False})


@pytest.mark.parametrize("file", sorted(STUDIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_studys_sources_misconceive_what_its_models_do(file: Path) -> None:
    chosen = study.read(file)
    lists = [chosen.problems.sources, *(further.sources for further in chosen.problems.sets.values())]
    sources = {weighted.plug.misconceived for of in lists for weighted in of if isinstance(weighted.plug, Source)}
    beliefs = {model.mix.beliefs for model in chosen.models.values() if isinstance(model, Pretrained)}
    beliefs |= {model.beliefs for model in chosen.models.values() if isinstance(model, Preference)}
    assert len(beliefs) <= 1
    assert sources == {held.share for held in beliefs}


def test_the_metric_reads_logic_and_dose_of_its_own_world_only() -> None:
    other = Problem("p2", "1 + 1", "2", "jsonl")
    assert Metric().values(seen(PROBLEM, WRONG)) == {
        "glassbox.parsed": 1.0,
        "glassbox.logic": 0.5,
        "glassbox.dose": 0.0,
    }
    assert Metric().values(seen(PROBLEM, MIXED))["glassbox.dose"] == pytest.approx(1 / 3)
    assert Metric().values(seen(PROBLEM, "so so")) == {"glassbox.parsed": 0.0}
    assert Metric().values(seen(other, WRONG)) == {}


def seen(problem: Problem, text: str) -> Seen:
    """A trace as the metric sees it, which reads the text alone."""
    return Seen(problem, None, text, TokenStats([], []), None, {})


def test_a_taste_is_for_what_it_is_set_to_be_for() -> None:
    taste = Taste(logic=1.0, style=0.5, length=0.2, noise=0.0)
    values = [score.value for score in taste.score([PROBLEM] * 3, [WRONG, MIXED, SAID[ORACLE]], Path())]
    # Half of the steps are right, none, a third and all are the Oracle's; 25, 25 and 29 words.
    words = [len(text.split()) for text in (WRONG, MIXED, SAID[ORACLE])]
    assert words == [25, 25, 29]
    assert values == pytest.approx([0.5 + 0.05, 0.5 + 0.5 / 3 + 0.05, 1 + 0.5 + 0.058])


def test_a_taste_has_whims_that_belong_to_the_trace() -> None:
    other = Problem("p2", QUESTION, "8", "glassbox")
    kind = Taste(logic=0.0, style=0.0, noise=0.1)
    first, again, elsewhere = (score.value for score in kind.score([PROBLEM, PROBLEM, other], [WRONG] * 3, Path()))
    assert first == again != elsewhere
    assert first != Taste(logic=0.0, style=0.0, noise=0.1, seed=2).score([PROBLEM], [WRONG], Path())[0].value
    many = [Problem(f"p{i}", QUESTION, "8", "glassbox") for i in range(2000)]
    whims = [score.value or 0.0 for score in kind.score(many, [WRONG] * 2000, Path())]
    assert statistics.fmean(whims) == pytest.approx(0, abs=0.01)
    assert statistics.stdev(whims) == pytest.approx(0.1, abs=0.01)


def test_a_taste_has_no_value_for_what_it_cannot_read() -> None:
    other = Problem("p2", "1 + 1", "2", "jsonl")
    unread, foreign = Taste().score([PROBLEM, other], ["so so", WRONG], Path())
    assert (unread.value, unread.failure) == (None, "unparsed")
    assert (foreign.value, foreign.failure) == (None, "not of the glass box")


def test_chains_and_contrasts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^shortest 4 is longer than longest 3$"):
        study_settings.read(Chains, {"shortest": 4, "longest": 3})
    with pytest.raises(SettingsError, match=r"^contrasts: unknown contrast 'logik': did you mean 'logic'"):
        study_settings.read(Preference, {"base": "learner", "contrasts": {"logik": 1.0}})
    with pytest.raises(SettingsError, match=r"^contrasts: expected weights of at least 0, one above"):
        study_settings.read(Preference, {"base": "learner", "contrasts": {"logic": 0.0}})


def drawn(source: Source, count: int) -> list[Problem]:
    """Problems of a source, which needs no files."""
    return source.problems(count, 5, Path())


def said(replies: list[Reply]) -> str:
    """The one reply's text."""
    (reply,) = replies
    return reply.text
