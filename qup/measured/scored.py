"""lm-eval's own scores as columns over replicates and documents."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from qup.records import LIVE, OMITTED, Count, TaskScore


@dataclass(frozen=True, eq=False)
class Scored:
    """A metric of a task of lm-eval for the learners of one objective."""

    task: str
    decoding: str
    "`sampled`, `greedy` or `loglikelihood`."
    objective: str
    "`base` for the untrained learner."
    metric: str
    filter: str
    n: Count
    "Documents."
    replicates: list[int]
    "`[0]` for the untrained learner."
    values: list[float | None]
    "lm-eval's, of each replicate."
    stderrs: list[float | None]
    "lm-eval's own, over documents."
    documents: list[list[float]] | None
    "(replicates, documents); None where the metric is no mean over documents."
    shortened: Count = field(default=0, metadata=OMITTED)
    "Documents with a context that lost its beginning, by the learner that took least."


def scored(scores: Iterable[TaskScore]) -> list[Scored]:
    """Scores as columns, one for each task, decoding, objective, metric and filter."""
    groups: dict[tuple[str, str, str, str, str], list[TaskScore]] = {}
    for each in scores:
        if each.task != LIVE:
            key = (each.task, each.decoding, each.objective, each.metric, each.filter)
            groups.setdefault(key, []).append(each)
    return [_column(key, sorted(groups[key], key=lambda each: each.replicate)) for key in sorted(groups)]


def _column(key: tuple[str, str, str, str, str], rows: list[TaskScore]) -> Scored:
    documents = [row.documents for row in rows if row.documents is not None]
    return Scored(
        *key,
        n=rows[0].n,
        replicates=[row.replicate for row in rows],
        values=[row.value for row in rows],
        stderrs=[row.stderr for row in rows],
        documents=documents if len(documents) == len(rows) else None,
        shortened=max(row.shortened for row in rows),
    )


def still(scores: Iterable[TaskScore]) -> list[str]:
    """The learners, as `sft-1`, that rate every probe just as the base does: nothing was trained, or nothing loaded."""
    return [f"{each.objective}-{each.replicate}" for each in scores if each.task == LIVE and each.value == 0]
