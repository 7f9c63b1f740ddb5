"""reasoning-gym's tasks by their own `score_answer`: many have several right answers, which no comparison can know.

An entry's metadata, which scoring needs, is made again from what makes the entry: task, settings, seed, size, index.
An answer is right if it has the full score. Scoring runs in the bounded workers, as some tasks evaluate what they read.
"""

import functools
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass

from qup.answers import bounded
from qup.answers.words import unmarked
from qup.graders import Judgement, exact
from qup.records import Problem
from qup.settings import STRICT

FULL = 1 - 1e-9
"Of a score from 0 to 1; most tasks give a little for a wrong answer in the right form."


@dataclass(frozen=True, config=STRICT)
class Grader:
    """A problem whose entry comes out otherwise than it was stored is graded by nothing: its answers are unparsed."""

    needs_entry: ClassVar[bool] = True

    def right(self, problems: Sequence[Problem], given: Sequence[str]) -> list[Judgement]:
        """Whether each answer has the task's full score."""
        asked = zip(problems, given, strict=True)
        questions = [(problem.entry or "", problem.question, problem.answer, answer) for problem, answer in asked]
        return bounded.ask(f"{__name__}:scored", questions, prepare=f"{__name__}:prepare")

    def same(self, own: Sequence[str], given: Sequence[str]) -> list[Judgement]:
        """Whether each two answers are the same text."""
        return exact.Grader().same(own, given)


def prepare() -> None:
    """Load the tasks, which takes a second or more."""
    import reasoning_gym  # noqa: F401


def scored(entry: str, question: str, gold: str, given: str) -> Judgement:
    """Whether an answer has the full score, as it stands or without the marks of LaTeX; in a worker.

    None where the entry cannot be made again, or the scorer fails: then nobody has said anything of the answer.
    """
    try:
        spec = json.loads(entry)
        tasks = dataset(spec["task"], json.dumps(spec["settings"], sort_keys=True), spec["seed"], spec["size"])
        item = tasks[spec["index"]]
        if (item["question"].strip(), str(item["answer"]).strip()) != (question, gold):
            return None
        # A gold answer that is no text was stored as one.
        item = item if isinstance(item["answer"], str) else {**item, "answer": gold}
        tries = dict.fromkeys((given, unmarked(given)))
        return any(float(tasks.score_answer(answer, item)) >= FULL for answer in tries)
    except Exception:
        return None


@functools.lru_cache(maxsize=64)
def dataset(task: str, settings: str, seed: int, size: int) -> Any:
    """A task's problems; `settings` is JSON, so that they can be kept by their settings."""
    from reasoning_gym.factory import create_dataset

    return create_dataset(task, seed=seed, size=size, **json.loads(settings))
