"""What forward passes of the untrained learner say of a trace, as metrics."""

from dataclasses import dataclass, field
from typing import ClassVar

from qup.records._lines import OMITTED
from qup.records._values import Count, Magnitude


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
