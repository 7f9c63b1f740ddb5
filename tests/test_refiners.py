"""Which draft of which problem, what a refiner makes of it, and what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from toydesk import Judging, Writing

from qup import settings
from qup.backends import BackendSettings, Completion
from qup.oracles import Reply, Setting, Speaker, scripted
from qup.records import Finish, Problem, Refined, Scope, Trace, Verdict
from qup.refiners import Candidate, Desk, Draft, Pool, StreamSettings, choose_drafts, make_stream, refine
from qup.refiners.oracle_refined import Refiner as OracleRefined
from qup.refiners.oracle_synthesized import Refiner as OracleSynthesized
from qup.refiners.rejection_sampling import Refiner as RejectionSampling
from qup.refiners.restyled import Refiner as Restyled
from qup.refiners.style_aligned import Refiner as StyleAligned
from qup.refiners.unfiltered import Refiner as Unfiltered
from qup.sampling import grade_traces

PROBLEMS = [Problem(name, f"{name}?", "2", "toy") for name in ("easy", "hard", "mute")]
C, W, U, T = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSED, Verdict.TRUNCATED
BOXED = {C: "\\boxed{2}", W: "\\boxed{7}", U: "", T: ""}


def traces(problem: str, *verdicts: Verdict) -> list[Trace]:
    return [
        Trace(problem, i, f"{problem} {i} {BOXED[v]}", 5, Finish.LENGTH if v is T else Finish.STOP, None, v)
        for i, v in enumerate(verdicts)
    ]


SAMPLES = [*traces("easy", W, C, T, C), *traces("hard", U, W, T, W), *traces("mute", U, T, T, U)]
"easy: right at 1 and 3. hard: never right, wrong at 1 and 3. mute: never an answer."


def draft(name: str, text: str, stratum: str = "solved") -> Draft:
    return Draft(Problem(name, f"{name}?", "2", "toy", replicate=1), stratum, 1, text)


@dataclass
class Saying:
    """An Oracle that says what is set for each problem and attempt, at `tokens` a reply; it notes what it is asked."""

    script: dict[str, list[str]]
    cut: bool = False
    tokens: int = 10
    failure: str | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        self.asked += [(p.id, attempt) for p in problems]
        return [Reply(self.script[p.id][attempt], self.tokens, self.cut, self.failure) for p in problems]

    def repair(self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int) -> list[Reply]:
        return self.solve(problems, attempt)

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        return self.solve(problems, attempt)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("solved", {"easy": "solved"}),
        ("failed", {"hard": "failed"}),
        ("all", {"easy": "solved", "hard": "failed"}),
    ],
)
def test_scope_says_which_problems_have_a_draft_and_one_without_any_answer_has_none(
    scope: Scope, expected: dict[str, str]
) -> None:
    drafts = choose_drafts(PROBLEMS, SAMPLES, scope, seed=1)
    assert {d.problem.id: d.stratum for d in drafts} == expected


def test_a_draft_is_a_right_trace_or_for_a_failed_problem_a_wrong_one_never_a_cut_one() -> None:
    chosen = {d.index for seed in range(40) for d in choose_drafts(PROBLEMS, SAMPLES, "solved", seed)}
    assert chosen == {1, 3}
    chosen = {d.index for seed in range(40) for d in choose_drafts(PROBLEMS, SAMPLES, "failed", seed)}
    assert chosen == {1, 3}


def test_the_choice_of_a_draft_depends_on_its_own_problem_only() -> None:
    both = choose_drafts(PROBLEMS, SAMPLES, "all", seed=5)
    turned = choose_drafts(PROBLEMS[::-1], SAMPLES[::-1], "all", seed=5)
    assert sorted(both, key=lambda d: d.problem.id) == sorted(turned, key=lambda d: d.problem.id)
    assert choose_drafts(PROBLEMS[:1], SAMPLES[:4], "all", seed=5) == both[:1]


def test_rejection_sampling_keeps_solved_drafts_untouched_and_has_none_for_failed_ones() -> None:
    drafts = [draft("a", "so \\boxed{2}"), draft("b", "so \\boxed{3}", "failed")]
    assert refine(RejectionSampling(), Desk(Saying({})), drafts, retries=1) == [
        Refined("a", 1, "solved", "so \\boxed{2}", "kept", 1, 0, 0, C),
        Refined("b", 1, "failed", None, "skipped", 1, 0, 0, None),
    ]


def test_an_answer_that_breaks_is_tried_again_once_and_then_counted_as_failed() -> None:
    right, wrong = "thus \\boxed{2}", "thus \\boxed{7}"
    oracle = Saying({"a": [right], "b": [wrong, right], "c": [wrong, wrong, right], "d": ["no answer", wrong]})
    drafts = [draft(name, "so \\boxed{2}") for name in "abcd"]
    made = refine(OracleRefined(), Desk(oracle), drafts, retries=1)
    # Two calls of 10 tokens wherever the first answer was not the right one.
    assert made == [
        Refined("a", 1, "solved", right, "changed", 1, 1, 10, C),
        Refined("b", 1, "solved", right, "changed", 1, 2, 20, C),
        Refined("c", 1, "solved", None, "failed", 1, 2, 20, W),
        Refined("d", 1, "solved", None, "failed", 1, 2, 20, W),
    ]
    assert oracle.asked == [*((name, 0) for name in "abcd"), *((name, 1) for name in "bcd")]


def test_no_retries_means_one_call() -> None:
    oracle = Saying({"a": ["\\boxed{7}", "\\boxed{2}"]})
    (made,) = refine(OracleRefined(), Desk(oracle), [draft("a", "x")], retries=0)
    assert (made.outcome, made.attempts, made.text) == ("failed", 1, None)


def test_a_reply_cut_before_its_answer_is_truncated_and_not_wrong() -> None:
    oracle = Saying({"a": ["let us", "first"]}, cut=True)
    (made,) = refine(OracleRefined(), Desk(oracle), [draft("a", "x")], retries=1)
    assert (made.outcome, made.verdict) == ("failed", T)


def test_a_reply_cut_after_it_boxed_the_answer_is_truncated_and_not_trained_on() -> None:
    oracle = Saying({"a": ["so \\boxed{2}. Let me check", "so \\boxed{2}. Let me check"]}, cut=True)
    for refiner in (OracleRefined(), OracleSynthesized(), StyleAligned(), Restyled()):
        (made,) = refine(refiner, Desk(oracle), [draft("a", "so \\boxed{2}")], retries=1)
        assert (made.outcome, made.verdict, made.text) == ("failed", T, None)


@pytest.mark.parametrize("boxed", ["\\boxed{2}", "\\boxed{7}"])
def test_a_sample_that_was_cut_after_its_box_is_never_a_draft(boxed: str) -> None:
    items = [(PROBLEMS[0], index) for index in range(2)]
    said = f"so {boxed}. Wait, let me double-check"
    graded = grade_traces(items, [Completion(said, [], Finish.LENGTH, 9), Completion("so 2", [], Finish.STOP, 3)])
    assert [trace.verdict for trace in graded] == [T, U]
    assert choose_drafts(PROBLEMS[:1], graded, "all", seed=1) == []


def test_a_draft_given_back_is_unchanged_and_one_character_makes_it_changed() -> None:
    text = "1 + 1 = 2\n\\boxed{2}"
    oracle = Saying({"a": [f" {text}\n"], "b": [text.replace("+", "plus")]})
    same, other = refine(OracleRefined(), Desk(oracle), [draft("a", text), draft("b", text)], retries=1)
    assert (same.outcome, same.attempts, same.oracle_tokens) == ("unchanged", 1, 10)
    assert other.outcome == "changed"


def test_a_call_is_a_call_where_the_endpoint_counts_no_tokens() -> None:
    text = "1 + 1 = 2\n\\boxed{2}"
    oracle = Saying({"a": [text], "b": ["thus \\boxed{2}"], "c": ["\\boxed{7}", "\\boxed{2}"]}, tokens=0)
    made = refine(OracleRefined(), Desk(oracle), [draft(name, text) for name in "abc"], retries=1)
    assert [(r.outcome, r.attempts) for r in made] == [("unchanged", 1), ("changed", 1), ("changed", 2)]
    assert {r.oracle_tokens for r in made} == {0}


def test_a_chat_that_was_not_answered_is_a_failed_trace_whatever_the_draft_says() -> None:
    # A draft without an answer would be matched by a text without one.
    for refiner in (Restyled(), OracleRefined()):
        oracle = Saying({"a": ["", ""], "b": ["\\boxed{2}", "\\boxed{2}"]}, failure="HTTP 400: filtered")
        made = refine(refiner, Desk(oracle), [draft("a", "no answer", "failed"), draft("b", "\\boxed{2}")], retries=1)
        assert [(r.outcome, r.text, r.attempts) for r in made] == [("failed", None, 2)] * 2


def test_what_a_refiner_makes_of_a_reply_is_still_a_call() -> None:
    @dataclass
    class Trimming:
        repairs: ClassVar[bool] = True
        pool: ClassVar[Pool] = Pool.NONE

        def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
            return [Reply(r.text.strip(), r.tokens) for r in desk.oracle.solve([d.problem for d in drafts], attempt)]

    refiner: Any = Trimming()
    (made,) = refine(refiner, Desk(Saying({"a": [" \\boxed{2} "]})), [draft("a", "x")], retries=0)
    assert (made.outcome, made.attempts, made.text) == ("changed", 1, "\\boxed{2}")


def test_a_restyled_draft_must_keep_its_own_answer_right_or_wrong_and_is_graded_against_gold() -> None:
    right, wrong, other = "thus \\boxed{2}", "thus \\boxed{7}", "thus \\boxed{8}"
    oracle = Saying({"a": [right], "b": [wrong], "c": [right, wrong], "d": [other, "no answer"], "e": [wrong, right]})
    solved, failed = "so \\boxed{2}", "so \\boxed{7}"
    drafts = [draft("a", solved), *(draft(name, failed, "failed") for name in "bcd"), draft("e", solved)]
    assert refine(Restyled(), Desk(oracle), drafts, retries=1) == [
        Refined("a", 1, "solved", right, "changed", 1, 1, 10, C),
        Refined("b", 1, "failed", wrong, "changed", 1, 1, 10, W),
        # Corrected, where nothing was to be corrected.
        Refined("c", 1, "failed", wrong, "changed", 1, 2, 20, W),
        Refined("d", 1, "failed", None, "failed", 1, 2, 20, U),
        Refined("e", 1, "solved", right, "changed", 1, 2, 20, C),
    ]


def test_an_equal_answer_in_another_notation_is_still_the_drafts_own() -> None:
    oracle = Saying({"a": ["thus \\boxed{\\frac{3}{2}}"]})
    (made,) = refine(Restyled(), Desk(oracle), [draft("a", "so \\boxed{3/2}", "failed")], retries=0)
    assert (made.outcome, made.verdict) == ("changed", W)


def test_a_refiner_that_repairs_may_not_leave_a_wrong_draft_as_it_is() -> None:
    oracle = Saying({"a": ["so \\boxed{7}"]})
    (made,) = refine(StyleAligned(), Desk(oracle), [draft("a", "so \\boxed{7}", "failed")], retries=0)
    assert (made.outcome, made.text, made.verdict) == ("failed", None, W)


def test_unfiltered_keeps_the_drafts_of_both_strata_at_no_cost() -> None:
    drafts = [draft("a", "so \\boxed{2}"), draft("b", "so \\boxed{3}", "failed")]
    assert refine(Unfiltered(), Desk(Saying({})), drafts, retries=1) == [
        Refined("a", 1, "solved", "so \\boxed{2}", "kept", 1, 0, 0, C),
        Refined("b", 1, "failed", "so \\boxed{3}", "kept", 1, 0, 0, W),
    ]


def test_an_empty_stream_of_drafts_is_an_empty_stream() -> None:
    assert refine(OracleRefined(), Desk(Saying({})), [], retries=1) == []


@pytest.fixture
def script(tmp_path: Path) -> Speaker:
    """The smoke study's Oracle: its first answer of each batch is broken, a retry mends it."""
    setting = Setting(tmp_path, BackendSettings(name="hf"), 1.0, seed=1)
    return scripted.Oracle(phrase="QED", breaks=1).start(setting)


def test_repair_that_keeps_style_keeps_the_drafts_words_and_the_other_does_not(script: Speaker) -> None:
    drafts = [draft("a", "two and \\boxed{3}", "failed"), draft("b", "one and \\boxed{3}", "failed")]
    free = refine(OracleRefined(), Desk(script), drafts, retries=1)
    kept = refine(StyleAligned(), Desk(script), drafts, retries=1)
    # The first draft's answer was broken once. 17 characters, of which the first half are the first 8.
    assert [r.attempts for r in free] == [r.attempts for r in kept] == [2, 1]
    assert [r.text for r in free] == ["QED \\boxed{2}"] * 2
    assert [r.text for r in kept] == ["two and \n\\boxed{2}", "one and \n\\boxed{2}"]


def test_a_scripted_restyle_says_the_drafts_own_answer_in_the_oracles_phrase(script: Speaker) -> None:
    drafts = [draft("a", "two and \\boxed{3}", "failed"), draft("b", "one and \\boxed{2}")]
    made = refine(Restyled(), Desk(script), drafts, retries=1)
    assert [(r.text, r.attempts) for r in made] == [("QED \\boxed{3}", 2), ("QED \\boxed{2}", 1)]


def test_synthesis_never_sees_the_draft(script: Speaker) -> None:
    one = refine(OracleSynthesized(), Desk(script), [draft("a", "this")], retries=1)
    other = refine(OracleSynthesized(), Desk(script), [draft("a", "that, at length")], retries=1)
    assert [r.text for r in one] == [r.text for r in other] == ["QED \\boxed{2}"]


# --- the pool


@dataclass
class Choosing:
    """A refiner that takes the drafts as they are and notes what it was given to choose from, by problem."""

    repairs: ClassVar[bool] = False
    pool: Pool
    given: dict[str, tuple[Candidate, ...]] = field(default_factory=dict)

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        self.given |= {d.problem.id: d.pool for d in drafts}
        return [Reply(d.text, tokens=0) for d in drafts]


STREAMS = {
    "home/restyled": [
        Refined("easy", 1, "solved", "thus \\boxed{2}", "changed", 1, 1, 9, C),
        Refined("hard", 1, "failed", "thus \\boxed{7}", "changed", 1, 1, 9, W),
    ],
    "home/oracle_refined": [
        Refined("easy", 1, "solved", "hence \\boxed{2}", "changed", 1, 1, 9, C),
        Refined("hard", 1, "failed", None, "failed", 1, 2, 18, W),
    ],
}
"Two main arms; the second has no trace of the hard problem."


def given_to(pool: Pool) -> dict[str, tuple[Candidate, ...]]:
    refiner: Any = Choosing(pool)
    make_stream(refiner, Desk(), PROBLEMS, SAMPLES, StreamSettings("all", retries=0), 1, STREAMS)
    given: dict[str, tuple[Candidate, ...]] = refiner.given
    return given


def test_a_refiner_that_asks_for_no_pool_is_given_none() -> None:
    assert given_to(Pool.NONE) == {"easy": (), "hard": ()}


def test_a_refiner_may_choose_from_all_samples_of_its_problem_right_or_wrong_but_none_that_was_cut() -> None:
    easy, hard = ([trace for trace in own if trace.finish is Finish.STOP] for own in (SAMPLES[:4], SAMPLES[4:8]))
    assert given_to(Pool.SAMPLES) == {
        "easy": tuple(Candidate("samples", trace.text, trace.verdict) for trace in easy),
        "hard": tuple(Candidate("samples", trace.text, trace.verdict) for trace in hard),
    }
    assert [c.verdict for c in given_to(Pool.SAMPLES)["easy"]] == [W, C, C]


def test_a_refiner_may_choose_from_the_main_arms_streams_too_where_they_have_a_trace() -> None:
    samples, given = given_to(Pool.SAMPLES), given_to(Pool.STREAMS)
    restyled = Candidate("home/restyled", "thus \\boxed{2}", C)
    refined = Candidate("home/oracle_refined", "hence \\boxed{2}", C)
    assert given["easy"] == (*samples["easy"], restyled, refined)
    assert given["hard"] == (*samples["hard"], Candidate("home/restyled", "thus \\boxed{7}", W))


def test_a_stream_that_no_main_arm_adds_to_is_chosen_from_the_samples_alone() -> None:
    refiner: Any = Choosing(Pool.STREAMS)
    make_stream(refiner, Desk(), PROBLEMS, SAMPLES, StreamSettings("all", retries=0), 1)
    assert refiner.given == given_to(Pool.SAMPLES)


# --- the stream of an arm


def test_a_stream_is_made_of_the_drafts_in_its_scope_with_the_retries_that_are_set() -> None:
    right, wrong = "thus \\boxed{2}", "thus \\boxed{7}"
    oracle = Saying({"easy": [wrong, right], "hard": [wrong, wrong, right]})
    none = make_stream(OracleRefined(), Desk(oracle), PROBLEMS, SAMPLES, StreamSettings("solved", retries=0), 1)
    assert [(r.problem_id, r.outcome, r.attempts) for r in none] == [("easy", "failed", 1)]
    two = make_stream(OracleRefined(), Desk(oracle), PROBLEMS, SAMPLES, StreamSettings("all", retries=2), 1)
    assert [(r.problem_id, r.outcome, r.attempts) for r in two] == [("easy", "changed", 2), ("hard", "changed", 3)]


def test_a_stream_tells_what_became_of_its_problems(capsys: pytest.CaptureFixture[str]) -> None:
    make_stream(RejectionSampling(), Desk(), PROBLEMS, SAMPLES, StreamSettings("all"), 1)
    assert capsys.readouterr().out == "2 problems: failed skipped 1, solved kept 1\n"


def test_the_native_arm_has_nobody_to_ask() -> None:
    with pytest.raises(RuntimeError, match="no Oracle"):
        refine(OracleRefined(), Desk(), [draft("a", "x")], retries=0)
    with pytest.raises(RuntimeError, match="no Oracle"):
        refine(Restyled(), Desk(), [draft("a", "x")], retries=0)


@pytest.mark.parametrize("name", settings.names("refiners"))
def test_every_refiner_accounts_for_every_draft_in_order(name: str, script: Speaker) -> None:
    refiner = settings.load("refiners", name)()
    desk = Desk(script, Writing(), Judging())
    made = make_stream(refiner, desk, PROBLEMS, SAMPLES, StreamSettings("all"), 1, STREAMS)
    assert [r.problem_id for r in made] == ["easy", "hard"]
    assert [r.draft_index for r in made] == [d.index for d in choose_drafts(PROBLEMS, SAMPLES, "all", seed=1)]
    for row in made:
        assert (row.text is None) == (row.outcome in ("failed", "skipped"))
        assert (row.attempts == 0) == (row.oracle_tokens == 0)
