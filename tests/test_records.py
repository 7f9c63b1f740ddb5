"""Records survive a round trip through their file; a file is there whole or not at all, and of its kind or refused."""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qup import records
from qup.errors import SettingsError
from qup.measured.examples import Example
from qup.records import Compat, Eval, Finish, Probed, Problem, Refined, Score, Step, Trace, TrainRun, Verdict, due

ODD = 'a\u2028b\u2029c\x85d\re\nf\r\ng\t"h"\\ 🤖 e\u0301 \x00 \x1c'
"Every character at which something splits lines, and some that need escapes."

PROBED = Probed(40, 80.0, 1 / 3, 10, [0, 450, 900], [20.0, 15, 0.1 + 0.2])
EXAMPLES: list[Any] = [
    Problem("p", ODD, "1/2", "toy", None),
    Problem("p", ODD, ODD, "toy", ODD, ["sum", ODD], "train", 3),
    Trace("p", 3, ODD, 7, Finish.LENGTH, None, Verdict.TRUNCATED),
    Refined("p", 1, "solved", ODD, "changed", 0, 2, 40, Verdict.CORRECT),
    Refined("p", 1, "failed", None, "skipped", None, 0, 0, None),
    Refined("p", 1, "solved", ODD, "changed", 0, 2, 40, Verdict.CORRECT, 12, ODD, records.Mask(9, [0, 8])),
    records.Mask(0, []),
    Score("p", "genrm", 0.1 + 0.2),
    Score("p", "genrm", None, ODD, 2),
    records.TokenStats([1, 2], [-0.1, -1e-17], [0.5, 0.0], None, [1, 151936]),
    Compat("p", 3, 1 / 3, {"ppl": 1.5, "null.tokens": 3}),
    Step("dft", 1, 1, 0.5, 10, 0.3, 1.0, 5e-5, None, 0.25),
    PROBED,
    TrainRun("sft", 1, 8, 0, 900, 4, "sft-1", 1.5, 0.25),
    TrainRun("sft", 1, 8, 0, 900, 4, "sft-1", 1.5, 0.25, stream=PROBED, native=PROBED),
    records.Divergence(40, 1 / 3, 0.1 + 0.2),
    TrainRun("sft", 1, 8, 0, 900, 4, "sft-1", 1.5, 0.25, PROBED, PROBED, 3, records.Divergence(40, 1 / 3, 0.1 + 0.2)),
    Eval("p", "base", 0, "heldout", "greedy", 0, ODD, 5, Verdict.UNPARSED, None),
    records.TaskScore("base", 0, "gsm8k", "greedy", "exact_match", ODD, 1 / 3, None, 3, [1.0, 0.0, 0.0]),
    records.TaskScore("sft", 2, "wikitext", "loglikelihood", "bits_per_byte", "none", None, 0.1 + 0.2, 3, None),
    Eval("p", "sft", 2, "heldout", "sampled", 1, ODD, 5, Verdict.WRONG, ODD),
]


def test_there_is_an_example_of_every_record_type() -> None:
    kinds = {kind for kind in vars(records).values() if dataclasses.is_dataclass(kind)}
    assert {type(example) for example in EXAMPLES} == kinds


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_a_record_reads_back_as_it_was_written(tmp_path: Path, record: Any) -> None:
    records.write(tmp_path / "new" / "file.jsonl", [record])
    assert records.read(tmp_path / "new" / "file.jsonl", type(record)) == [record]


def test_enums_come_back_as_enums(tmp_path: Path) -> None:
    records.write(tmp_path / "f.jsonl", [EXAMPLES[2]])
    (trace,) = records.read(tmp_path / "f.jsonl", Trace)
    assert (trace.finish, trace.verdict) == (Finish.LENGTH, Verdict.TRUNCATED)
    assert isinstance(trace.finish, Finish)
    assert isinstance(trace.verdict, Verdict)


def test_a_line_is_one_record_with_sorted_keys_and_readable_text(tmp_path: Path) -> None:
    records.write(tmp_path / "f.jsonl", [Score("é", "genrm", 0.5)])
    written = '{"failure": null, "index": null, "problem_id": "é", "reward": "genrm", "value": 0.5}\n'
    assert (tmp_path / "f.jsonl").read_bytes() == written.encode()


def test_a_write_that_fails_midway_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    records.write(path, [EXAMPLES[0]])
    before = path.read_bytes()

    def breaking() -> Iterator[Problem]:
        yield EXAMPLES[1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        records.write(path, breaking())
    assert path.read_bytes() == before


def test_no_records_is_an_empty_file(tmp_path: Path) -> None:
    records.write(tmp_path / "f.jsonl", [])
    assert (tmp_path / "f.jsonl").read_bytes() == b""
    assert records.read(tmp_path / "f.jsonl", Score) == []


def test_the_traces_of_a_stream_are_those_that_are_there_each_with_its_problem() -> None:
    problems = [Problem(name, f"{name}?", "2", "toy") for name in ("p", "q", "r")]
    stream = [
        Refined("r", 1, "solved", "third", "changed", 0, 1, 9, Verdict.CORRECT),
        Refined("q", 1, "failed", None, "failed", 0, 2, 9, Verdict.WRONG),
        Refined("p", 1, "solved", "first", "kept", 0, 0, 0, Verdict.CORRECT),
    ]
    assert records.traces_of(stream, problems) == ([problems[2], problems[0]], ["third", "first"])


# --- files that are not of their kind


EVAL = {"problem_id": "p", "objective": "sft", "replicate": 1, "task": "heldout", "decoding": "greedy", "repeat": 0}
EVAL |= {"text": "so", "tokens": 5, "verdict": "wrong", "answer": "7"}
COMPAT = {"problem_id": "p", "tokens": 3, "nll": 1.5, "values": {"ppl": 1.5}}


def refused(tmp_path: Path, line: str, kind: type[Any]) -> str:
    """What is said of a file whose second line is this one."""
    path = tmp_path / "f.jsonl"
    good = {Eval: EVAL, Compat: COMPAT}[kind]
    path.write_text(json.dumps(good) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        records.read(path, kind)
    said = str(caught.value)
    assert "\n" not in said
    start = f"{path}, line 2: not {'an Eval' if kind is Eval else 'a Compat'}: "
    assert said.startswith(start)
    return said.removeprefix(start)


def test_a_file_of_another_kind_is_refused_by_line_and_field(tmp_path: Path) -> None:
    records.write(tmp_path / "scores.jsonl", [Score("p", "genrm", 0.5)])
    with pytest.raises(SettingsError) as caught:
        records.read(tmp_path / "scores.jsonl", Eval)
    start = f"{tmp_path / 'scores.jsonl'}, line 1: not an Eval: unknown field 'failure'"
    assert str(caught.value).startswith(start)


def test_an_unknown_field_names_the_near_ones(tmp_path: Path) -> None:
    said = refused(tmp_path, json.dumps(EVAL | {"verdicts": "wrong"}), Eval)
    assert said.startswith("unknown field 'verdicts': did you mean 'verdict'?")


def test_missing_fields_are_named_and_those_with_a_default_may_be_missing(tmp_path: Path) -> None:
    lacking = {key: value for key, value in EVAL.items() if key not in ("replicate", "verdict")}
    assert refused(tmp_path, json.dumps(lacking), Eval) == "lacks replicate, verdict"
    (tmp_path / "f.jsonl").write_text('{"problem_id": "p", "reward": "genrm", "value": 0.5}\n')
    assert records.read(tmp_path / "f.jsonl", Score) == [Score("p", "genrm", 0.5)]


@pytest.mark.parametrize(
    ("kind", "field", "value", "said"),
    [
        (Eval, "replicate", "1", "field 'replicate': expected int, got '1'"),
        (Eval, "replicate", 1.5, "field 'replicate': expected int, got 1.5"),
        # To Python, true is a number.
        (Eval, "replicate", True, "field 'replicate': expected int, got True"),
        (Eval, "text", None, "field 'text': expected str, got None"),
        (Eval, "verdict", "right", "field 'verdict': expected one of correct, wrong, unparsed, truncated, got 'right'"),
        (Eval, "verdict", None, "field 'verdict': expected one of correct, wrong, unparsed, truncated, got None"),
        (Eval, "tokens", -1, "field 'tokens': expected 0 or more, got -1"),
        (Eval, "tokens", 10**400, "field 'tokens': expected a number of 64 bits, got one of 1329"),
        (Compat, "nll", "much", "field 'nll': expected float, got 'much'"),
        (Compat, "nll", math.nan, "field 'nll': expected a finite number, got nan"),
        (Compat, "nll", 10**400, "field 'nll': expected a number of 64 bits, got one of 1329"),
        (Compat, "values", {"ppl": math.inf}, "field 'values.ppl': expected a finite number, got inf"),
        (Compat, "values", [1.5], "field 'values': expected names and values, got [1.5]"),
        (Compat, "values", {"ppl": "1.5"}, "field 'values.ppl': expected float, got '1.5'"),
        (Compat, "values", {"ppl": None}, "field 'values.ppl': expected float, got None"),
    ],
)
def test_a_value_of_another_type_is_told_with_what_was_expected(
    tmp_path: Path, kind: type[Any], field: str, value: Any, said: str
) -> None:
    good = {Eval: EVAL, Compat: COMPAT}[kind]
    assert refused(tmp_path, json.dumps(good | {field: value}), kind) == said


def test_true_and_false_are_no_numbers_and_numbers_are_neither() -> None:
    assert records.typed(Example, "wrong_draft", True) is True
    with pytest.raises(ValueError, match="expected bool, got 1"):
        records.typed(Example, "wrong_draft", 1)


def test_a_whole_number_will_do_for_a_real_one(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text(json.dumps(COMPAT | {"nll": 2, "values": {"null.tokens": 3}}) + "\n")
    assert records.read(tmp_path / "f.jsonl", Compat) == [Compat("p", 3, 2, {"null.tokens": 3})]


RUN = {"objective": "sft", "replicate": 1, "traces": 8, "truncated": 0, "tokens": 900, "steps": 4, "path": "sft-1"}
RUN |= {"distance": 1.5, "first_grad_norm": 0.25}
STREAM = {"tokens": 40, "before": 80.0, "after": 60.0, "probe_tokens": 10, "at": [0, 900], "nll": [20.0, 15.0]}


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (STREAM | {"after": "low"}, "field 'stream.after': expected float, got 'low'"),
        (STREAM | {"at": [0, 1.5]}, "field 'stream.at[1]': expected int, got 1.5"),
        ({key: value for key, value in STREAM.items() if key != "nll"}, "field 'stream': lacks nll"),
        (STREAM | {"aftr": 1.0}, "field 'stream': unknown field 'aftr': did you mean 'after'"),
        (7, "field 'stream': expected fields, got '7'"),
    ],
)
def test_a_wrong_field_of_a_record_within_a_record_is_one_line_that_names_both(
    tmp_path: Path, stream: Any, said: str
) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(RUN | {"stream": stream}) + "\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        records.read(path, TrainRun)
    found = str(caught.value)
    assert "\n" not in found
    assert found.startswith(f"{path}, line 1: not a TrainRun: {said}")


def test_a_run_without_probes_needs_no_field_for_them(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text(json.dumps(RUN) + "\n", encoding="utf-8")
    assert records.read(tmp_path / "runs.jsonl", TrainRun) == [TrainRun("sft", 1, 8, 0, 900, 4, "sft-1", 1.5, 0.25)]


def test_a_count_that_most_runs_have_no_need_of_is_written_where_it_is_not_zero(tmp_path: Path) -> None:
    none, three = (TrainRun("sft", n, 8, 0, 900, 4, f"sft-{n}", 1.5, 0.25) for n in (1, 2))
    runs = [none, dataclasses.replace(three, left_out=3)]
    records.write(tmp_path / "runs.jsonl", runs)
    first, second = (tmp_path / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    assert "left_out" not in first
    assert '"left_out": 3' in second
    assert records.read(tmp_path / "runs.jsonl", TrainRun) == runs


@pytest.mark.parametrize("line", ["{", "", '{"problem_id": "p"'])
def test_a_line_that_is_not_json_is_named(tmp_path: Path, line: str) -> None:
    assert refused(tmp_path, line, Eval).startswith("not JSON (")


def test_a_line_that_is_no_record_is_shown(tmp_path: Path) -> None:
    assert refused(tmp_path, "[1, 2]", Eval) == "expected fields, got '[1, 2]'"


# --- files that hold other records than are due


TRAINED_ON = [Problem(f"p{i}", f"{i}?", "1", "toy", training_set="train", replicate=1 + i // 2) for i in range(4)]
SAMPLES = [Trace(problem.id, i, "", 5, Finish.STOP, "1", Verdict.CORRECT) for problem in TRAINED_ON for i in range(2)]


def undue(tmp_path: Path, traces: list[Trace]) -> str:
    """What is said of traces that are not the two samples of each problem."""
    path = tmp_path / "traces.jsonl"
    records.write(path, traces)
    with pytest.raises(SettingsError) as caught:
        records.read(path, Trace, due.traces(TRAINED_ON, 2))
    said = str(caught.value)
    assert said.endswith(": damaged, or of another run: `qup check --data` tells which, and what to do")
    return said.removeprefix(str(path)).partition(": damaged")[0]


def test_records_that_are_due_are_read(tmp_path: Path) -> None:
    records.write(tmp_path / "traces.jsonl", SAMPLES)
    assert records.read(tmp_path / "traces.jsonl", Trace, due.traces(TRAINED_ON, 2)) == SAMPLES


def test_a_file_cut_after_a_whole_line_names_the_first_record_that_is_not_there(tmp_path: Path) -> None:
    assert undue(tmp_path, SAMPLES[:5]) == " lacks 3 of 8 records, the first: Trace of problem_id 'p2', index 1"


def test_a_record_that_is_there_twice_names_both_lines(tmp_path: Path) -> None:
    said = undue(tmp_path, [*SAMPLES[:2], SAMPLES[0], *SAMPLES[2:]])
    assert said == ", line 3: Trace of problem_id 'p0', index 0 is in line 1 already"


def test_a_record_of_what_is_not_known_is_named_with_its_line(tmp_path: Path) -> None:
    said = undue(tmp_path, [*SAMPLES, dataclasses.replace(SAMPLES[0], problem_id="q")])
    assert said == ", line 9: Trace of problem_id 'q', index 0 is none of those that are due"


def test_two_ids_that_were_swapped_show_by_their_places(tmp_path: Path) -> None:
    one, other = (dataclasses.replace(SAMPLES[i], problem_id=SAMPLES[j].problem_id) for i, j in ((0, 2), (2, 0)))
    said = undue(tmp_path, [one, SAMPLES[1], other, *SAMPLES[3:]])
    assert said == (", line 1: Trace of problem_id 'p1', index 0 stands where Trace of problem_id 'p0', index 0 is due")


def test_replicates_are_as_large_as_one_another_or_the_file_was_cut(tmp_path: Path) -> None:
    records.write(tmp_path / "train.jsonl", TRAINED_ON[:3])
    with pytest.raises(SettingsError) as caught:
        records.read(tmp_path / "train.jsonl", Problem)
    start = f"{tmp_path / 'train.jsonl'} has 1 records of training_set 'train', replicate 2 and 2 of another"
    assert str(caught.value).startswith(start)


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "trajectory.jsonl"
    step = Step("sft", 1, 1, 0.5, 10, math.nan, 1.0, 5e-5)
    with pytest.raises(SettingsError) as caught:
        records.write(path, [step])
    start = f"{path}, line 1 to be written: not a Step: field 'loss': expected a finite number, got nan"
    assert str(caught.value) == start
    assert not path.exists()


@pytest.mark.parametrize("line", [b'{"problem_id": "\xff"}', b"[" * 200_000, b'{"problem_id": ' + b"9" * 5000 + b"}"])
def test_what_no_parser_takes_is_one_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(SettingsError) as caught:
        records.read(path, Eval)
    assert str(caught.value).startswith(f"{path}, line 1: not an Eval: not JSON (")
    assert "\n" not in str(caught.value)
