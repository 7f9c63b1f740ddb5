"""What forward passes of the untrained learner say of traces: by token, and as metrics."""

from dataclasses import dataclass, field
from typing import ClassVar

from qup.records._lines import OMITTED
from qup.records._values import Count, Magnitude


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

    KEY: ClassVar = ("problem_id", "slot")
    problem_id: str
    tokens: Count
    "Completion tokens, end-of-sequence included."
    nll: Magnitude
    "Sum of -log p_t(y_t), nats."
    values: dict[str, float]
    "Metric name to value; keys of one plug start with its name."
    slot: Count = field(default=0, metadata=OMITTED)
    "Which of the problem's traces in the stream."
