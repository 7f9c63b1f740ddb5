"""Records survive a round trip through their file, and a file is there whole or not at all."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qup import records
from qup.records import Compat, Eval, Finish, Problem, Refined, Score, Step, Trace, TrainRun, Verdict

ODD = 'a\u2028b\u2029c\x85d\re\nf\r\ng\t"h"\\ 🤖 e\u0301 \x00 \x1c'
"Every character at which something splits lines, and some that need escapes."

EXAMPLES: list[Any] = [
    Problem("p", ODD, "1/2", "toy", None),
    Problem("p", ODD, ODD, "toy", ODD),
    Trace("p", 3, ODD, 7, Finish.LENGTH, None, Verdict.TRUNCATED),
    Refined("p", "solved", ODD, "changed", 0, 2, 40, Verdict.CORRECT),
    Refined("p", "failed", None, "skipped", None, 0, 0, None),
    Score("p", "genrm", 0.1 + 0.2),
    Score("p", "genrm", None, ODD),
    records.TokenStats([1, 2], [-0.1, -1e-17], [0.5, 0.0], None, [1, 151936]),
    Compat("p", 3, 1 / 3, {"ppl": 1.5, "null.tokens": 3}),
    Step("dft", 1, 1, 0.5, 10, 0.3, 1.0, 5e-5, None, 0.25),
    TrainRun("sft", 1, 8, 0, 900, 4, "sft-1"),
    Eval("p", "base", 0, "heldout", "greedy", 0, ODD, 5, Verdict.UNPARSED),
]


def test_there_is_an_example_of_every_record_type() -> None:
    kinds = {kind for kind in vars(records).values() if dataclasses.is_dataclass(kind)}
    assert {type(example) for example in EXAMPLES} == kinds


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_a_record_reads_back_as_it_was_written(tmp_path: Path, record: Any) -> None:
    records.write(tmp_path / "new" / "file.jsonl", [record, record])
    assert records.read(tmp_path / "new" / "file.jsonl", type(record)) == [record, record]


def test_enums_come_back_as_enums(tmp_path: Path) -> None:
    records.write(tmp_path / "f.jsonl", [EXAMPLES[2]])
    (trace,) = records.read(tmp_path / "f.jsonl", Trace)
    assert (trace.finish, trace.verdict) == (Finish.LENGTH, Verdict.TRUNCATED)
    assert isinstance(trace.finish, Finish)
    assert isinstance(trace.verdict, Verdict)


def test_a_line_is_one_record_with_sorted_keys_and_readable_text(tmp_path: Path) -> None:
    records.write(tmp_path / "f.jsonl", [Score("é", "genrm", 0.5)])
    written = '{"failure": null, "problem_id": "é", "reward": "genrm", "value": 0.5}\n'
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
