"""Files of traces as streams: `{question, answer?, response}`, chats in `messages` or `conversations`, and their like.

The readers are those of problem files (`qup.problems`), so text encodings, chats and numbers are taken alike. A file of
problems with worked answers (`{question, answer}`, the answer after `####`) is a stream of these answers.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qup.advise.asked import Asked
from qup.answers import bounded, extract
from qup.errors import SettingsError, hint, shown
from qup.problems import _tables
from qup.problems._columns import ASSISTANT, USER, Columns, seen, text_in
from qup.problems._content import listed, normalized
from qup.problems._shapes import CHATS, CONTEXT, MARK, QUESTIONS
from qup.problems._tables import Row

RESPONSES = ("response", "completion", "trace", "output", "solution", *CHATS, "answer")
"Columns that may hold the trace, in the order in which they are looked for."
GOLDS = ("answer", "final_answer", "gold")
SAMPLE = 100
"Rows in which columns are looked for."
EXPECTED = '{"question": "...", "response": "..."} (and "answer", if known), or a chat in "messages"'


@dataclass(frozen=True)
class Candidate:
    """One trace that may be trained on."""

    problem: str
    "The question's content, by which streams are matched: case, width and spacing left aside."
    question: str
    text: str
    row: int
    "In the file, from 1."


@dataclass(frozen=True)
class Stream:
    """The traces of one file."""

    name: str
    file: str
    traces: list[Candidate]
    golds: Mapping[str, str]
    "Problem to its gold answer, where the file says one."
    rows: int
    left_out: Mapping[str, int]
    "Why rows are not among the traces, and how many."
    columns: Mapping[str, str]
    "Question, response and answer to the columns that they were read from."
    disputed: frozenset[str] = frozenset()
    "Problems of which it says several gold answers that are not the same."

    @cached_property
    def problems(self) -> dict[str, list[Candidate]]:
        """Problem to its traces."""
        grouped: dict[str, list[Candidate]] = {}
        for trace in self.traces:
            grouped.setdefault(trace.problem, []).append(trace)
        return grouped


def read_all(asked: Asked) -> list[Stream]:
    """The streams of all files, the reference first.

    Raises:
        SettingsError: a file is not there, is empty or holds no traces, or there is no such reference.
    """
    names = _names(asked.files)
    streams = [_read(name, Path(file), asked) for name, file in zip(names, asked.files, strict=True)]
    if asked.reference is None:
        return streams
    first = next((each for each in streams if asked.reference in (each.name, each.file)), None)
    if first is None:
        raise SettingsError(f"no stream {shown(asked.reference)} to compare with: {hint(asked.reference, names)}")
    return [first, *(each for each in streams if each is not first)]


def _names(files: Sequence[str]) -> list[str]:
    """The files' names without folder and ending; the files as given where two would be called alike."""
    stems = [_tables.stem(file) for file in files]
    names = stems if len(set(stems)) == len(stems) else list(files)
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise SettingsError(f"{doubled[0]} is given twice: a stream is compared with others, not with itself")
    return names


def _read(name: str, file: Path, asked: Asked) -> Stream:
    rows = _tables.rows(file.name, _bytes(file))
    if not rows:
        raise SettingsError(f"{file} has no rows: expected one trace a line, {EXPECTED}")
    columns, gold = _columns(rows, str(file), asked)
    traces: list[Candidate] = []
    golds: dict[str, dict[str, None]] = {}
    left_out: Counter[str] = Counter()
    for number, row in enumerate(rows, 1):
        if seen(row.cells, columns.answer, ASSISTANT) is None:
            left_out["without a trace"] += 1
            continue
        problem = columns.read(row.cells, name, row.where)
        trace = Candidate(normalized(problem.question), problem.question, problem.answer, number)
        traces.append(trace)
        if said := _gold(row, columns, gold):
            golds.setdefault(trace.problem, {})[said] = None
    kept = list({(trace.problem, trace.text): trace for trace in reversed(traces)}.values())[::-1]
    left_out["the same trace again"] += len(traces) - len(kept)
    if not kept:
        raise SettingsError(f"{file}: none of its {len(rows)} rows has a trace in {columns.answer!r}")
    told = {"question": columns.question, "response": columns.answer} | ({"answer": gold} if gold else {})
    single, disputed = _agreed(golds)
    left = {why: count for why, count in left_out.items() if count}
    return Stream(name, str(file), kept, single, len(rows), left, told, disputed)


def _agreed(golds: Mapping[str, Iterable[str]]) -> tuple[dict[str, str], frozenset[str]]:
    """Problem to its gold answer, of those of which all that are said are the same answer; and the others."""
    said = {problem: list(own) for problem, own in golds.items()}
    pairs = [(problem, own[0], other) for problem, own in said.items() for other in own[1:]]
    # A percent sign may be missing on one side only, and what is too long to be judged may be the same text.
    judged = bounded.judge([pair for _, one, other in pairs for pair in ((one, other), (other, one))])
    disputed = frozenset(
        problem
        for at, (problem, one, other) in enumerate(pairs)
        if not any(judged[2 * at : 2 * at + 2]) and normalized(one) != normalized(other)
    )
    return {problem: own[0] for problem, own in said.items() if problem not in disputed}, disputed


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:
        # Of a name with a NUL in it nothing can be asked.
        told = getattr(error, "strerror", None) or str(error)
        reason = "is a folder" if isinstance(error, IsADirectoryError) else told
        raise SettingsError(f"{file}: {reason}: expected a file of traces, {EXPECTED}") from error


def _columns(rows: Sequence[Row], file: str, asked: Asked) -> tuple[Columns, str | None]:
    """Where question and trace stand, and the column of gold answers, None without one."""
    sample = rows[:SAMPLE]
    question = asked.question or _first(sample, QUESTIONS, USER)
    response = asked.response or _first(sample, RESPONSES, ASSISTANT)
    if question is None or response is None:
        lacks = "question" if question is None else "trace"
        raise SettingsError(
            f"{file} has no column that is known to hold a {lacks}: it has {listed(rows[0].cells)}; expected "
            f"{EXPECTED}, or say --question and --response"
        )
    gold = asked.answer or _first(sample, [each for each in GOLDS if each != response], ASSISTANT)
    if gold is None and any(MARK in (seen(row.cells, response, ASSISTANT) or "") for row in sample):
        gold = response if response in GOLDS else None
    return Columns(question, response, context=CONTEXT.get(question)), gold


def _first(rows: Sequence[Row], names: Sequence[str], speaker: str) -> str | None:
    """The first of some columns that any row has text in."""
    return next((name for name in names if any(seen(row.cells, name, speaker) for row in rows)), None)


def _gold(row: Row, columns: Columns, gold: str | None) -> str | None:
    """The gold answer of a row: in its own column, or marked off in a worked one."""
    text = text_in(row.cells, gold, ASSISTANT, row.where) if gold else None
    if text is None:
        return None
    marked = final(text)
    return marked if marked is not None else (text if gold != columns.answer else None)


def final(text: str) -> str | None:
    """The final answer that a text marks off: what is boxed, else what follows the last `####`."""
    boxed = extract(text)
    if boxed is not None or MARK not in text:
        return boxed
    said = text.rpartition(MARK)[2].strip().splitlines()
    return said[0].strip() if said else None


def golds(streams: Sequence[Stream]) -> tuple[dict[str, str], int]:
    """Problem to its gold answer by any stream; and of how many streams say different ones, so that they have none."""
    said: dict[str, dict[str, None]] = {}
    for stream in streams:
        for problem, answer in stream.golds.items():
            said.setdefault(problem, {})[answer] = None
    agreed, apart = _agreed(said)
    disputed = apart.union(*(stream.disputed for stream in streams))
    return {problem: answer for problem, answer in agreed.items() if problem not in disputed}, len(disputed)


def only(stream: Stream, traces: Sequence[Candidate]) -> Stream:
    """A stream of some of its traces."""
    return dataclasses.replace(stream, traces=list(traces))
