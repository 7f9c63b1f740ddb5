"""The record types that travel between stages, one per file, and the only code that reads and writes them.

Files are JSON Lines with sorted keys, so that equal records are equal bytes.
"""

import dataclasses
import enum
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


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
    """Read a file written by `write` back into records of `kind`."""
    enums = {"verdict": Verdict, "finish": Finish}
    out = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            for name, make in enums.items():
                if row.get(name) is not None:
                    row[name] = make(row[name])
            out.append(kind(**row))
    return out
