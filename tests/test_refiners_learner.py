"""Refiners that ask the learner or a reward: whom they choose, what they show, what they mask, and what it cost."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from toydesk import SPENT, Judging, Writing

from qup import rewards, settings, study
from qup.backends import BackendSettings
from qup.errors import SettingsError
from qup.learner import Learner
from qup.measured import Stream, _stream
from qup.oracles import Reply
from qup.records import Mask, Problem, Refined, TokenStats, Verdict
from qup.refiners import SAMPLES, Candidate, Desk, Draft, StreamSettings, _references, make_stream, refine
from qup.refiners._writer import LearnerAtWork
from qup.refiners.best_reward import Refiner as BestReward
from qup.refiners.grape import Refiner as Grape
from qup.refiners.guided import Refiner as Guided
from qup.refiners.hinted import Refiner as Hinted
from qup.refiners.masked import Refiner as Masked
from qup.refiners.reference import Refiner as Reference
from qup.refiners.self_distilled import Refiner as SelfDistilled
from qup.report.numbers import to_json
from qup.report.sections import budgets
from qup.rewards._panel import Panel
from qup.rewards.answer import Reward as Answer
from qup.rewards.process import Reward as Process
from qup.sampling import SamplingSettings

C, W = Verdict.CORRECT, Verdict.WRONG
ROOT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass
class Solving:
    """An Oracle that says what is set for each problem and attempt, at 10 tokens a reply."""

    script: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    cut: bool = False
    asked: list[str] = dataclasses.field(default_factory=list)

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        self.asked += [problem.id for problem in problems]
        return [Reply(self.script[problem.id][attempt], 10, self.cut) for problem in problems]

    def repair(self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int) -> list[Reply]:
        return self.solve(problems, attempt)

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        return self.solve(problems, attempt)


def draft(name: str, *pool: Candidate, stratum: Any = "solved", solution: str | None = None) -> Draft:
    problem = Problem(name, f"{name}?", "2", "toy", solution, replicate=1)
    return Draft(problem, stratum, 0, "own \\boxed{2}" if stratum == "solved" else "own \\boxed{7}", pool)


def right(text: str, source: str = "samples") -> Candidate:
    return Candidate(source, f"{text} \\boxed{{2}}", C)


# --- select


def test_grape_takes_the_correct_candidate_of_the_highest_mean_log_probability_not_of_the_highest_sum() -> None:
    short, long, wrong = right("short"), right("long"), Candidate("samples", "wrong \\boxed{7}", W)
    # Means -2 and -1.5, sums -4 and -6. The wrong one is the likeliest of all.
    learner = Writing(logprobs={short.text: [-1.0, -3.0], long.text: [-1.5] * 4, wrong.text: [-0.1]})
    (made,) = refine(Grape(), Desk(learner=learner), [draft("a", wrong, short, long)], retries=0)
    assert (made.text, made.origin, made.outcome, made.verdict) == (long.text, "samples", "kept", C)
    assert learner.scored == [short.text, long.text]
    # Asked for the likeliest sum it would be the other.
    assert max((short, long), key=lambda c: sum(learner.logprobs[c.text])) is short


def test_of_equally_likely_candidates_the_first_is_taken_and_the_same_text_is_scored_once() -> None:
    first, second = right("first"), right("second", "home/restyled")
    again = dataclasses.replace(first, source="home/oracle_refined")
    for pool, winner in (((first, second, again), first), ((second, first, again), second)):
        learner = Writing()
        (made,) = refine(Grape(), Desk(learner=learner), [draft("a", *pool)], retries=0)
        assert (made.text, made.origin) == (winner.text, winner.source)
        assert len(learner.scored) == 2


def test_without_a_correct_candidate_there_is_none_to_give_and_an_only_one_is_taken_unscored() -> None:
    learner, only = Writing(), right("only")
    wrong = [Candidate("samples", "x \\boxed{7}", W), Candidate("samples", "", Verdict.UNPARSED)]
    drafts = [draft("a", *wrong, stratum="failed"), draft("b", *wrong, only)]
    made = refine(Grape(), Desk(learner=learner), drafts, retries=1)
    assert [(r.outcome, r.text) for r in made] == [("skipped", None), ("kept", only.text)]
    assert learner.scored == []


def test_grape_chooses_from_the_main_arms_traces_where_they_are_at_hand() -> None:
    problems, traces = [Problem("hard", "hard?", "2", "toy")], [trace("hard", "no \\boxed{7}", W)]
    refined = Refined("hard", 0, "failed", "Oracle \\boxed{2}", "changed", 0, 1, 9, C)
    desk, scope = Desk(learner=Writing()), StreamSettings("all")
    (made,) = make_stream(Grape(), desk, problems, traces, scope, 1, {"home/oracle_refined": [refined]})
    assert (made.text, made.origin) == (refined.text, "home/oracle_refined")
    (alone,) = make_stream(Grape(), desk, problems, traces, scope, 1)
    assert (alone.text, alone.outcome) == (None, "skipped")


def trace(problem: str, text: str, verdict: Verdict) -> Any:
    from qup.records import Finish, Trace

    return Trace(problem, 0, text, 5, Finish.STOP, None, verdict)


def test_best_reward_takes_the_preferred_correct_candidate_and_one_without_a_reward_is_no_choice() -> None:
    low, high, unknown = right("low"), right("high"), right("unknown")
    wrong = Candidate("samples", "wrong \\boxed{7}", W)
    judges = Judging({low.text: -3.0, high.text: -1.0, unknown.text: None, wrong.text: 9.0})
    (made,) = refine(BestReward(), Desk(judges=judges), [draft("a", wrong, unknown, low, high)], retries=0)
    assert (made.text, made.outcome, made.attempts) == (high.text, "kept", 0)


def test_where_no_candidate_has_a_reward_the_draft_has_failed_and_nobody_is_asked_again() -> None:
    one, two = right("one"), right("two")
    judges = Judging({one.text: None, two.text: None})
    (made,) = refine(BestReward(), Desk(judges=judges), [draft("a", one, two)], retries=3)
    assert (made.outcome, made.text) == ("failed", None)
    assert judges.asked == [one.text, two.text]


def test_the_panel_scores_by_the_reward_that_is_named_or_by_the_first_that_perceives_quality() -> None:
    seen: list[str] = []

    class Toy(Process):
        def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Any]:
            seen.append("perceiving")
            return [rewards.Score(p.id, "toy", 1.0) for p in problems]

    problems = [Problem("p", "1 + 1?", "2", "toy")]
    panel = Panel({"answer": Answer(), "mine": Toy(model="m")}, Path())
    assert [score.reward for score in panel.score(problems, ["\\boxed{2}"])] == ["mine"]
    assert [score.value for score in panel.score(problems, ["\\boxed{7}"], "answer")] == [0.0]
    assert seen == ["perceiving"]
    assert [s.reward for s in Panel({"answer": Answer()}, Path()).score(problems, ["\\boxed{2}"])] == ["answer"]
    with pytest.raises(SettingsError, match="unknown reward 'min': did you mean 'mine'"):
        panel.score(problems, ["x"], "min")
    with pytest.raises(SettingsError, match="reward: the study has no reward to choose a trace by: add one"):
        Panel({}, Path()).score(problems, ["x"])


def test_every_word_for_whose_a_trace_is_is_told_where_the_record_and_the_guide_tell_of_it() -> None:
    words = {SAMPLES, _references.OWN, _references.GUIDED, _references.ORACLE, _references.REFERENCE}
    source = (ROOT / "qup/records/_streams.py").read_text(encoding="utf-8").partition("origin: ")[2].split("\n")[1]
    page = (ROOT / "docs/refiners.md").read_text(encoding="utf-8").partition("`origin` in")[2].partition("\n\n")[0]
    for told in (source, page):
        assert {word for word in words if f"`{word}`" in told} == words


# --- references


@pytest.mark.parametrize(
    ("solution", "expected"),
    [
        ("So 2.", "So 2.\nThe final answer is \\boxed{2}."),
        ("1 + 1 = <<1+1=2>>2\n#### 2", "1 + 1 = 2\nThe final answer is \\boxed{2}."),
        ("#### 2", "The final answer is \\boxed{2}."),
        ("A heading\n### Step 1\n1 + 1 = 2", "A heading\n### Step 1\n1 + 1 = 2\nThe final answer is \\boxed{2}."),
        ("so \\boxed{2}", "so \\boxed{2}"),
        ("so \\boxed{2}\n#### 2", "so \\boxed{2}\n#### 2"),
        ("cout << x << 1", "cout << x << 1\nThe final answer is \\boxed{2}."),
        (None, None),
    ],
)
def test_a_reference_ends_in_a_box_of_the_gold_answer_unless_it_has_one(solution: str, expected: str | None) -> None:
    assert _references.worked(Problem("p", "1 + 1?", "2", "toy", solution)) == expected


def test_the_reference_refiner_gives_the_data_sets_own_and_has_none_where_there_is_none() -> None:
    drafts = [draft("a", solution="So 2."), draft("b"), draft("c", solution="so \\boxed{3}")]
    made = refine(Reference(), Desk(), drafts, retries=1)
    assert [(r.outcome, r.text, r.attempts) for r in made] == [
        ("kept", "So 2.\nThe final answer is \\boxed{2}.", 0),
        ("skipped", None, 0),
        # Its own box is another answer than gold: counted, not mended.
        ("failed", None, 0),
    ]


def test_the_learner_sees_the_reference_in_its_own_prompt_and_the_oracle_is_asked_where_there_is_none() -> None:
    oracle, learner = Solving({"b": ["Oracle \\boxed{2}"]}), Writing()
    drafts = [draft("a", solution="Because \\boxed{2}"), draft("b")]
    made = refine(Hinted(), Desk(oracle, learner), drafts, retries=0)
    assert oracle.asked == ["b"]
    for chat, question, hint in zip(learner.asked, ("a?", "b?"), ("Because", "Oracle"), strict=True):
        assert chat.startswith(f"Be brief.\n{question} Box it.\n")
        assert f"{hint} \\boxed{{2}}" in chat
    assert [(r.text, r.outcome, r.attempts, r.oracle_tokens, r.learner_tokens) for r in made] == [
        ("so \\boxed{2}", "changed", 0, 0, SPENT),
        ("so \\boxed{2}", "changed", 1, 10, SPENT),
    ]


def test_a_study_may_have_the_oracle_write_every_reference() -> None:
    oracle = Solving({"a": ["Oracle \\boxed{2}"]})
    refine(Hinted(source="oracle"), Desk(oracle, Writing()), [draft("a", solution="So 2.")], retries=0)
    assert oracle.asked == ["a"]


def test_a_hinted_trace_that_misses_the_answer_is_drawn_again_and_its_cost_counted() -> None:
    learner = Writing({"a": ["so \\boxed{7}", "so \\boxed{2}"], "b": ["so \\boxed{7}", "no"]})
    drafts = [draft(name, solution="So 2.") for name in "ab"]
    made = refine(Hinted(), Desk(learner=learner), drafts, retries=1)
    assert [(r.outcome, r.learner_tokens, r.origin) for r in made] == [
        ("changed", 2 * SPENT, "guided"),
        ("failed", 2 * SPENT, None),
    ]


def test_a_reference_said_again_with_another_answer_is_replaced_by_the_reference() -> None:
    learner = Writing({"a": ["my \\boxed{2}"], "b": ["my \\boxed{7}"], "c": ["my words"]})
    drafts = [draft(name, solution=f"ref {name}") for name in "abc"]
    made = refine(SelfDistilled(), Desk(learner=learner), drafts, retries=0)
    box = "\nThe final answer is \\boxed{2}."
    assert [(r.text, r.origin) for r in made] == [
        ("my \\boxed{2}", "guided"),
        (f"ref b{box}", "reference"),
        (f"ref c{box}", "reference"),
    ]
    assert {(r.outcome, r.learner_tokens) for r in made} == {("changed", SPENT)}


def test_a_reference_that_was_cut_while_said_again_is_replaced_whatever_it_boxed() -> None:
    learner = Writing({"a": ["my \\boxed{2}, but wait"]}, cut=True)
    (made,) = refine(SelfDistilled(), Desk(learner=learner), [draft("a", solution="so \\boxed{2}")], retries=0)
    assert (made.text, made.origin, made.verdict) == ("so \\boxed{2}", "reference", C)


def test_an_oracles_reference_that_is_wrong_is_no_trace_whatever_the_learner_says_of_it() -> None:
    oracle, learner = Solving({"a": ["\\boxed{7}", "\\boxed{7}"]}), Writing({"a": ["\\boxed{7}", "\\boxed{7}"]})
    (made,) = refine(SelfDistilled(), Desk(oracle, learner), [draft("a")], retries=1)
    assert (made.outcome, made.attempts, made.oracle_tokens, made.learner_tokens) == ("failed", 2, 20, 2 * SPENT)


def test_a_solution_that_was_cut_is_shown_to_nobody() -> None:
    oracle, learner = Solving({"a": ["so \\boxed{2} and"]}, cut=True), Writing()
    for refiner in (Hinted(), SelfDistilled()):
        (made,) = refine(refiner, Desk(oracle, learner), [draft("a")], retries=0)
        assert (made.outcome, made.verdict, made.learner_tokens) == ("failed", Verdict.TRUNCATED, 0)
    assert learner.asked == []


def test_guided_keeps_own_traces_solves_failed_problems_again_and_asks_the_oracle_last() -> None:
    oracle = Solving({"c": ["Oracle \\boxed{2}"], "d": ["Oracle \\boxed{7}"]})
    learner = Writing({"b": ["again \\boxed{2}"], "c": ["again \\boxed{7}"], "d": ["again"]})
    failed = [draft(name, stratum="failed", solution="So 2.") for name in "bcd"]
    made = refine(Guided(), Desk(oracle, learner), [draft("a"), *failed], retries=0)
    assert [(r.text, r.origin, r.outcome, r.attempts, r.learner_tokens) for r in made] == [
        ("own \\boxed{2}", "own", "kept", 0, 0),
        ("again \\boxed{2}", "guided", "changed", 0, SPENT),
        ("Oracle \\boxed{2}", "oracle", "changed", 1, SPENT),
        (None, None, "failed", 1, SPENT),
    ]
    assert oracle.asked == ["c", "d"]


def test_an_oracle_that_wrote_the_guide_is_not_asked_twice() -> None:
    oracle, learner = Solving({"a": ["Oracle \\boxed{2}"]}), Writing({"a": ["again \\boxed{7}"]})
    (made,) = refine(Guided(), Desk(oracle, learner), [draft("a", stratum="failed")], retries=0)
    assert (made.text, made.origin, made.attempts, made.oracle_tokens) == ("Oracle \\boxed{2}", "oracle", 1, 10)
    assert oracle.asked == ["a"]


def test_more_draws_are_spent_only_where_the_one_before_was_wrong() -> None:
    learner = Writing({"a": ["\\boxed{7}", "now \\boxed{2}", "no"], "b": ["at once \\boxed{2}", "no", "no"]})
    drafts = [draft(name, stratum="failed", solution="So 2.") for name in "ab"]
    made = refine(Guided(draws=3), Desk(learner=learner), drafts, retries=0)
    assert [(r.text, r.learner_tokens) for r in made] == [
        ("now \\boxed{2}", 2 * SPENT),
        ("at once \\boxed{2}", SPENT),
    ]


# --- mask


def test_tokens_above_the_perplexity_threshold_are_left_out_and_one_at_it_is_not() -> None:
    # Probabilities 1/2, 1/4, 2/5, 1/100: perplexities 2, 4, 2.5 and 100.
    logprob = [math.log(p) for p in (0.5, 0.25, 0.4, 0.01)]
    stats = TokenStats([5, 6, 7, 8], logprob)
    assert Masked(threshold=2.5000001).mask(stats) == Mask(4, [1, 3])
    assert Masked(threshold=4.1).mask(stats) == Mask(4, [3])
    assert Masked(threshold=1.0).mask(stats) == Mask(4, [0, 1, 2, 3])
    assert Masked(threshold=1e9).mask(stats) == Mask(4, [])


def test_a_masked_stream_is_the_oracle_refined_one_to_the_letter_with_masks() -> None:
    from qup.refiners.oracle_refined import Refiner as OracleRefined

    script = {"a": ["thus \\boxed{2}"], "b": ["\\boxed{7}"]}
    learner = Writing(logprobs={"thus \\boxed{2}": [-0.1, -5.0, -0.1]})
    drafts = [draft("a"), draft("b")]
    masked = refine(Masked(), Desk(Solving(script), learner), drafts, retries=0)
    assert [r.mask for r in masked] == [Mask(3, [1]), None]
    plain = refine(OracleRefined(), Desk(Solving(script)), drafts, retries=0)
    assert [dataclasses.replace(r, mask=None) for r in masked] == plain


# --- the learner at work


@pytest.fixture(scope="module")
def writer(learner: Path) -> LearnerAtWork:
    asked = Learner(learner, "boxed", BackendSettings(name="hf", dtype="float32"))
    return LearnerAtWork(asked, SamplingSettings(n=1, max_tokens=12), seed=5)


def test_the_learner_draws_by_seed_task_problem_and_attempt_and_is_loaded_at_its_first_word(
    writer: LearnerAtWork,
) -> None:
    assert "runner" not in vars(writer.learner)
    assert writer.write("hinted", [], [], 0) == []
    assert "runner" not in vars(writer.learner)
    problems = [Problem(name, f"{name}?", "2", "toy") for name in "pq"]
    chats = [writer.ask(problem.question) for problem in problems]

    def said(by: LearnerAtWork = writer, task: str = "hinted", attempt: int = 0) -> list[str]:
        return [reply.text for reply in by.write(task, chats, problems, attempt)]

    assert said() == said()
    others = [said(attempt=1), said(task="guided"), said(dataclasses.replace(writer, seed=6))]
    assert all(other != said() for other in others)
    replies = writer.write("hinted", chats, problems, 0)
    assert all(0 < reply.learner_tokens <= 12 and reply.tokens == 0 for reply in replies)
    assert [reply.truncated for reply in replies] == [reply.learner_tokens == 12 for reply in replies]


def test_the_learner_scores_a_trace_as_compatibility_is_measured(writer: LearnerAtWork) -> None:
    problem = Problem("p", "1 + 1?", "2", "toy")
    (stats,) = writer.score([problem], ["so \\boxed{2}"])
    (expected,) = writer.learner.score([writer.learner.encode(problem.question, "so \\boxed{2}")])
    assert stats == expected
    assert len(stats.token_ids) == len(writer.learner.encode(problem.question, "so \\boxed{2}")[1])


# --- settings


def smoke(**changes: Any) -> study.Study:
    given = settings.read_yaml(ROOT / "studies" / "smoke.yaml")
    for key, value in changes.items():
        # Rewards are counted out by a test; None takes all of a section away.
        given[key] = {**({} if key == "rewards" else given[key]), **value} if value is not None else {}
    made: study.Study = settings.read(study.Study, given)
    return made


def test_a_refiner_is_set_for_the_cells_in_streams_and_for_an_arm_by_itself() -> None:
    arms = {f"mask{t}": {"oracle": "home", "refiner": "masked", "settings": {"threshold": t}} for t in (3, 5)}
    arms |= {"plain": {"oracle": "home", "refiner": "masked"}}
    own = smoke(arms=arms, streams={"refiners": {"masked": {"threshold": 2, "trace": "synthesized"}}})
    assert own.refiner("masked") == Masked(2, "synthesized")
    made = {name: own.refiner_of(arm) for name, arm in own.further.items() if name in arms}
    # What an arm does not say is as the cells have it.
    assert made == {
        "mask3": Masked(3, "synthesized"),
        "mask5": Masked(5, "synthesized"),
        "plain": Masked(2, "synthesized"),
    }
    assert own.refiner("grape") == Grape()
    assert own.refiner_of(own.main_arm("home", "masked")) == Masked(2, "synthesized")


ARM = {"oracle": "home", "refiner": "masked"}
BEST = {"oracle": "home", "refiner": "best_reward"}
INFORMED = {"outcome": {"model": "learner"}, "retention": {"model": "judge"}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"arms": {"a": {**ARM, "settings": {"treshold": 3}}}},
            "arms.a.settings: unknown key 'treshold': did you mean",
        ),
        ({"arms": {"a": {**ARM, "settings": {"threshold": 0.5}}}}, "arms.a.settings.threshold: "),
        ({"arms": {"a": {**ARM, "settings": {"threshold": "3"}}}}, "arms.a.settings.threshold: "),
        ({"streams": {"refiners": {"masked": {"threshold": 0}}}}, "streams.refiners.masked.threshold: "),
        ({"streams": {"refiners": {"maskd": {}}}}, "streams.refiners.maskd: unknown refiner 'maskd': did you mean"),
        (
            {"streams": {"refiners": {"mine": {"refiner": "masked"}}}},
            "streams.refiners.mine: expected a file of qup/refiners",
        ),
        (
            {"arms": {"a": {"oracle": "home", "refiner": "hinted", "settings": {"prompt": "hint"}}}},
            "arms.a.settings.prompt: unknown prompt of the guide 'hint': did you mean 'hinted'",
        ),
        (
            {"streams": {"refiners": {"best_reward": {"reward": "genrn"}}}},
            "streams.refiners.best_reward.reward: unknown reward 'genrn': did you mean 'genrm'",
        ),
        (
            {"arms": {"a": {"oracle": "home", "refiner": "best_reward", "settings": {"reward": "genrn"}}}},
            "arms.a.settings.reward: unknown reward 'genrn': did you mean 'genrm'",
        ),
        # Found out by the refiner itself it would be after all sampling, and of an arm after all training.
        (
            {"arms": {"a": {**BEST, "settings": {"reward": "outcome"}}}},
            "arms.a.settings.reward: 'outcome' needs the learner's samples, which a refiner has not: choose by "
            "another: answer, genrm, sequence_classifier",
        ),
        (
            {"streams": {"refiners": {"best_reward": {"reward": "retention"}}}},
            "streams.refiners.best_reward.reward: 'retention' needs the learner's samples",
        ),
        (
            {"arms": {"a": BEST}, "rewards": None, "controls": None},
            "arms.a.settings.reward: the study has no reward to choose a trace by: add one",
        ),
        (
            {"arms": {"a": BEST}, "rewards": INFORMED, "controls": None},
            "arms.a.settings.reward: the study has no reward to choose a trace by (outcome, retention: for the "
            "learner's samples, which a refiner has not): add one",
        ),
    ],
)
def test_a_bad_setting_of_a_refiner_is_one_line_that_says_where(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        smoke(**changes)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [{}, INFORMED])
def test_a_refiner_under_comparison_that_has_no_reward_to_choose_by_is_refused_before_anything_runs(given: Any) -> None:
    own = smoke(rewards=given, controls=None)
    with pytest.raises(SettingsError, match=r"^streams\.refiners\.best_reward\.reward: the study has no reward"):
        own.main_arms(["home"], "best_reward")
    assert "home/grape" in own.main_arms(["home"], "grape")


# --- what the report says of it


def test_the_report_has_the_shares_of_authors_and_says_nothing_where_an_arm_has_one() -> None:
    plain = Stream(2, 2, {"kept": 2}, {"solved": 2}, {"correct": 2}, 0, 0)
    told = {"learner_tokens": 21, "origins": {"guided": 2, "own": 1}, "masked": 1234}
    shared = dataclasses.replace(plain, problems=4, traces=3, **told)
    alone = budgets.show({"a": budgets.Budget(plain, [], 0)}, {"a": "A"})
    assert len(alone.tables) == 2
    both = budgets.show({n: budgets.Budget(s, [], 0) for n, s in (("a", plain), ("b", shared))}, {"a": "A", "b": "B"})
    authors = both.tables[1]
    assert authors.columns == ["arm", "guided", "own", "learner's tokens", "tokens not trained on"]
    assert [[cell.text for cell in row] for row in authors.rows] == [["B", "2 (67%)", "1 (33%)", "21", "1,234"]]
    # The numbers of a study without are as they were.
    assert not set(told) & set(to_json(plain))
    assert to_json(shared)["origins"] == told["origins"]


def test_a_measured_stream_counts_authors_what_the_learner_wrote_and_what_is_masked() -> None:
    stream = [
        Refined("a", 1, "solved", "x", "kept", 0, 0, 0, C, origin="own"),
        Refined("b", 1, "failed", "y", "changed", 0, 1, 9, C, 7, "oracle", Mask(9, [0, 8])),
        Refined("c", 1, "failed", None, "failed", 0, 1, 9, W, 5),
    ]
    counted = _stream(stream)
    assert (counted.origins, counted.learner_tokens, counted.masked) == ({"oracle": 1, "own": 1}, 12, 2)
