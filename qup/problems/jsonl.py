r"""Problems from a file of your own: one JSON object a line, `{"question": ..., "answer": ..., "solution": ...}`.

Example: `{source: jsonl, weight: 1, file: gsm8k_train.jsonl, answer_after: "####"}`.
"""

import json
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from qup import graders
from qup.errors import SettingsError, unknown
from qup.problems._content import Columns, distinct, shuffled
from qup.records import Problem
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Source:
    """Lines of `file`, in a seeded order; a problem's source is `jsonl/<file's name>`."""

    file: str
    "In the folder for users' problems, data/problems."
    answer_after: str | None = None
    "The final answer follows the last of these marks in `answer`, e.g. `####`; what precedes it is the solution."
    answer_boxed: bool = False
    "The final answer is the last box in `answer`, which is the solution."
    grader: str = "math"
    "Who says whether an answer is right: `math`, `exact` (the very text) or `choice` (a letter)."

    def __post_init__(self) -> None:
        graders.require(self.grader)

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems. Every line is checked, used or not.

        Raises:
            SettingsError: there is no such file, or a line is not as expected; the message names the line.
        """
        path = files / self.file
        if not path.is_file():
            raise unknown(f"problem file in {files}", self.file, (p.name for p in files.glob("*.jsonl")))
        columns = Columns(
            solution="solution", answer_after=self.answer_after, answer_boxed=self.answer_boxed, grader=self.grader
        )
        lines = path.read_text(encoding="utf-8").split("\n")
        rows = [
            columns.read(_row(line, where), f"jsonl/{path.stem}", where)
            for where, line in ((f"{self.file}, line {n}", line) for n, line in enumerate(lines, 1))
            if line.strip()
        ]
        return distinct((rows[i] for i in shuffled(len(rows), seed, "jsonl", self.file)), count)


def _row(line: str, where: str) -> dict[str, Any]:
    expected = 'expected {"question": "...", "answer": "..."}'
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where}: {expected}, got what is not JSON ({error})") from error
    if not isinstance(row, dict):
        raise SettingsError(f"{where}: {expected}, got {line[:60]!r}")
    return row
