"""What rewards make of a restyled sample."""

from dataclasses import dataclass
from typing import ClassVar

from qup.records._values import Count


@dataclass(frozen=True)
class Restyled:
    """One reward of one restyle of one of the learner's samples. File: `base/restyled.jsonl`."""

    KEY: ClassVar = ("reward", "problem_id", "index", "restyle")
    problem_id: str
    index: Count
    "Which of the learner's samples."
    restyle: str
    "A name of `qup.restyles`."
    reward: str
    "What the study calls the reward."
    value: float | None
    "None if the reward model failed or does not apply."
    failure: str | None = None
    "Why there is no value."
