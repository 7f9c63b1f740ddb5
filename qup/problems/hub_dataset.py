"""Problems from a data set on the Hugging Face hub, pinned to a commit.

Example: `{source: hub_dataset, weight: 1, repo: openai/gsm8k, config: main, revision: <40 hex digits>, split: train,
question: question, answer: answer, answer_after: "####"}`.
"""

import re
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.problems._content import Columns, distinct, shuffled
from qup.records import Problem
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Source:
    """Rows of one split, in a seeded order; a problem's source is `hub_dataset/<repo>`."""

    repo: str
    revision: str
    "A commit, 40 hex digits: a branch or tag may move."
    split: str = "train"
    config: str | None = None
    "The data set's configuration, where it has several."
    question: str = "question"
    "Column."
    answer: str = "answer"
    "Column."
    solution: str | None = None
    "Column."
    answer_after: str | None = None
    "The final answer follows the last of these marks in `answer`, e.g. `####`; what precedes it is the solution."
    answer_boxed: bool = False
    "The final answer is the last box in `answer`, which is the solution."

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise SettingsError(
                f"revision of {self.repo}: expected a commit of 40 hex digits, got {self.revision!r}; "
                f"see https://huggingface.co/datasets/{self.repo}/commits"
            )

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems; rows without an answer as set are passed over.

        Raises:
            SettingsError: the data set cannot be loaded, lacks a column, or no row has an answer as set.
        """
        rows = self._rows()
        columns = Columns(self.question, self.answer, self.solution, self.answer_after, self.answer_boxed)
        problems, problem_with = [], None
        # A reserve of a fifth, for duplicates; a big data set is not read to its end.
        for i in shuffled(len(rows), seed, "hub_dataset", self.repo):
            try:
                problems.append(columns.read(rows[i], f"hub_dataset/{self.repo}", f"{self.repo}, row {i}"))
            except SettingsError as error:
                problem_with = error
            if len(problems) >= count * 1.2:
                break
        if not problems and problem_with:
            raise problem_with
        return distinct(problems, count)

    def _check_commit(self, rows: Any) -> None:
        """Out of the hub's reach `datasets` takes what its cache had last, of whatever commit."""
        places = [Path(file["filename"]).parent for file in getattr(rows, "cache_files", [])]
        if others := [place for place in places if place.name != self.revision]:
            raise SettingsError(f"the cache has another commit of it in {others[0]}; load this one once with network")

    def _rows(self) -> Any:
        from datasets import load_dataset

        try:
            rows = load_dataset(self.repo, self.config, revision=self.revision, split=self.split)
            self._check_commit(rows)
        except Exception as error:
            # The loader raises dozens of kinds: no such repository, split or configuration, no network, no access.
            raise SettingsError(f"{self.repo} at {self.revision[:8]} cannot be loaded: {error}") from error
        missing = {self.question, self.answer, self.solution or self.answer} - set(rows.column_names)
        if missing:
            raise SettingsError(f"{self.repo} has no column {sorted(missing)}: it has {', '.join(rows.column_names)}")
        return rows
