"""Further evaluation sets: the same learners on problems that no verdict is of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qup.report.evidence import Evidence
from qup.report.exams import Answered, Learner
from qup.report.numbers import INLINE
from qup.report.sections.study import Declared
from qup.report.view import DASH, Cell, Section, Table, percent, signed


@dataclass(frozen=True)
class Sets:
    """Accuracy and utility on each set."""

    base: dict[str, Answered]
    "Set to how the untrained learner answered."
    arms: dict[str, dict[str, dict[str, Learner]]]
    "By arm, set and objective."
    repeats: dict[str, dict[str, int]] = field(default_factory=dict, metadata=INLINE)
    "`k` of each set, where a set has its own."


def numbers(evidence: Evidence, arms: Iterable[str]) -> Sets:
    """How the learners of these arms did."""
    return Sets(
        base={task: exam.base_answered() for task, exam in evidence.sets.items()},
        arms={
            arm: {
                task: {objective: exam.learner(arm, objective) for objective in evidence.objectives}
                for task, exam in evidence.sets.items()
            }
            for arm in arms
        },
        repeats=_repeats(evidence),
    )


def _repeats(evidence: Evidence) -> dict[str, dict[str, int]]:
    own = {each.name: each.decodings[0].repeats for each in evidence.asked if each.name in evidence.sets}
    return {"k": own} if set(own.values()) - {evidence.study.evaluation.of_main.k} else {}


def show(sets: Sets, labels: Mapping[str, str], declared: Declared) -> Section | None:
    """A table per set; None where there is none."""
    if not sets.base:
        return None
    text = "The same learners on other problems. Contrasts, indices and every verdict are of the held-out ones alone."
    tables = [_table(sets, task, labels, declared) for task in sets.base]
    return Section("Further evaluation sets", [text], tables=tables)


def _table(sets: Sets, task: str, labels: Mapping[str, str], declared: Declared) -> Table:
    objectives = declared.objectives
    base = [percent(sets.base[task].accuracy), Cell(DASH, "the reference")]
    rows = [[Cell("base"), *base * len(objectives)]]
    for arm, tasks in sets.arms.items():
        learners = tasks[task].values()
        cells = [(percent(learner.answered.accuracy), signed(learner.utility)) for learner in learners]
        rows.append([Cell(labels[arm]), *(cell for pair in cells for cell in pair)])
    groups = [("", 1), *((f"{objective.upper()} learner", 2) for objective in objectives)]
    k = sets.repeats.get("k", {}).get(task, declared.k)
    columns = ["arm", *[f"Avg@{k}, %", "U, points"] * len(objectives)]
    return Table(columns, rows, groups, caption=f"Set {task}.")
