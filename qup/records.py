"""The record types that travel between stages, one per file, and the only code that reads and writes them.

Files are JSON Lines with sorted keys, so that equal records are equal bytes.
"""

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from qup.errors import SettingsError, hint

T = TypeVar("T")
Scope = Literal["solved", "failed", "all"]
"Problems by whether the learner solved them."
LEARNER = "learner"
"What a study calls the learner among its models; in an arm, what stands for an Oracle where none is asked."
HELDOUT = "heldout"
"The evaluation set that is made of the same sources as the training problems."
BASE = "base"
"What stands for an objective in the answers of the untrained learner."
Objective = Literal["sft", "dft"]
"What training minimizes."


class Verdict(enum.StrEnum):
    """What became of a completion. Only `CORRECT` and `WRONG` are answers; the others are failures of their own."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    TRUNCATED = "truncated"


class Finish(enum.StrEnum):
    """Why generation ended."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True)
class Problem:
    """One problem with its gold answer. File: `problems/train.jsonl`, `problems/evaluation/<task>.jsonl`."""

    id: str
    "Unique within the study: the hash of its content."
    question: str
    "The text put before the model, without the answer-format instruction."
    answer: str
    "Gold answer; passes our own grader."
    source: str
    "The problem source's name, and its task where it has several."
    solution: str | None = None
    "A reference chain of thought, where the source has one."
    tags: list[str] = dataclasses.field(default_factory=list)
    "What the source says of it, as its subject; the report shows accuracy by tag."
    replicate: int | None = None
    "The replicate that trains on it; None of a problem to evaluate on."


@dataclass(frozen=True)
class Trace:
    """One completion of the learner on one training problem. File: `traces.jsonl`; every sample is kept."""

    problem_id: str
    index: int
    "Which of the N samples."
    text: str
    tokens: int
    "Generated tokens, end-of-sequence included."
    finish: Finish
    answer: str | None
    "The extracted final answer; None if there was none."
    verdict: Verdict


@dataclass(frozen=True)
class Refined:
    """One training trace of a stream, or the account of why there is none. File: `<arm>/stream.jsonl`."""

    problem_id: str
    stratum: str
    "`solved` if the learner has a correct sample of this problem, else `failed`."
    text: str | None
    "The trace to train on; None if the refiner failed or has none for this problem."
    outcome: str
    "`kept` (native trace), `unchanged` (the Oracle returned the draft), `changed`, `failed`, `skipped` (none to give)."
    draft_index: int | None
    "Which native sample the refiner started from."
    attempts: int
    "Oracle calls spent; 0 for native traces."
    oracle_tokens: int
    "Tokens the Oracle generated, all attempts."
    verdict: Verdict | None
    "Verdict of the last answer seen against gold, kept or not; a refiner that does not repair may keep a wrong one."


@dataclass(frozen=True)
class Score:
    """One reward of one trace. File: `<arm>/scores.jsonl`."""

    problem_id: str
    reward: str
    "What the study calls the reward."
    value: float | None
    "None if the reward model failed or does not apply."
    failure: str | None = None
    "Why there is no value."


@dataclass(frozen=True)
class TokenStats:
    """What one forward pass of the learner says about one completion; lists run over its T tokens."""

    token_ids: list[int]
    logprob: list[float]
    "log p_t(y_t), nats."
    entropy: list[float] | None = None
    "H_t of the learner's next-token distribution, nats; None where the backend cannot say."
    variance: list[float] | None = None
    "Variance of log p_t under p_t, nats squared."
    rank: list[int] | None = None
    "Rank of y_t in p_t, 1 is the most likely."


@dataclass(frozen=True)
class Compat:
    """All compatibility metrics of one trace. File: `<arm>/compat.jsonl`."""

    problem_id: str
    tokens: int
    "Completion tokens, end-of-sequence included."
    nll: float
    "Sum of -log p_t(y_t), nats."
    values: dict[str, float]
    "Metric name to value; keys of one plug start with its name."


@dataclass(frozen=True)
class Step:
    """One optimizer step. File: `<arm>/trajectory.jsonl`."""

    objective: str
    seed: int
    step: int
    epoch: float
    tokens: int
    "Completion tokens trained on so far."
    loss: float
    "Mean loss per completion token, nats (for `dft`: probability-weighted nats)."
    grad_norm: float
    learning_rate: float
    entropy: float | None = None
    token_accuracy: float | None = None


@dataclass(frozen=True)
class TrainRun:
    """The account of one training run. File: `<arm>/runs.jsonl`."""

    objective: str
    seed: int
    traces: int
    "Distinct traces in the stream."
    truncated: int
    "Traces cut at `max_length`, and so trained on in part."
    tokens: int
    "Completion tokens trained on, epochs counted."
    steps: int
    path: str
    "Folder of the adapter or model, relative to the arm's folder."


@dataclass(frozen=True)
class Eval:
    """One graded answer of one learner. File: `<arm>/evals.jsonl`."""

    problem_id: str
    objective: str
    "`base` for the untrained learner."
    seed: int
    task: str
    "`heldout`, or a further set of the study."
    decoding: str
    "`sampled` or `greedy`."
    repeat: int
    text: str
    tokens: int
    verdict: Verdict


def write(path: Path, records: Iterable[Any]) -> None:
    """Write records as JSON Lines, atomically: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    with part.open("w", encoding="utf-8", newline="\n", errors="backslashreplace") as file:
        for record in records:
            file.write(json.dumps(dataclasses.asdict(record), sort_keys=True, ensure_ascii=False) + "\n")
    part.replace(path)


def read(path: Path, kind: type[T]) -> list[T]:
    """Read a file written by `write` back into records of `kind`.

    Raises:
        SettingsError: a line is no such record; the message names file, line and field.
    """
    if not path.is_file():
        raise SettingsError(f"{path} is not there: the stage that writes it has not run (dvc repro)")
    with path.open(encoding="utf-8") as file:
        return [_record(line, kind, f"{path}, line {number}") for number, line in enumerate(file, start=1)]


def traces_of(stream: Sequence[Refined], problems: Sequence[Problem]) -> tuple[list[Problem], list[str]]:
    """The traces of a stream that are there, and the problem that each is of."""
    by_id = {problem.id: problem for problem in problems}
    kept = [(by_id[refined.problem_id], refined.text) for refined in stream if refined.text is not None]
    return [problem for problem, _ in kept], [text for _, text in kept]


def _record(line: str, kind: type[T], where: str) -> T:
    """The record in a line, each value checked against its field's annotation."""
    name = kind.__name__
    article = "an" if name[0] in "AEIO" else "a"
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where}: not {article} {name}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise SettingsError(f"{where}: not {article} {name}: expected fields, got {line.strip()[:60]!r}")
    fields = _fields(typing.cast(Any, kind))
    for key in row:
        if key not in fields:
            raise SettingsError(f"{where}: not {article} {name}: unknown field {key!r}: {hint(key, fields)}")
    missing = [key for key, (_, required) in fields.items() if required and key not in row]
    if missing:
        raise SettingsError(f"{where}: not {article} {name}: lacks {', '.join(missing)}")
    try:
        return kind(**{key: _value(fields[key][0], value, key) for key, value in row.items()})
    except ValueError as error:
        raise SettingsError(f"{where}: not {article} {name}: {error}") from error


@functools.cache
def _fields(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """Field to its type and whether a record must have it."""
    hints = typing.get_type_hints(kind)
    return {f.name: (hints[f.name], f.default is dataclasses.MISSING) for f in dataclasses.fields(kind)}


def _value(hint_: Any, value: Any, field: str) -> Any:
    """A value as its field's type has it: enums from their text, all else as it is."""
    if isinstance(hint_, types.UnionType):
        choices = [part for part in typing.get_args(hint_) if part is not type(None)]
        return None if value is None else _value(choices[0], value, field)
    if isinstance(hint_, type) and issubclass(hint_, enum.Enum):
        values = [member.value for member in hint_]
        if value not in values:
            raise ValueError(f"field {field!r}: expected one of {', '.join(values)}, got {value!r:.60}")
        return hint_(value)
    if not _fits(hint_, value):
        expected = hint_.__name__ if isinstance(hint_, type) else hint_
        raise ValueError(f"field {field!r}: expected {expected}, got {value!r:.60}")
    return value


def _fits(hint_: Any, value: Any) -> bool:
    """Whether a value is of a type, what it holds included."""
    origin, inner = typing.get_origin(hint_), typing.get_args(hint_)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(inner[1], item) for item in value.values())
    if origin is list:
        return isinstance(value, list) and all(_fits(inner[0], item) for item in value)
    # To Python, true is a number.
    return isinstance(value, (int, float) if hint_ is float else hint_) and not isinstance(value, bool)
