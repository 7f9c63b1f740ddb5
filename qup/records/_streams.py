"""A training stream: what became of each draft, and what of a trace the loss leaves out."""

import dataclasses
import enum
from dataclasses import dataclass
from typing import ClassVar, Literal

from qup.records._lines import OMITTED
from qup.records._values import Count

Stratum = Literal["solved", "failed"]
"Whether the learner has a correct sample of a problem."
Outcome = Literal["kept", "unchanged", "changed", "failed", "skipped", "repeated"]
"What became of a draft; `repeated`: the text is that of another trace of the problem."


class Verdict(enum.StrEnum):
    """What became of a completion. Only `CORRECT` and `WRONG` are answers; the others are failures of their own."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    TRUNCATED = "truncated"


@dataclass(frozen=True)
class Mask:
    """Tokens of a trace that the loss leaves out, by their places under the learner's own encoding."""

    tokens: Count
    "Completion tokens of the trace, end-of-sequence included: who encodes it otherwise must not use the places."
    left_out: list[Count]
    "Places in the completion, the first token is 0, ascending."


@dataclass(frozen=True)
class Refined:
    """One training trace of a stream, or the account of why there is none. File: `<arm>/stream.jsonl`."""

    KEY: ClassVar = ("problem_id", "replicate", "stratum", "slot")
    problem_id: str
    replicate: Count
    "The replicate that trains on it."
    stratum: Stratum
    "`solved` if the learner has a correct sample of this problem, else `failed`."
    text: str | None
    "The trace to train on; None if the refiner failed or has none for this problem."
    outcome: Outcome
    "`kept` (as it stood), `unchanged` (the draft, given back), `changed`, `failed`, `skipped` (none), `repeated`."
    draft_index: Count | None
    "Which native sample the refiner started from."
    attempts: Count
    "Oracle calls spent; 0 for native traces."
    oracle_tokens: Count
    "Tokens the Oracle generated, all attempts."
    verdict: Verdict | None
    "Verdict of the last answer seen against gold, kept or not; a refiner that does not repair may keep a wrong one."
    learner_tokens: Count = dataclasses.field(default=0, metadata=OMITTED)
    "Tokens that the untrained learner generated for it, all attempts; an Oracle's are apart."
    origin: str | None = dataclasses.field(default=None, metadata=OMITTED)
    "Whose trace it is, if not clear by the arm: `own`, `guided`, `oracle`, `reference`, `samples`, or an arm's name."
    mask: Mask | None = dataclasses.field(default=None, metadata=OMITTED)
    "What of the trace is not trained on; None: all of it is."
    slot: Count = dataclasses.field(default=0, metadata=OMITTED)
    "Which of the problem's traces it is, of up to `streams.per_problem`."
