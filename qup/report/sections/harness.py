"""Tasks of lm-eval by lm-eval's own metrics: no verdict, contrast or index is of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from qup.measured.scored import Scored
from qup.records import BASE
from qup.report.evidence import Evidence
from qup.report.numbers import INLINE, Bare, Missing, Number
from qup.report.view import DASH, Cell, Section, Table, number
from qup.stats import Crossed


@dataclass(frozen=True)
class Score:
    """A metric for one learner, or for those of an arm and objective."""

    mean: Number = field(metadata=INLINE)
    "Over documents and replicates, with this report's interval; where there are values of documents."
    harness: Bare | Missing
    "lm-eval's own value, the mean over replicates."
    stderrs: list[float]
    "lm-eval's own, of each replicate: over documents alone."
    n: int
    "Documents."


@dataclass(frozen=True)
class Task:
    """All that lm-eval says of one task."""

    source: str
    "lm-eval's version of the task and where its data are from."
    graded: bool
    "Whether our graders read its answers too."
    scores: dict[str, dict[str, Score]]
    "Learner (`base`, or `arm objective`) to column (`greedy exact_match, strict-match`) to score."
    shortened: int
    "Documents with a context that is longer than a learner takes, so that it lost its beginning."


def numbers(evidence: Evidence, arms: Iterable[str], labels: Mapping[str, str]) -> dict[str, Task]:
    """Every task's scores, the untrained learner's first; empty for a study without tasks of lm-eval."""
    tables = {"base": evidence.base.scored}
    for arm in arms:
        for objective in evidence.objectives:
            own = [each for each in evidence.arms[arm].scored if each.objective == objective]
            tables[f"{labels[arm]} {objective.upper()}"] = own
    tasks = dict.fromkeys(each.task for each in evidence.base.scored)
    level = evidence.study.report.level
    return {task: _task(evidence, task, tables, level) for task in tasks}


def _task(evidence: Evidence, task: str, tables: Mapping[str, list[Scored]], level: float) -> Task:
    checks = evidence.base.checks.get("evaluation", {}).get(task, {})
    source = f"version {checks['version']}, {checks['data']}" if "data" in checks else "a group of tasks"
    scores = {
        learner: {_column(each): _score(each, level) for each in own if each.task == task}
        for learner, own in tables.items()
    }
    shortened = [each.shortened for own in tables.values() for each in own if each.task == task]
    return Task(source, evidence.base.graded(task), scores, max(shortened, default=0))


def _column(each: Scored) -> str:
    name = each.metric if each.filter == "none" else f"{each.metric}, {each.filter}"
    return f"{each.decoding} {name}"


def _score(each: Scored, level: float) -> Score:
    values = [value for value in each.values if value is not None]
    whole: Bare | Missing = Missing("lm-eval gives no number")
    if values and len(values) == len(each.values):
        whole = Bare(float(np.mean(values)))
    return Score(_mean(each, level), whole, [error for error in each.stderrs if error is not None], each.n)


def _mean(each: Scored, level: float) -> Number:
    if each.documents is None:
        return Missing("no mean over documents")
    table = np.array(each.documents, dtype=np.float64)
    fixed = each.objective == BASE
    crossed = Crossed.fixed(table.mean(axis=0)) if fixed else Crossed.random(table, tuple(each.replicates))
    shares = bool(((table >= 0) & (table <= 1)).all())
    return (crossed.rate(level) if shares else crossed.estimate(level)) or Missing("no documents")


def show(tasks: Mapping[str, Task]) -> Section | None:
    """A table per task; None where there is none."""
    if not tasks:
        return None
    graded = [name for name, task in tasks.items() if task.graded]
    text = (
        "Metrics and standard errors of the tasks as lm-evaluation-harness has them; brackets are this report's "
        "intervals over documents and replicates. No verdict, contrast or index is of these numbers: utility is "
        "read from answers that this suite's own graders judge."
    )
    if graded:
        text += f" The answers to {', '.join(graded)} are graded by them too, among the sets."
    return Section("Tasks of lm-eval", [text], tables=[_table(name, task) for name, task in tasks.items()])


def _table(name: str, task: Task) -> Table:
    columns = list(dict.fromkeys(column for own in task.scores.values() for column in own))
    rows = [
        [Cell(learner), *(_cell(own[column]) if column in own else Cell(DASH) for column in columns)]
        for learner, own in task.scores.items()
    ]
    caption = f"Task {name}: {task.source}."
    if task.shortened:
        caption += (
            f" Of {task.shortened} documents the context is longer than the learner takes beside its answer, and lost "
            "its beginning, examples first: raise backend.max_length, as far as the learner has positions."
        )
    return Table(["learner", *columns], rows, caption=caption)


def _cell(score: Score) -> Cell:
    """lm-eval's value, our interval and n, and lm-eval's own standard errors."""
    if isinstance(score.harness, Missing):
        return Cell(DASH, score.harness.reason)
    notes = [f"n {score.n}"] if isinstance(score.mean, Missing) else [number(score.mean, 3).small]
    if score.stderrs:
        low, high = min(score.stderrs), max(score.stderrs)
        spread = f"{low:.4f}" if f"{low:.4f}" == f"{high:.4f}" else f"{low:.4f} to {high:.4f}"
        notes.append(f"stderr {spread}")
    return Cell(f"{score.harness.value:.4f}", "\n".join(notes))
