"""Unlimited seeded problems with answers from reasoning-gym (open-thought/reasoning-gym).

Example: `{source: reasoning_gym, weight: 1, tasks: {chain_sum: {weight: 2, max_terms: 4}, leg_counting: {weight: 1}}}`.
The tasks and their settings are those of `reasoning_gym.factory.DATASETS`.
"""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError, shown, unknown
from qup.problems._content import distinct, problem, quotas
from qup.records import Problem
from qup.seeds import derive
from qup.settings import STRICT

WHOLE = re.compile(r"[+-]?\d+")
PATIENCE = 4
"Problems drawn for each one wanted, before a task counts as exhausted."


@dataclass(frozen=True, config=STRICT)
class Source:
    """A weighted mix of tasks; a problem's source is `reasoning_gym/<task>`."""

    endless: ClassVar[bool] = True

    tasks: dict[str, dict[str, Any]]
    "Task to `{weight: w, ...the task's own settings}`; the weight is 1 if it is not given."
    grader: Literal["math", "reasoning_gym"] | None = None
    "null: whole numbers by `math`, which also reads `1,000` and `x = 7`, all else by the task's own score."

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems; fewer if a task has not that many.

        Raises:
            SettingsError: no such task, no such setting of it, or a value the task does not take.
        """
        if not self.tasks:
            raise SettingsError("reasoning_gym needs at least one task, e.g. tasks: {chain_sum: {weight: 1}}")
        shares = quotas([settings.get("weight", 1) for settings in self.tasks.values()], count)
        problems: list[Problem] = []
        for (task, settings), share in zip(self.tasks.items(), shares, strict=True):
            drawn = _draw(
                task, {k: v for k, v in settings.items() if k != "weight"}, share * PATIENCE, derive(seed, task)
            )
            problems += distinct((self._graded(each) for each in drawn), share)
        return problems

    def _graded(self, drawn: Problem) -> Problem:
        """A problem with the grader that is set for it, and what that one needs."""
        grader = self.grader or ("math" if WHOLE.fullmatch(drawn.answer) else "reasoning_gym")
        return dataclasses.replace(drawn, grader=grader, entry=drawn.entry if grader == "reasoning_gym" else None)


def _draw(task: str, settings: dict[str, Any], size: int, seed: int) -> Iterator[Problem]:
    """Problems of one task, made as they are asked for; item i depends on `seed` and i only."""
    # Some tasks seed numpy, which takes 32 bits.
    size, seed = max(size, 1), seed % 2**31
    for index, item in _entries(task, settings, size, seed):
        if item["answer"] is not None:
            solution = item["metadata"].get("answer_cot")
            made = {"task": task, "settings": settings, "seed": seed, "size": size, "index": index}
            entry = json.dumps(made, sort_keys=True)
            yield problem(item["question"], str(item["answer"]), f"reasoning_gym/{task}", solution, entry=entry)


def _entries(task: str, settings: dict[str, Any], size: int, seed: int) -> Iterator[tuple[int, Any]]:
    """A task's entries by number; with some settings a task fails only when it comes to make one."""
    try:
        json.dumps(settings, allow_nan=False)
        for index, item in enumerate(_dataset(task, settings, size, seed)):
            if not isinstance(item, dict):
                raise ValueError(f"entry {index} is {shown(item)}")
            yield index, item
    except SettingsError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise SettingsError(f"reasoning_gym task {task} does not take {shown(settings)}: {said}") from error


def _dataset(task: str, settings: dict[str, Any], size: int, seed: int) -> Any:
    from reasoning_gym.factory import DATASETS, create_dataset

    if task not in DATASETS:
        raise unknown("reasoning_gym task", task, DATASETS)
    fields = {f.name for f in dataclasses.fields(DATASETS[task][1])} - {"seed", "size"}
    for name in settings:
        if name not in fields:
            raise unknown(f"setting of reasoning_gym task {task}", name, fields)
    return create_dataset(task, size=size, seed=seed, **settings)
