"""The refiners that edit a draft: the calculator, minimum change, suffix repair; on text and on the glass box."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toyglassbox import MIXED, PROBLEM, PUZZLE, SAID, WRONG

from qup import arithmetic
from qup import settings as study_settings
from qup.backends import BackendSettings, Completion
from qup.backends.hf import Backend as HfBackend
from qup.errors import SettingsError
from qup.glassbox import grammar, puzzle
from qup.glassbox.derivation import derive, erring, first_wrong, recalculated, right_steps
from qup.glassbox.style import FILLERS, NATIVE, ORACLE, STYLES, TWIN
from qup.oracles import Nobody, Reply, Setting, prompted, scripted
from qup.oracles.program import Oracle as Program
from qup.plan.oracle_calls import asked_of
from qup.plan.spans import Span
from qup.records import Finish, Problem, Refined, Verdict
from qup.refiners import Desk, Draft, refine
from qup.refiners.calculator import Refiner as Calculator
from qup.refiners.minimum_change import Refiner as MinimumChange
from qup.refiners.style_aligned import Refiner as StyleAligned
from qup.refiners.suffix_repair import Refiner as SuffixRepair
from qup.refiners.suffix_repair import steps

C, W = Verdict.CORRECT, Verdict.WRONG
CATS = Problem("cats", "How many?", "14", "toy", replicate=1)


def draft(text: str, stratum: Any = "failed", problem: Problem = CATS) -> Draft:
    return Draft(problem, stratum, 1, text)


def boxed(text: str, stratum: Any = "failed") -> Draft:
    return draft(text, stratum, PROBLEM)


def made(refiner: Any, oracle: Any, *drafts: Draft, retries: int = 0) -> list[Refined]:
    return refine(refiner, Desk(oracle), list(drafts), retries)


@dataclass
class Listening:
    """An Oracle that says what is set for each verb, at 10 tokens a reply, and notes what it was given."""

    says: dict[str, str] = field(default_factory=dict)
    heard: list[tuple[str, Any]] = field(default_factory=list)
    cut: bool = False

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        return self._say("solve", [None] * len(problems))

    def repair(
        self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int, fewest: bool = False
    ) -> list[Reply]:
        return self._say("fewest" if fewest else "repair", drafts)

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        return self._say("restyle", drafts)

    def locate(self, problems: Sequence[Problem], drafts: Sequence[Sequence[str]], attempt: int) -> list[Reply]:
        return self._say("locate", drafts)

    def proceed(self, problems: Sequence[Problem], prefixes: Sequence[str], attempt: int) -> list[Reply]:
        return self._say("proceed", prefixes)

    def _say(self, verb: str, given: Sequence[Any]) -> list[Reply]:
        self.heard += [(verb, each) for each in given]
        return [Reply(self.says[verb], 10, self.cut) for _ in given]


# --- the calculator


def test_the_calculator_asks_nobody_and_a_mended_draft_that_comes_to_gold_is_changed_at_no_cost() -> None:
    wrong, right = "3 + 4 = 8, 8 * 2 = 16. \\boxed{16}", "3 + 4 = 7, 7 * 2 = 14. \\boxed{14}"
    assert made(Calculator(), Nobody(), draft(wrong), draft(right, "solved")) == [
        Refined("cats", 1, "failed", right, "changed", 1, 0, 0, C),
        Refined("cats", 1, "solved", right, "kept", 1, 0, 0, C),
    ]


def test_a_draft_that_was_set_up_wrongly_stays_wrong_and_has_no_trace() -> None:
    # Every sum is right; the slip mended leads elsewhere than to gold.
    for text in ("3 * 5 = 15. \\boxed{15}", "3 * 5 = 14. \\boxed{14}"):
        (row,) = made(Calculator(), Nobody(), draft(text))
        assert (row.outcome, row.text, row.verdict, row.attempts) == ("failed", None, W, 0)


def test_a_right_answer_is_not_given_away_for_a_sum_that_was_written_wrongly() -> None:
    text = "7 * 3 = 14. \\boxed{14}"
    (row,) = made(Calculator(), Nobody(), draft(text, "solved"))
    assert (row.text, row.outcome, row.verdict) == (text, "kept", C)
    # An error that the answer does not hang on is mended.
    (row,) = made(Calculator(), Nobody(), draft("1 + 1 = 3, but 7 * 2 = 14. \\boxed{14}", "solved"))
    assert (row.text, row.outcome) == ("1 + 1 = 2, but 7 * 2 = 14. \\boxed{14}", "changed")


def test_a_text_that_the_worker_did_not_survive_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "check", lambda asked: [None for _ in asked])
    (row,) = made(Calculator(), Nobody(), draft("3 + 4 = 7. \\boxed{14}", "solved"))
    assert (row.outcome, row.text) == ("failed", None)


def test_on_the_glass_box_the_calculator_mends_every_step_in_its_own_style() -> None:
    for style in STYLES:
        wrong = grammar.render(derive(PUZZLE, erring({0: 9})).wholly(style))
        (row,) = made(Calculator(), Nobody(), boxed(wrong))
        assert (row.text, row.outcome, row.attempts) == (SAID[style], "changed", 0)
    (row,) = made(Calculator(), Nobody(), boxed(MIXED))
    assert row.text == r"d is + b 7 4 makes 11 d11 | as - d 11 e 3 gives 8 for a8 . so \boxed{ 8 }"


def test_on_the_glass_box_empty_words_stay_and_what_was_set_up_wrongly_stays() -> None:
    wordy = WRONG.replace("a :", "clearly indeed a :")
    (row,) = made(Calculator(), Nobody(), boxed(wordy))
    assert row.text == SAID[NATIVE].replace("a :", "clearly indeed a :")
    # b was read as 8: 8 + 4 is 12, and 12 - 3 is 9. The sums are right, the problem is not solved.
    misread = r"d : + b 8 4 = 11 d11 ; a : - d 11 e 3 = 8 a8 ; so \boxed{ 8 }"
    (row,) = made(Calculator(), Nobody(), boxed(misread))
    assert (row.outcome, row.verdict) == ("failed", W)
    parsed = grammar.parse(misread)
    assert parsed is not None
    assert recalculated(parsed).answer == 9


def test_an_answer_that_does_not_repeat_the_last_result_is_no_slip_of_arithmetic() -> None:
    parsed = grammar.parse(WRONG.replace("{ 6 }", "{ 5 }"))
    assert parsed is not None
    assert (recalculated(parsed).steps[-1].result, recalculated(parsed).answer) == (8, 5)


def test_a_trace_of_the_glass_box_that_cannot_be_read_is_left_as_it_is() -> None:
    (row,) = made(Calculator(), Nobody(), boxed(r"so so \boxed{ 8 }", "solved"))
    assert (row.text, row.outcome) == (r"so so \boxed{ 8 }", "kept")


@st.composite
def traces(draw: st.DrawFn) -> tuple[puzzle.Puzzle, str, str]:
    """A problem of the glass box with its right trace, and the same with wrong results carried on; styles mixed."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    drawn = puzzle.draw(rng, rng.randint(1, 6))
    count = len(drawn.definitions)
    errors = {i: rng.randrange(13) for i in range(count) if rng.random() < 0.4}
    styles = {i: rng.choice([NATIVE, TWIN, ORACLE]) for i in range(count + 1)}
    fillers = rng.randint(0, len(FILLERS))
    right, wrong = (grammar.render(derive(drawn, way).styled(styles), fillers) for way in (erring({}), erring(errors)))
    return drawn, right, wrong


@settings(deadline=None, max_examples=80)
@given(traces())
def test_on_the_glass_box_logic_is_right_after_the_calculator_and_style_is_untouched(
    drawn: tuple[puzzle.Puzzle, str, str],
) -> None:
    asked, right, wrong = drawn
    parsed = grammar.parse(wrong)
    assert parsed is not None
    mended = grammar.rewritten(wrong, recalculated(parsed))
    assert mended == right
    assert grammar.rewritten(right, recalculated(grammar.parse(right) or parsed)) == right
    again = grammar.parse(mended)
    assert again is not None
    assert all(right_steps(again, asked))
    assert again.dose == parsed.dose


# --- minimum change


def test_minimum_change_sends_wrong_drafts_only_and_pays_for_them_alone() -> None:
    oracle = Listening({"fewest": "so \\boxed{14}"})
    right, wrong = draft("it is \\boxed{14}", "solved"), draft("so \\boxed{16}")
    assert made(MinimumChange(), oracle, right, wrong) == [
        Refined("cats", 1, "solved", "it is \\boxed{14}", "kept", 1, 0, 0, C),
        Refined("cats", 1, "failed", "so \\boxed{14}", "changed", 1, 1, 10, C),
    ]
    assert oracle.heard == [("fewest", "so \\boxed{16}")]
    oracle.heard.clear()
    made(MinimumChange(), oracle, right)
    assert oracle.heard == []


def test_minimum_change_has_a_prompt_of_its_own() -> None:
    # The plan finds it too: nothing for solved drafts, so half as much on the whole.
    often = Span(0, 0.5, 1)
    assert asked_of(MinimumChange()).prompts == {"fewest_prompt": often}
    assert asked_of(SuffixRepair()).prompts == {"locate_prompt": often, "proceed_prompt": often}
    assert asked_of(Calculator()).prompts == {}


def test_the_program_does_the_same_for_the_fewest_changes_as_for_keeping_the_style() -> None:
    texts = [made(refiner, Program(), boxed(MIXED))[0].text for refiner in (MinimumChange(), StyleAligned())]
    assert texts[0] == texts[1] != MIXED


# --- suffix repair


def test_suffix_repair_keeps_the_lines_before_the_first_wrong_sum_and_the_oracle_goes_on() -> None:
    text = "First: 3 + 4 = 7.\n\nThen 7 * 2 = 15.\nSo \\boxed{15}."
    oracle = Listening({"proceed": "Twice that is 14: \\boxed{14}"})
    (row,) = made(SuffixRepair(), oracle, draft(text))
    kept = "First: 3 + 4 = 7.\n\n"
    assert oracle.heard == [("proceed", kept)]
    assert (row.text, row.outcome) == (kept + "Twice that is 14: \\boxed{14}", "changed")
    assert (row.attempts, row.oracle_tokens) == (1, 10)


def test_where_no_sum_is_wrong_the_oracle_is_asked_and_both_calls_are_paid() -> None:
    text = "They have 7 each.\nThey are 3.\nSo \\boxed{21}."
    oracle = Listening({"locate": "[2]", "proceed": "They are 2, so \\boxed{14}"})
    (row,) = made(SuffixRepair(), oracle, draft(text))
    assert oracle.heard == [
        ("locate", ["They have 7 each.\n", "They are 3.\n", "So \\boxed{21}."]),
        ("proceed", "They have 7 each.\n"),
    ]
    assert (row.text, row.oracle_tokens, row.attempts) == ("They have 7 each.\nThey are 2, so \\boxed{14}", 20, 1)


@pytest.mark.parametrize("said", ["", "none", "0", "4", "lines 2 and 3", "the second", "2 or 3", "7 * 2 = 14"])
def test_a_place_that_cannot_be_read_is_a_failed_call_and_nobody_goes_on(said: str) -> None:
    oracle = Listening({"locate": said, "proceed": "\\boxed{14}"})
    (row,) = made(SuffixRepair(), oracle, draft("One.\nTwo.\nSo \\boxed{21}."))
    assert (row.outcome, row.text, row.attempts, row.oracle_tokens) == ("failed", None, 1, 10)
    assert [verb for verb, _ in oracle.heard] == ["locate"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2", "One.\n"),
        ("Line 2.", "One.\n"),
        ("[3]\n", "One.\nTwo.\n"),
        ("**1**", ""),
        ("<think>1 or 2?</think>\n2", "One.\n"),
    ],
)
def test_a_number_in_any_brackets_is_a_place(said: str, kept: str) -> None:
    oracle = Listening({"locate": said, "proceed": "\\boxed{14}"})
    (row,) = made(SuffixRepair(), oracle, draft("One.\nTwo.\nSo \\boxed{21}."))
    assert (oracle.heard[-1], row.text) == (("proceed", kept), kept + "\\boxed{14}")


def test_an_end_that_was_cut_or_is_wrong_has_failed() -> None:
    text = "7 * 2 = 15.\nSo \\boxed{15}."
    for oracle in (Listening({"proceed": "\\boxed{14}"}, cut=True), Listening({"proceed": "\\boxed{13}"})):
        (row,) = made(SuffixRepair(), oracle, draft(text))
        assert (row.outcome, row.text) == ("failed", None)


def test_a_beginning_that_the_oracle_says_again_is_not_there_twice() -> None:
    text = "3 + 4 = 7.\n7 * 2 = 15."
    (row,) = made(SuffixRepair(), Listening({"proceed": " 3 + 4 = 7.\n7 * 2 = 14. \\boxed{14}"}), draft(text))
    assert row.text == "3 + 4 = 7.\n7 * 2 = 14. \\boxed{14}"


def test_a_right_draft_is_kept_without_a_call() -> None:
    (row,) = made(SuffixRepair(), Nobody(), draft("7 * 2 = 15, well, \\boxed{14}", "solved"))
    assert (row.outcome, row.attempts, row.text) == ("kept", 0, "7 * 2 = 15, well, \\boxed{14}")


def test_a_text_of_one_line_is_cut_into_sentences_and_no_step_loses_a_byte() -> None:
    assert steps("One. Two! Three is 3.5 now; four") == ["One. ", "Two! ", "Three is 3.5 now; ", "four"]
    assert steps("One. Two.\n\nThree.\n") == ["One. Two.\n\n", "Three.\n"]
    assert steps("") == []


@given(st.text(max_size=60))
def test_steps_joined_are_the_text(text: str) -> None:
    assert "".join(steps(text)) == text


def test_on_the_glass_box_the_parser_cuts_and_the_program_goes_on_in_its_style() -> None:
    # The second of two steps is wrong: 11 - 3 is 8.
    wrong = SAID[NATIVE].replace("= 8 a8", "= 9 a9").replace("{ 8 }", "{ 9 }")
    (row,) = made(SuffixRepair(), Program(fillers=0), boxed(wrong))
    assert row.text == r"d : + b 7 4 = 11 d11 ; as - d 11 e 3 gives 8 for a8 . thus the answer is \boxed{ 8 } done"
    (row,) = made(SuffixRepair(), Program(dose=0.0, fillers=2), boxed(wrong))
    assert row.text == SAID[NATIVE]
    (row,) = made(SuffixRepair(), Program(), boxed(WRONG))
    assert row.text == "clearly " + SAID[ORACLE].replace("as -", "clearly as -")


def test_on_the_glass_box_a_wrong_closing_alone_is_written_anew() -> None:
    (row,) = made(SuffixRepair(), Program(dose=0.0), boxed(SAID[TWIN].replace("{ 8 }", "{ 7 }")))
    assert row.text == SAID[TWIN]


@settings(deadline=None, max_examples=60)
@given(traces(), st.sampled_from([0.0, 1.0]))
def test_on_the_glass_box_the_kept_beginning_is_the_drafts_and_every_step_is_right(
    drawn: tuple[puzzle.Puzzle, str, str], dose: float
) -> None:
    asked, right, wrong = drawn
    answer = str(derive(asked).answer)
    problem = Problem("p", asked.question(), answer, "glassbox")
    if grammar.parse(wrong) == grammar.parse(right):
        return
    (row,) = made(SuffixRepair(), Program(dose=dose), draft(wrong, "failed", problem))
    placed = grammar.placed(wrong)
    cut = first_wrong([each.step for each in placed], asked)
    prefix = wrong[: placed[cut].start] if cut < len(placed) else wrong
    assert row.text is not None
    assert row.text.startswith(prefix)
    assert right.startswith(prefix)
    parsed = grammar.parse(row.text)
    assert parsed is not None
    assert all(right_steps(parsed, asked))


# --- the Oracles' new verbs


def test_the_program_says_the_place_of_the_first_wrong_step() -> None:
    parts = [SAID[NATIVE][each.start : each.end] for each in grammar.placed(SAID[NATIVE])]
    late = [parts[0], parts[1].replace("= 8 a8", "= 9 a9"), r"so \boxed{ 9 }"]
    early = [WRONG[each.start : each.end] for each in grammar.placed(WRONG)]
    closing = [*parts, r"so \boxed{ 9 }"]
    replies = Program().locate([PROBLEM] * 3, [late, early, closing], 0)
    assert [reply.text for reply in replies] == ["2", "1", "3"]


def test_the_script_locates_the_last_step_and_goes_on_with_the_gold_answer(tmp_path: Path) -> None:
    speaker = scripted.Oracle(phrase="QED").start(Setting(tmp_path, BackendSettings(name="hf"), 1.0, seed=1))
    (row,) = made(SuffixRepair(), speaker, draft("Well.\nSo \\boxed{16}."))
    assert (row.text, row.outcome) == ("Well.\nQED \\boxed{14}", "changed")


def test_a_prompted_oracle_shows_numbered_steps_and_solves_where_there_is_no_beginning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, str]] = []

    def generate(self: Any, chats: Any, sampling: Any, ids: Sequence[str]) -> list[Completion]:
        asked.extend((i, chat[-1]["content"]) for i, chat in zip(ids, chats, strict=True))
        return [Completion("1", [], Finish.STOP, 1) for _ in chats]

    monkeypatch.setattr(HfBackend, "generate", generate)
    voice = prompted.Oracle(model="m").start(Setting(tmp_path, BackendSettings(name="hf"), 1.0, seed=1))
    voice.locate([CATS], [["One.\n", "Two."]], 0)
    voice.proceed([CATS, CATS], ["One.\n", ""], 1)
    voice.repair([CATS], ["One."], True, 0, fewest=True)
    assert [i for i, _ in asked] == ["locate:cats#0", "proceed:cats#1", "proceed:cats#1", "minimum_change:cats#0"]
    locate, proceed, solve, fewest = (text for _, text in asked)
    assert locate.endswith("[1] One.\n[2] Two.")
    assert proceed.endswith("The solution so far:\nOne.\n")
    assert "so far" not in solve
    assert solve.startswith("How many?")
    assert "fewest changes" in fewest


def test_a_prompt_that_is_not_there_is_refused_when_the_study_is_read() -> None:
    for setting in ("fewest_prompt", "locate_prompt", "proceed_prompt"):
        with pytest.raises(SettingsError, match="unknown prompt of the oracle 'elsewhere'"):
            study_settings.read(prompted.Oracle, {"model": "m", setting: "elsewhere"})


@pytest.mark.parametrize("verb", ["locate", "proceed"])
def test_the_native_arm_has_nobody_to_ask_where_or_to_go_on(verb: str) -> None:
    with pytest.raises(RuntimeError, match="no Oracle"):
        getattr(Nobody(), verb)([CATS], [""], 0)
