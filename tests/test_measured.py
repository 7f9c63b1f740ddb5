"""A measured arm: records become columns, and the file gives them back; the same records are the same bytes."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qup import measured, records
from qup.arms import Arm
from qup.compat import Metric, null, ppl, quarter
from qup.errors import SettingsError
from qup.measured import Base, Judged, Measured, Problems, files
from qup.records import (
    Compat,
    Divergence,
    Eval,
    Finish,
    Mask,
    Probed,
    Problem,
    Refined,
    Score,
    Step,
    Trace,
    TrainRun,
    Verdict,
)
from qup.training.settings import Budget, TrainingSettings

C, W, U, T = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSED, Verdict.TRUNCATED
ARM = Arm("home/restyled", "home", "restyled", TrainingSettings(Budget(epochs=1)), "all")
METRICS: dict[str, Metric] = {"ppl": ppl.Metric(), "quarter": quarter.Metric(), "null": null.Metric()}
STREAM = [
    Refined("b", 1, "failed", "so \\boxed{7}", "changed", 0, 2, 40, W),
    Refined("a", 1, "solved", "so \\boxed{2}", "changed", 0, 1, 20, C),
    Refined("d", 1, "solved", "so \\boxed{2}", "unchanged", 0, 1, 20, C),
    Refined("c", 1, "solved", None, "failed", 0, 2, 50, T),
]
SCORES = [
    Score("b", "genrm", None, "too long"),
    Score("a", "genrm", 0.25),
    Score("d", "genrm", None, "too long"),
    Score("b", "answer", 0.0),
    Score("a", "answer", 1.0),
    Score("d", "answer", None),
]
COMPAT = [
    Compat("b", 3, 1.5, {"ppl": 1.6, "quarter.2": 0.5, "null.chars": 12}),
    Compat("a", 4, 2.0, {"ppl": math.inf, "quarter.1": 0.7, "null.chars": 12}),
    Compat("d", 4, 2.5, {"null.chars": 12}),
]
STEPS = [
    Step(objective, replicate, step, step / 2, 10 * step, 1 / step, 1.0, 1e-4)
    for objective in ("sft", "dft")
    for replicate in (2, 1)
    for step in (1, 2)
]
PROBED = Probed(tokens=30, before=60.0, after=45.0, probe_tokens=10, at=[0, 20], nll=[20.0, 15.0])
RUNS = [
    TrainRun(objective, replicate, 3, 0, 20, 2, f"{objective}-{replicate}", 1.5, 0.25, stream, divergence=apart)
    for objective, stream, apart in (("sft", PROBED, Divergence(30, 1.5, 0.1 + 0.2)), ("dft", None, None))
    for replicate in (2, 1)
]


SAID = {C: "2", W: "7", U: None, T: None}


def answered(replicate: int, problem: str, *verdicts: Verdict, decoding: str = "sampled") -> list[Eval]:
    return [Eval(problem, "sft", replicate, "heldout", decoding, i, "", 5, v, SAID[v]) for i, v in enumerate(verdicts)]


EVALS = [
    *answered(2, "y", C, C, T, U),
    *answered(2, "x", W, W, W, W),
    *answered(1, "y", C, C, C, W),
    *answered(1, "y", C, decoding="greedy"),
]
"Replicate 1 has not answered x."


def measure(**changed: Any) -> Measured:
    given = {"stream": STREAM, "scores": SCORES, "compat": COMPAT, "steps": STEPS, "runs": RUNS, "evals": EVALS}
    return measured.measure(ARM, METRICS, **{**given, **changed})


def plain(value: Any) -> Any:
    """Anything as what can be compared: arrays with their kind, NaN by name."""
    if isinstance(value, np.ndarray):
        return (value.dtype.name, value.shape, plain(value.tolist()))
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


# --- records to columns


def test_columns_are_over_the_problems_of_the_stream_in_order_nan_where_there_is_none() -> None:
    arm = measure()
    assert arm.problems == ["a", "b", "c", "d"]
    assert plain(arm.rewards["genrm"]) == ("float64", (4,), [0.25, "NaN", "NaN", "NaN"])
    assert plain(arm.rewards["answer"]) == ("float64", (4,), [1, 0, "NaN", "NaN"])
    assert plain(arm.tokens) == ("float64", (4,), [4, 3, "NaN", 4])
    assert plain(arm.nll) == ("float64", (4,), [2.0, 1.5, "NaN", 2.5])
    assert plain(arm.metrics["quarter.1"]) == ("float64", (4,), [0.7, "NaN", "NaN", "NaN"])
    # What is not finite is no value.
    assert plain(arm.metrics["ppl"]) == ("float64", (4,), ["NaN", 1.6, "NaN", "NaN"])


def test_a_reward_that_failed_is_counted_by_why() -> None:
    assert measure().failures == {"genrm": {"too long": 2}, "answer": {"no value": 1}}


def test_a_key_is_of_the_metric_whose_name_it_starts_with_and_has_its_role() -> None:
    arm = measure()
    assert arm.plugs == {"null.chars": "null", "ppl": "ppl", "quarter.1": "quarter", "quarter.2": "quarter"}
    assert arm.roles == {"null.chars": "null", "ppl": "drift", "quarter.1": "drift", "quarter.2": "drift"}


def test_a_key_that_no_metric_of_the_study_gives_says_what_to_do() -> None:
    row = Compat("a", 4, 2.0, {"quarterly": 1.0})
    with pytest.raises(SettingsError, match=r"no metric of this study gives 'quarterly': .*dvc repro"):
        measure(compat=[row])


def test_a_stream_is_counted_by_what_became_of_it() -> None:
    stream = measure().stream
    assert (stream.problems, stream.traces) == (4, 3)
    assert stream.outcomes == {"changed": 2, "failed": 1, "unchanged": 1}
    # The problem without a trace belongs to no stratum.
    assert stream.strata == {"failed": 1, "solved": 2}
    assert stream.verdicts == {"correct": 2, "truncated": 1, "wrong": 1}
    # 2 + 1 + 1 + 2 calls, 40 + 20 + 20 + 50 tokens.
    assert (stream.attempts, stream.oracle_tokens) == (6, 130)


def test_an_arm_asks_an_oracle_if_any_trace_cost_a_call() -> None:
    kept = [dataclasses.replace(refined, attempts=0, oracle_tokens=0) for refined in STREAM]
    assert measure().asks_oracle
    assert not measure(stream=kept).asks_oracle


def test_equal_traces_have_equal_hashes_and_no_trace_has_none() -> None:
    a, b, c, d = measure().traces
    assert a == d != b
    assert c is None


def test_a_trace_of_which_tokens_are_left_out_is_not_the_same_to_train_on() -> None:
    def of(mask: Mask | None) -> str | None:
        return measure(stream=[dataclasses.replace(STREAM[1], mask=mask)]).traces[0]

    plain, first, second = of(None), of(Mask(4, [0])), of(Mask(4, [1]))
    assert len({plain, first, second}) == 3
    # A mask that leaves nothing out is none.
    assert of(Mask(4, [])) == plain


def test_curves_and_runs_are_ordered_by_objective_then_replicate() -> None:
    arm = measure()
    order = [("dft", 1), ("dft", 2), ("sft", 1), ("sft", 2)]
    assert [(run.objective, run.replicate) for run in arm.runs] == order
    assert [(curve.objective, curve.replicate) for curve in arm.curves] == order
    assert (arm.curves[0].epoch, arm.curves[0].tokens, arm.curves[0].loss) == ([0.5, 1.0], [10, 20], [1.0, 0.5])


def a_base() -> Base:
    sets = {"a": "train", "b": "train", "c": "again"}
    train = [Problem(name, f"{name}?", "2", "toy", training_set=own) for name, own in sets.items()]
    evaluation = [
        Problem(name, f"{name}?", "2", "toy", tags=tags) for name, tags in (("y", ["sum", "long"]), ("x", ["sum"]))
    ]
    verdicts = {"a": [C, C, W], "b": [T, C, U], "c": [W, W, T]}
    traces = [Trace(p, i, "", 5, Finish.STOP, None, v) for p, said in verdicts.items() for i, v in enumerate(said)]
    scores = [
        Score("a", "genrm", 0.5, index=0),
        Score("a", "genrm", 0.75, index=2),
        Score("b", "genrm", None, "too long", index=1),
    ]
    base = [dataclasses.replace(answer, objective="base") for answer in answered(0, "y", C, W)]
    return measured.measure_base(Problems(train, evaluation, {"in_both": 0}), traces, scores, base, STEPS[:2])


def test_the_untrained_learner_is_counted_by_verdicts_and_problems_solved() -> None:
    base = a_base()
    assert base.samples == {"correct": 3, "truncated": 2, "unparsed": 1, "wrong": 3}
    # Of the main set's two problems both have a correct sample, of the other set's one none.
    assert base.solved == {"train": [2, 2], "again": [0, 1]}
    assert [(a.objective, a.share("correct").tolist()) for a in base.answers] == [("base", [[0.5]])]


def test_a_tag_lists_the_evaluation_problems_that_have_it() -> None:
    assert a_base().tags == {"long": ["y"], "sum": ["x", "y"]}


def test_a_reward_on_the_learners_own_samples_stands_beside_whether_each_was_right() -> None:
    (judged,) = a_base().judged
    # Samples 0 and 2 of a are right and wrong, sample 1 of b is right; its reward failed.
    assert plain(judged) == plain(Judged("genrm", ["a", "a", "b"], [1, 0, 1], np.array([0.5, 0.75, math.nan])))


# --- columns to files and back


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    arms = [measure(), measure(stream=STREAM[:2], evals=[])]
    files.write(tmp_path / "new" / "arms.json", arms)
    assert [plain(arm) for arm in files.read(tmp_path / "new" / "arms.json")] == [plain(arm) for arm in arms]


def test_the_base_is_read_back(tmp_path: Path) -> None:
    files.write(tmp_path / "base.json", [a_base()])
    assert plain(files.read_base(tmp_path / "base.json")) == plain(a_base())


def test_notes_of_the_learner_are_in_the_file_where_there_are_any(tmp_path: Path) -> None:
    files.write(tmp_path / "base.json", [a_base()])
    assert "notes" not in (tmp_path / "base.json").read_text(encoding="utf-8")
    files.write(tmp_path / "noted.json", [dataclasses.replace(a_base(), notes=["no padding token"])])
    assert files.read_base(tmp_path / "noted.json").notes == ["no padding token"]


def test_an_arm_without_any_record_and_no_arms_at_all_are_read_back(tmp_path: Path) -> None:
    bare = measured.measure(ARM, METRICS, [], [], [], [], [], [])
    files.write(tmp_path / "bare.json", [bare])
    assert [plain(arm) for arm in files.read(tmp_path / "bare.json")] == [plain(bare)]
    files.write(tmp_path / "none.json", [])
    assert files.read(tmp_path / "none.json") == []


def test_equal_records_give_equal_bytes_in_whatever_order_the_problems_come(tmp_path: Path) -> None:
    again = [measure(), measure(stream=STREAM[::-1], compat=COMPAT[::-1], steps=STEPS[::-1], runs=RUNS[::-1])]
    again.append(measure(evals=EVALS[::-1], scores=[*SCORES[2::-1], *SCORES[:2:-1]]))
    for number, arm in enumerate(again):
        files.write(tmp_path / f"{number}.json", [arm])
    one, *others = ((tmp_path / f"{number}.json").read_bytes() for number in range(3))
    assert others == [one, one]
    # A trace that is another shows.
    files.write(tmp_path / "3.json", [measure(stream=[dataclasses.replace(STREAM[0], text="thus"), *STREAM[1:]])])
    assert (tmp_path / "3.json").read_bytes() != one


def test_the_file_is_plain_json_in_which_no_value_is_null_and_a_line_is_a_field(tmp_path: Path) -> None:
    files.write(tmp_path / "arm.json", [measure()])

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = (tmp_path / "arm.json").read_text()
    (row,) = json.loads(text, parse_constant=refuse)
    assert row["rewards"]["genrm"] == [0.25, None, None, None]
    # What a study has no use for is left out.
    assert len(text.splitlines()) == len(dataclasses.fields(Measured)) - len(records.omitted(Measured))


def test_a_loss_that_is_no_number_is_none_in_the_file_and_nan_again(tmp_path: Path) -> None:
    steps = [dataclasses.replace(STEPS[0], loss=math.nan, grad_norm=math.inf), STEPS[1]]
    files.write(tmp_path / "arm.json", [measure(steps=steps)])
    assert "Infinity" not in (tmp_path / "arm.json").read_text()
    assert plain(files.read(tmp_path / "arm.json")[0].curves[0].loss) == ["NaN", 0.5]
    files.write(tmp_path / "base.json", [dataclasses.replace(a_base(), pretraining=steps)])
    first, second = files.read_base(tmp_path / "base.json").pretraining
    assert (plain(first.loss), plain(first.grad_norm), first.entropy) == ("NaN", "NaN", None)
    assert second == STEPS[1]


# --- files that are something else


def changed(path: Path, key: str, value: Any) -> None:
    (row,) = json.loads(path.read_text())
    path.write_text(json.dumps([{**row, key: value}]))


def refused(path: Path) -> str:
    """What is said of a file that does not hold measured arms."""
    with pytest.raises(SettingsError) as caught:
        files.read(path)
    said = str(caught.value)
    assert said.startswith(str(path))
    assert "\n" not in said
    return said.removeprefix(f"{path} ")


OTHER = "is damaged or was measured by another version of qup: git checkout it, or run `dvc repro`"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("refiners", []),
        ("stream", {"problems": 1, "words": 2}),
        ("runs", [{"objective": "sft"}]),
        ("runs", [{"objective": "sft", "stream": {"tokens": 1}, "native": None}]),
        ("curves", [{"loss": []}]),
        ("answers", [{"task": "heldout"}]),
        ("rewards", [1, 2]),
        ("tokens", ["many"]),
    ],
)
def test_a_file_of_another_version_is_one_line(tmp_path: Path, key: str, value: Any) -> None:
    files.write(tmp_path / "arm.json", [measure()])
    changed(tmp_path / "arm.json", key, value)
    assert refused(tmp_path / "arm.json") == OTHER


def test_an_arm_is_no_base_and_a_base_no_arm(tmp_path: Path) -> None:
    files.write(tmp_path / "base.json", [a_base()])
    assert refused(tmp_path / "base.json") == OTHER
    for wrong in ([measure()], [a_base(), a_base()], []):
        files.write(tmp_path / "arm.json", wrong)
        with pytest.raises(SettingsError, match=r"was measured by another version of qup"):
            files.read_base(tmp_path / "arm.json")


@pytest.mark.parametrize("content", [b"[{", b"", b"\xff\xfe", b"<<<<<<< HEAD\n[]\n"])
def test_a_damaged_file_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "arm.json").write_bytes(content)
    assert refused(tmp_path / "arm.json").startswith("is damaged (")


@pytest.mark.parametrize("content", [b"{}", b"7", b"[7]"])
def test_json_that_is_no_list_of_arms_is_of_another_version(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "arm.json").write_bytes(content)
    assert refused(tmp_path / "arm.json") == OTHER


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    assert refused(tmp_path / "arm.json") == "is not there: run `dvc repro`"


@given(st.lists(st.floats(allow_nan=False) | st.integers(-(2**63), 2**64 - 1) | st.text() | st.none()))
def test_a_file_reads_as_python_reads_json(values: list[Any]) -> None:
    for text in (json.dumps(values), json.dumps(values, ensure_ascii=False)):
        content = text.encode("utf-8", "surrogatepass")
        found = files.loaded(content)
        assert [(type(value), repr(value)) for value in found] == [
            (type(value), repr(value)) for value in json.loads(text)
        ]
