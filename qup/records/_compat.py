"""What forward passes of the untrained learner say of a trace, as metrics and token by token."""

from dataclasses import dataclass, field
from typing import ClassVar

from qup.records._lines import OMITTED
from qup.records._packed import unpack_lengths, unpack_nats
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
    surprisal: str = field(default="", metadata=OMITTED)
    "-log p_t(y_t) of each token, to a hundredth of a nat, two digits of base 64 each (`unpack_nats`)."
    lengths: str = field(default="", metadata=OMITTED)
    "Characters of the text that each token stands for, one digit or more each (`unpack_lengths`)."

    def __post_init__(self) -> None:
        if self.surprisal or self.lengths:
            told = len(unpack_nats(self.surprisal)), len(unpack_lengths(self.lengths))
            if told != (self.tokens, self.tokens):
                raise ValueError(f"expected surprisal and length of each of {self.tokens} tokens, got {told}")
