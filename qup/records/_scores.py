"""What lm-eval itself says of a learner's answers to one of its tasks."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from qup.records._lines import OMITTED
from qup.records._values import Count

LIVE = "weights"
"What stands for a task where a learner's weights are tried: whether they say anything else than the base's."


@dataclass(frozen=True)
class TaskScore:
    """A metric of lm-eval over a task's documents, for one learner. File: `<arm>/tasks.jsonl`."""

    KEY: ClassVar = ("objective", "replicate", "task", "decoding", "metric", "filter")
    objective: str
    "`base` for the untrained learner."
    replicate: Count
    "Of the learner's training set; 0 for the untrained learner."
    task: str
    "A task of lm-eval, or a group of them."
    decoding: str
    "`sampled`, `greedy` or `loglikelihood`."
    metric: str
    filter: str
    "lm-eval's way to take the answer from what was said."
    value: float | None
    "As lm-eval has it, the mean over repeats; None where it is not finite."
    stderr: float | None
    "lm-eval's own, over documents; None where it has none."
    n: Count
    "Documents."
    documents: list[float] | None
    "Of each document, the mean over repeats; None where the metric is no mean over documents."
    shortened: Count = dataclasses.field(default=0, metadata=OMITTED)
    "Documents with a context that is longer than the learner takes: it lost its beginning, the first of the examples."
