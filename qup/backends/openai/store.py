"""Paid answers, one JSON file each, named by what was asked: people can read, count, copy and delete them.

A file is written whole or not at all, and read only if it says what it said when it was written: a damaged one counts
as not there.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.backends.openai import answer
from qup.backends.openai.answer import Answer
from qup.errors import SettingsError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """A folder of paid answers."""

    folder: Path

    def path(self, row: Row) -> Path:
        """Where the answer to `row` is; the row is all that identifies it."""
        return self.folder / f"{_sum(row)}.json"

    def find(self, row: Row) -> Answer | None:
        """The stored answer, None where there is none or where it is damaged."""
        stored = _stored(self.path(row))
        if stored is None or any(stored.get(name) != value for name, value in row.items()):
            return None
        try:
            return answer.read(stored.get("response"))
        except answer.MalformedError:
            return None

    def keep(self, row: Row, response: Mapping[str, Any], tokens: int) -> None:
        """Store what was paid for an answer: the response and the tokens it cost.

        Raises:
            SettingsError: there is no room.
        """
        path, text = self.path(row), {**row, "response": response, "cost": tokens, "sum": _sum(response)}
        part = path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(text, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise SettingsError(
                f"{self.folder}: a paid answer cannot be stored ({error.strerror}): make room and run again; the "
                f"others are kept"
            ) from error

    def cost(self, base_url: str, model: str) -> int:
        """Tokens that the stored answers of an endpoint and model have cost."""
        mine = self.of(base_url=base_url, model=model)
        return sum(answer.number(row.get("cost")) or answer.billed(row.get("response")) or 0 for row in mine)

    def of(self, **said: Any) -> Iterator[dict[str, Any]]:
        """The stored answers whose rows say this, as they are read."""
        stored = (_stored(path) for path in self.folder.glob("*.json"))
        return (row for row in stored if row and all(row.get(name) == value for name, value in said.items()))


def _stored(path: Path) -> dict[str, Any] | None:
    """What a file holds; None if it is not there or is not what was written."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    # Files of earlier versions have no sum.
    whole = isinstance(row, dict) and row.get("sum", _sum(row.get("response"))) == _sum(row.get("response"))
    return row if whole else None


def _sum(value: Any) -> str:
    """A hash of JSON; a lone surrogate, which a model may write, has no UTF-8."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
