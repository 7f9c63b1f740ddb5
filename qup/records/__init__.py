"""The record types that travel between stages, one per file; `read` and `write` are the only way in and out.

Beside its fields a type declares its `KEY`, the fields by which no two records of a file are equal; a number's range
stands in its annotation. Which keys a file must hold, by the files that it was made from, is in `qup.records.due`.
"""

import dataclasses
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from qup.records._compat import Compat
from qup.records._distinct import calculation, distinct
from qup.records._lines import OMITTED, line, omitted, parsed, read, row, write, written_fields
from qup.records._packed import DIGITS64, pack_lengths, pack_nats, unpack_lengths, unpack_nats
from qup.records._probes import Divergence, Probed
from qup.records._scores import LIVE, TaskScore
from qup.records._streams import Mask, Outcome, Refined, Stratum, Verdict
from qup.records._tokens import TokenStats
from qup.records._values import Count, Magnitude, Ordinal, typed

__all__ = ["DIGITS64", "LIVE", "OMITTED", "Compat", "Count", "Divergence", "Magnitude", "Mask", "Outcome", "Probed"]
__all__ += ["Refined", "Stratum", "TaskScore", "TokenStats", "Verdict", "calculation", "distinct", "line", "omitted"]
__all__ += ["pack_lengths", "pack_nats", "parsed", "read", "row", "typed", "unpack_lengths", "unpack_nats", "write"]
__all__ += ["written_fields"]

Scope = Literal["solved", "failed", "all"]
"Problems by whether the learner solved them."
LEARNER = "learner"
"What a study calls the learner among its models; in an arm, what stands for an Oracle where none is asked."
TRAIN = "train"
"The training set that the main arms train on."
HELDOUT = "heldout"
"The evaluation set that is made of the same sources as the training problems."
BASE = "base"
"What stands for an objective in the answers of the untrained learner."
SAMPLED, GREEDY = "sampled", "greedy"
"How an answer is decoded."


class Finish(enum.StrEnum):
    """Why generation ended."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True)
class Problem:
    """One problem with its gold answer. File: `problems/train.jsonl`, `problems/evaluation/<task>.jsonl`."""

    KEY: ClassVar = ("id",)
    EVEN: ClassVar = ("training_set", "replicate")
    "Each value of the first is met as often with every value of the second that it is met with."
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
    training_set: str | None = None
    "The training set of the study that it is of; None of a problem to evaluate on."
    replicate: Ordinal | None = None
    "Which of the study's replicates trains on it, numbered from 1 across its training sets."
    grader: str = dataclasses.field(default="math", metadata=OMITTED)
    "Who says whether an answer is right: a file of qup/graders."
    entry: str | None = dataclasses.field(default=None, metadata=OMITTED)
    "What its grader needs besides the gold answer, as JSON."


@dataclass(frozen=True)
class Trace:
    """One completion of the learner on one training problem. File: `traces.jsonl`; every sample is kept."""

    KEY: ClassVar = ("problem_id", "index")
    problem_id: str
    index: Count
    "Which of the N samples."
    text: str
    tokens: Count
    "Generated tokens, end-of-sequence included."
    finish: Finish
    answer: str | None
    "The extracted final answer; None if there was none."
    verdict: Verdict

    @property
    def ended(self) -> bool:
        """Whether the learner came to an end by itself. What was cut is never trained on: it has no end to learn."""
        return self.finish is not Finish.LENGTH


@dataclass(frozen=True)
class Score:
    """One reward of one trace. File: `<arm>/scores.jsonl`."""

    KEY: ClassVar = ("problem_id", "reward", "index", "slot")
    problem_id: str
    reward: str
    "What the study calls the reward."
    value: float | None
    "None if the reward model failed or does not apply."
    failure: str | None = None
    "Why there is no value."
    index: Count | None = None
    "Which of the learner's samples; None of a stream's trace."
    slot: Count = dataclasses.field(default=0, metadata=OMITTED)
    "Which of the problem's traces in a stream."


@dataclass(frozen=True)
class Step:
    """One optimizer step. File: `<arm>/trajectory.jsonl`."""

    KEY: ClassVar = ("objective", "replicate", "step")
    objective: str
    replicate: Count
    step: Ordinal
    epoch: Magnitude
    tokens: Count
    "Completion tokens trained on so far."
    loss: Magnitude
    "Mean loss per completion token, nats under `sft`; under another objective its own loss."
    grad_norm: Magnitude
    learning_rate: Magnitude
    entropy: float | None = None
    token_accuracy: float | None = None


@dataclass(frozen=True)
class TrainRun:
    """The account of one training run. File: `<arm>/runs.jsonl`."""

    KEY: ClassVar = ("objective", "replicate")
    objective: str
    replicate: Count
    traces: Count
    "Distinct traces in the stream."
    truncated: Count
    "Traces cut at `max_length`, and so trained on in part."
    tokens: Count
    "Completion tokens trained on, epochs counted."
    steps: Count
    path: str
    "Folder of the adapter or model, relative to the arm's folder."
    distance: Magnitude
    "Euclidean distance that the trained parameters moved."
    first_grad_norm: Magnitude
    "Gradient norm at the first step, before clipping."
    stream: Probed | None = None
    "On traces of the same stream that the run did not train on; None where there is no other replicate."
    native: Probed | None = None
    "On the learner's own correct samples of problems that the run did not train on."
    left_out: int = dataclasses.field(default=0, metadata=OMITTED)
    "Traces not trained on: their prompts fill `max_length` by themselves, or their masks leave nothing of them."
    divergence: Divergence | None = dataclasses.field(default=None, metadata=OMITTED)
    "Of the trained learner from the untrained one, on native traces; None where it was not measured."


@dataclass(frozen=True)
class Eval:
    """One graded answer of one learner. File: `<arm>/evals.jsonl`."""

    KEY: ClassVar = ("objective", "replicate", "task", "decoding", "problem_id", "repeat")
    problem_id: str
    objective: str
    "`base` for the untrained learner."
    replicate: Count
    "Of the learner's training set; 0 for the untrained learner."
    task: str
    "`heldout`, or a further set of the study."
    decoding: str
    "`sampled` or `greedy`."
    repeat: Count
    text: str
    tokens: Count
    verdict: Verdict
    answer: str | None
    "The extracted final answer; None if there was none."


def of_set(problems: Sequence[Problem], training_set: str) -> list[Problem]:
    """The problems of one training set."""
    return [problem for problem in problems if problem.training_set == training_set]


def traces_of(stream: Sequence[Refined], problems: Sequence[Problem]) -> tuple[list[Problem], list[str]]:
    """The traces of a stream that are there, and the problem that each is of."""
    by_id = {problem.id: problem for problem in problems}
    kept = [(by_id[refined.problem_id], refined.text) for refined in stream if refined.text is not None]
    return [problem for problem, _ in kept], [text for _, text in kept]


def drafted(
    problems: Sequence[Problem], traces: Sequence[Trace], scope: Scope
) -> list[tuple[Problem, Stratum, list[Trace]]]:
    """The problems that a stream covers, each with its stratum and the samples that may be its draft.

    A solved problem's are its correct ones, a failed one's the wrong; one all of whose samples are cut or without an
    answer has none and is left out.
    """
    own: dict[str, list[Trace]] = {}
    for trace in traces:
        if trace.ended:
            own.setdefault(trace.problem_id, []).append(trace)
    covered = []
    for problem in problems:
        samples = own.get(problem.id, [])
        right = [trace for trace in samples if trace.verdict is Verdict.CORRECT]
        stratum: Stratum = "solved" if right else "failed"
        usable = right or [trace for trace in samples if trace.verdict is Verdict.WRONG]
        if usable and scope in (stratum, "all"):
            covered.append((problem, stratum, usable))
    return covered
