"""Several traces of a problem: which are distinct, that none is used twice, and that none is missing or there twice."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from toydesk import Judging

from qup import compat, measured, records, rewards, training
from qup.arms import Arm
from qup.backends import BackendSettings
from qup.errors import SettingsError
from qup.learner import Learner
from qup.measured import checks
from qup.oracles import Nobody, Reply, Speaker
from qup.records import Compat, Finish, Problem, Refined, Score, Trace, Verdict, calculation, due
from qup.refiners import Desk, Draft, Pool, StreamSettings, choose_drafts, make_stream
from qup.refiners.best_reward import Refiner as BestReward
from qup.refiners.oracle_refined import Refiner as OracleRefined
from qup.refiners.oracle_synthesized import Refiner as OracleSynthesized
from qup.refiners.rejection_sampling import Refiner as RejectionSampling
from qup.report.foresight import races
from qup.report.traces import Traces
from qup.rewards.answer import Reward as Answer
from qup.stats import Bootstrap
from qup.training.settings import Budget, TrainingSettings

PROBLEMS = [Problem(name, f"{name}?", "7", "toy", replicate=1) for name in ("easy", "hard")]
C, W = Verdict.CORRECT, Verdict.WRONG
ADDED, TURNED, SPLIT = "3 + 4 = 7", "4 + 3 = 7", "1 + 2 = 3, 3 + 4 = 7"


def sample(problem: str, index: int, said: str, verdict: Verdict = C) -> Trace:
    answer = "7" if verdict is C else "9"
    return Trace(problem, index, f"{said} so \\boxed{{{answer}}}", 5, Finish.STOP, answer, verdict)


SAMPLES = [
    *(sample("easy", i, said) for i, said in enumerate([ADDED, f"Well, {ADDED},", TURNED, SPLIT])),
    *(sample("hard", i, said, W) for i, said in enumerate(["3 + 4 = 9", "3 + 4 = 9!", "2 + 7 = 9"])),
]
"easy: three ways to calculate in four samples. hard: two ways, all wrong."


@pytest.mark.parametrize(
    ("text", "equations"),
    [
        ("First 3 + 4 = 7, then 7 × 2 = 14.", ("3+4=7", "7*2=14")),
        ("$1,200 + $300 = $1,500.", ("1200+300=1500",)),
        (r"\( 6 \times 7 = 42 \) and 42 \div 6 = 7", ("6*7=42", "42/6=7")),
        ("2(3 + 4) = 14", ("2(3+4)=14",)),
        ("1. 3 + 4 = 7\n2. 7 - 2 = 5", ("3+4=7", "7-2=5")),
        ("d : + b 7 4 = 11 d11 ;", ("d : + b 7 4 = 11 d11 ;",)),
        ("3+4=7=14/2", ("3+4=7",)),
        ("x = 7 and a - b = c", ("x = 7 and a - b = c",)),
        ("It is seven.", ("It is seven.",)),
        ("", ("",)),
    ],
)
def test_a_calculation_is_its_equations_in_order_or_the_text_where_it_states_none(
    text: str, equations: tuple[str, ...]
) -> None:
    assert calculation(text) == equations


def test_the_order_of_equations_and_within_one_tells_calculations_apart() -> None:
    assert len({calculation(text) for text in (ADDED, TURNED, SPLIT, f"{ADDED}. {TURNED}", f"{TURNED}. {ADDED}")}) == 5


def test_a_long_run_of_digits_is_read_in_one_pass() -> None:
    # Tried anew from each of its characters it would take hours.
    assert calculation("1 " * 500_000 + "=" + "1 " * 500_000)


def test_drafts_are_distinct_at_most_so_many_and_none_fills_up() -> None:
    for seed in range(20):
        drafts = choose_drafts(PROBLEMS, SAMPLES, "all", seed, per_problem=4)
        assert [(draft.problem.id, draft.slot) for draft in drafts] == [
            *(("easy", slot) for slot in range(3)),
            *(("hard", slot) for slot in range(2)),
        ]
        assert len({(draft.problem.id, calculation(draft.text)) for draft in drafts}) == 5
    assert len(choose_drafts(PROBLEMS, SAMPLES, "all", 1, per_problem=2)) == 4


def test_the_first_of_several_drafts_is_the_one_that_a_problem_has_alone() -> None:
    for seed in range(10):
        alone = choose_drafts(PROBLEMS, SAMPLES, "all", seed)
        several = choose_drafts(PROBLEMS, SAMPLES, "all", seed, per_problem=3)
        assert [draft for draft in several if draft.slot == 0] == alone


class Repeating:
    """An Oracle that says the same of each draft of a problem, but keeps what a draft ends in; it notes the names."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        self.asked += [problem.id for problem in problems]
        return [Reply("thus \\boxed{7}", 10) for _ in problems]

    def repair(self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int) -> list[Reply]:
        return [Reply(f"{draft.split(' so ')[0]}: \\boxed{{7}}", 10) for draft in drafts]

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        raise NotImplementedError


def stream_of(refiner: Any, oracle: Speaker, per_problem: int = 3) -> list[Refined]:
    settings = StreamSettings("all", retries=0, per_problem=per_problem)
    return make_stream(refiner, Desk(oracle), PROBLEMS, SAMPLES, settings, 1)


def test_each_of_several_drafts_is_refined_and_failed_ones_are_told_apart() -> None:
    made = stream_of(OracleRefined(), Repeating())
    assert [(own.problem_id, own.slot, own.outcome) for own in made] == [
        *(("easy", slot, "changed") for slot in range(3)),
        *(("hard", slot, "changed") for slot in range(2)),
    ]
    assert len({own.draft_index for own in made if own.problem_id == "easy"}) == 3


def test_a_text_that_the_problem_has_already_is_a_repeat_and_not_trained_on() -> None:
    oracle = Repeating()
    made = stream_of(OracleSynthesized(), oracle)
    assert [own.outcome for own in made] == ["changed", "repeated", "repeated", "changed", "repeated"]
    assert [own.text is None for own in made] == [False, True, True, False, True]
    # The calls were made, and by names of their own, on which a model's draws hang.
    assert sum(own.oracle_tokens for own in made) == 50
    assert sorted(oracle.asked) == ["easy", "easy/1", "easy/2", "hard", "hard/1"]


@dataclasses.dataclass(frozen=True)
class Shortest:
    """Takes the shortest of the samples."""

    repairs: ClassVar[bool] = False
    pool: ClassVar[Pool] = Pool.SAMPLES

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        return [Reply(min((each.text for each in draft.pool), key=len), 0) for draft in drafts]


def test_a_refiner_that_chooses_gives_the_best_then_the_second_best_that_calculates_otherwise() -> None:
    made = [own.text for own in stream_of(Shortest(), Nobody()) if own.problem_id == "easy"]
    said = [sample("easy", 0, each).text for each in (ADDED, TURNED, SPLIT)]
    # Of those that add 3 and 4 the wordy one is never taken.
    assert made == said


def test_a_reward_knows_a_problem_by_one_name_whichever_of_its_traces_is_chosen() -> None:
    # taste's whim, for one, hangs on the name, and the reward stage says `easy` of all its traces.
    judges = Judging()
    settings = StreamSettings("solved", retries=0, per_problem=2)
    made = make_stream(BestReward(), Desk(Nobody(), judges=judges), PROBLEMS, SAMPLES, settings, 1)
    assert [own.slot for own in made if own.text is not None] == [0, 1]
    assert set(judges.names) == {"easy"}
    # Four candidates for the first, and the two that calculate otherwise for the second.
    assert len(judges.names) == 6


def alone() -> list[Refined]:
    """The native stream of one trace a problem."""
    return stream_of(RejectionSampling(), Nobody(), per_problem=1)


def records_of(stream: Sequence[Refined]) -> tuple[list[Score], list[Compat]]:
    """A reward of 0, 1, ... and 10, 20, ... tokens, of each trace in turn."""
    there = [own for own in stream if own.text is not None]
    scores = [Score(own.problem_id, "r", float(i), slot=own.slot) for i, own in enumerate(there)]
    rows = [
        Compat(own.problem_id, 10 * (i + 1), 5.0 * (i + 1), {"m": float(i)}, own.slot) for i, own in enumerate(there)
    ]
    return scores, rows


class Nothing:
    role = compat.Role.NULL
    passes = ()


ARM = Arm("learner/rejection_sampling", "learner", "rejection_sampling", TrainingSettings(Budget(epochs=1)), "all")


def test_columns_are_means_over_a_problems_traces_and_tokens_their_sum() -> None:
    stream = stream_of(RejectionSampling(), Nobody())
    scores, rows = records_of(stream)
    scores[1] = dataclasses.replace(scores[1], value=None, failure="cut")
    arm = measured.measure(ARM, {"m": Nothing()}, stream, scores, rows, [], [], [])
    assert arm.problems == ["easy", "hard"]
    # easy's traces: rewards 0, none and 2; tokens 10, 20 and 30; nats 5, 10 and 15; hard has none of two drafts.
    np.testing.assert_array_equal(arm.rewards["r"], [1.0, np.nan])
    np.testing.assert_array_equal(arm.tokens, [60.0, np.nan])
    np.testing.assert_array_equal(arm.nll, [30.0, np.nan])
    np.testing.assert_array_equal(arm.metrics["m"], [1.0, np.nan])
    assert (arm.stream.problems, arm.stream.drafts, arm.stream.traces) == (2, 5, 3)
    assert (arm.stream.outcomes, arm.trace_counts) == ({"kept": 3, "skipped": 2}, [3, 0])


def measured_arm(stream: Sequence[Refined]) -> measured.Measured:
    return measured.measure(ARM, {"m": Nothing()}, stream, *records_of(stream), [], [], [])


def test_the_length_that_a_reward_is_adjusted_by_is_that_of_a_trace_as_the_reward_is() -> None:
    several, one = measured_arm(stream_of(RejectionSampling(), Nobody())), measured_arm(alone())
    lengths = Traces(Bootstrap(1, 10), {}, {"several": several, "one": one}, {}).lengths(["several", "one"])
    # easy's three traces have 60 tokens together; alone the first has 10.
    np.testing.assert_array_equal(lengths, [[20.0, np.nan], [10.0, np.nan]])


def test_foresight_knows_nats_a_trace_and_counts_all_traces() -> None:
    several, one = measured_arm(stream_of(RejectionSampling(), Nobody())), measured_arm(alone())
    columns = {"several": races.known(several), "one": races.known(one)}
    np.testing.assert_array_equal(columns["several"][races.NLL], [10.0, np.nan])
    assert [races._means(own)[races.TRACES] for own in columns.values()] == [3, 1]
    # More traces of the same problem tell the two streams apart; one problem is shared.
    gaps, shared = races._gaps(
        SimpleNamespace(arms={"several": several, "one": one}),  # type: ignore[arg-type]
        columns,
        "several",
        "one",
    )
    assert (gaps[races.TRACES], gaps[races.NLL], shared) == (2, 5, 1)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({}, None),
        ({"trace_counts": [2, 1]}, "its traces and their counts do not match"),
        ({"trace_counts": [2, 0]}, "its stream counts other traces than it has"),
        ({"trace_counts": []}, "its stream counts other traces than it has"),
        ({"failures": {}}, "r of 1 traces is not there, where 0 failed"),
    ],
)
def test_a_measured_arm_whose_traces_do_not_add_up_is_refused(fault: dict[str, Any], told: str | None) -> None:
    stream = stream_of(RejectionSampling(), Nobody())
    scores, rows = records_of(stream)
    scores = [dataclasses.replace(score, value=None, failure="cut") for score in scores]
    arm = measured.measure(ARM, {"m": Nothing()}, stream, scores, rows, [], [], [])
    faults = checks._stream_faults(dataclasses.replace(arm, **fault), arm, ["r"])
    first = next(filter(None, faults), None)
    assert first is None if told is None else first and told in first


def test_what_measures_a_stream_says_which_of_a_problems_traces_it_is(learner: Path) -> None:
    stream = stream_of(OracleRefined(), Repeating())
    backend = BackendSettings("hf", "float32")
    rows = compat.measure(Learner(learner, "boxed", backend), [], PROBLEMS, SAMPLES, stream)
    assert [(row.problem_id, row.slot) for row in rows] == due.compat(stream)
    scores = rewards.score({"a": Answer(), "b": Answer()}, PROBLEMS, stream, learner)
    keys = [(score.problem_id, score.reward, score.index, score.slot) for score in scores]
    assert keys == due.scores(stream, ["a", "b"])


def test_a_run_trains_on_all_traces_of_a_problem(learner: Path, tmp_path: Path) -> None:
    stream = stream_of(RejectionSampling(), Nobody())
    start = training.Start(learner, "boxed", 1, PROBLEMS, SAMPLES)
    settings = TrainingSettings(Budget(epochs=1), objectives=("sft",), batch=2, dtype="float32")
    _, (run,) = training.fine_tune(start, stream, settings, tmp_path, 1)
    # Three traces in batches of two.
    assert (run.traces, run.steps) == (3, 2)


def written(tmp_path: Path, stream: Sequence[Refined], wanted: Sequence[Any]) -> list[Refined]:
    records.write(tmp_path / "stream.jsonl", stream)
    return records.read(tmp_path / "stream.jsonl", Refined, wanted)


def test_a_stream_holds_just_the_traces_that_are_due(tmp_path: Path) -> None:
    stream, wanted = stream_of(OracleRefined(), Repeating()), due.stream(PROBLEMS, SAMPLES, "all", 3)
    assert written(tmp_path, stream, wanted) == stream
    with pytest.raises(SettingsError, match=r"lacks a record: Refined of problem_id 'easy', .* slot 2: damaged"):
        written(tmp_path, [*stream[:2], *stream[3:]], wanted)
    with pytest.raises(SettingsError, match=r"line 3: Refined of problem_id 'easy', .* slot 1 is in line 2 already"):
        written(tmp_path, [*stream[:2], stream[1], *stream[3:]], wanted)
    with pytest.raises(SettingsError, match=r"line 3: .* slot 2 is none of those that are due"):
        written(tmp_path, stream, due.stream(PROBLEMS, SAMPLES, "all", 2))


def test_the_only_trace_of_a_problem_is_written_as_before_and_has_no_slot_to_tell_of(tmp_path: Path) -> None:
    own = Refined("p", 1, "solved", "so", "kept", 0, 0, 0, C)
    assert not {"slot", "origin"} & set(records.row(own))
    assert "slot" not in records.row(Compat("p", 1, 1.0, {})) | records.row(Score("p", "r", 1.0))
    assert records.row(dataclasses.replace(own, slot=1))["slot"] == 1
    records.write(tmp_path / "stream.jsonl", [own, own])
    with pytest.raises(SettingsError, match=r"Refined of problem_id 'p', replicate 1, stratum 'solved' is in line 1"):
        records.read(tmp_path / "stream.jsonl", Refined)
