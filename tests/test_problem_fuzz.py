"""Hundreds of damaged problem files: each is read, or refused in one line; the counts of both are printed."""

import csv
import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from conftest import Tally
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from qup.errors import SettingsError
from qup.problems._shapes import ANSWERS, QUESTIONS
from qup.settings import Plug

ROWS: list[dict[str, Any]] = [
    {"question": f"Combien coûtent {i} pommes à {i} € l’une ?", "answer": str(i * i), "solution": f"{i} × {i}."}
    for i in range(30)
]
SHAPED = [*QUESTIONS, *ANSWERS, "solution", "input"]
ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "cp1252", "utf-8-sig", "utf-7"]
CONSTANTS = [b"NaN", b"-Infinity", b"null", b"true", b"[]", b"{}", b'"\\ud800"', b'"\\u0000"', b"9" * 5000, b"[" * 3000]


def json_lines() -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


def separated(separator: str) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(ROWS[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(ROWS)
    return file.getvalue().encode()


def table() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


WHOLE: dict[str, Callable[[], bytes]] = {
    "own.jsonl": json_lines,
    "own.json": lambda: json.dumps(ROWS, ensure_ascii=False).encode(),
    "own.csv": lambda: separated(","),
    "own.tsv": lambda: separated("\t"),
    "own.jsonl.gz": lambda: gzip.compress(json_lines(), mtime=0),
    "own.parquet": table,
}


def flipped(raw: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(raw)
    for _ in range(rng.choice([1, 1, 3, 30])):
        spoilt[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def cut(raw: bytes, rng: random.Random) -> bytes:
    return raw[: rng.randrange(len(raw))]


def blanked(raw: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(raw))
    return raw[:start] + bytes(min(rng.randrange(1, 300), len(raw) - start)) + raw[start + 300 :]


def moved(raw: bytes, rng: random.Random) -> bytes:
    a, b = sorted(rng.sample(range(len(raw)), 2))
    return raw[b:] + raw[a:b] + raw[:a]


def recoded(raw: bytes, rng: random.Random) -> bytes:
    try:
        return raw.decode().encode(rng.choice(ENCODINGS), errors="replace")
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode()


def retyped(raw: bytes, rng: random.Random) -> bytes:
    """A value of another type in the place of some text."""
    quotes = [i for i, byte in enumerate(raw) if byte == ord('"')] or []
    if len(quotes) < 2:
        return rng.choice(CONSTANTS)
    a = rng.randrange(len(quotes) - 1)
    return raw[: quotes[a]] + rng.choice(CONSTANTS) + raw[quotes[a + 1] + 1 :]


DAMAGES = [flipped, cut, blanked, moved, recoded, retyped]


def outcome(path: Path, **columns: Any) -> str:
    """`read`, or `refused` in one line; anything else raises."""
    try:
        source = Plug("problems").make({"source": "jsonl", "file": path.name, **columns})
        found = source.problems(100, 1, path.parent)
    except SettingsError as error:
        assert len(str(error).splitlines()) == 1, error
        assert len(str(error)) < 1000
        return "refused"
    assert all(p.question.strip() and p.answer.strip() and "\0" not in p.question + p.answer for p in found)
    for problem in found:
        (problem.question + problem.answer + (problem.solution or "")).encode()
    return "read"


@pytest.mark.parametrize("name", WHOLE)
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path, name: str, tally: Tally) -> None:
    rng, whole, outcomes = random.Random(name), WHOLE[name](), Counter[str]()
    path = tmp_path / name
    path.write_bytes(whole)
    assert outcome(path) == "read"
    for i in range(120):
        damage = DAMAGES[i % len(DAMAGES)]
        path.write_bytes(damage(whole, rng))
        outcomes[f"{damage.__name__} {outcome(path)}"] += 1
    tally(f"damaged {name}", outcomes)
    assert any(kind.endswith("refused") for kind in outcomes)


def test_a_file_under_the_ending_of_another_is_read_or_refused_in_one_line(tmp_path: Path, tally: Tally) -> None:
    outcomes = Counter[str]()
    for name in WHOLE:
        for other, content in WHOLE.items():
            (tmp_path / name).write_bytes(content())
            outcomes[outcome(tmp_path / name)] += 1
            assert name != other or outcomes["read"]
    tally("problem files under another ending", outcomes)


KEYS = st.sampled_from([*SHAPED, "role", "content", "from", "value", "type", "text", "a.b"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["user", "gpt", "1+1?", r"\boxed{2}"]),
)
NESTED = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(KEYS, LEAVES, max_size=3)
VALUES = NESTED | st.lists(NESTED, max_size=3) | st.dictionaries(KEYS, NESTED, max_size=3)
ROWS_OF_ANYTHING = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=3)
COLUMNS = st.none() | st.sampled_from(["question", "messages.0.content", "prompt.0", "a.b", "..", ".", "9" * 30, ""])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(ROWS_OF_ANYTHING, COLUMNS, COLUMNS, st.sampled_from([None, "####", ""]))
def test_rows_of_any_types_are_read_or_refused_in_one_line(
    tmp_path: Path, rows: list[Any], question: str | None, answer: str | None, mark: str | None
) -> None:
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    outcome(tmp_path / "own.jsonl", question=question, answer=answer, answer_after=mark)
