r"""Question, answer and solution in a row, as text: numbers as they are written, one-element lists and chats as well.

A column is named by its key, or by a path with dots: `reward_model.ground_truth`, `answers.0`. A chat is a list of
messages, `{role, content}` as OpenAI has them or `{from, value}` as ShareGPT; as a question it is what the user says,
as an answer what the assistant replies. What is none of this is an error: a wrong guess would be a wrong gold answer.
"""

import datetime
import decimal
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from qup.answers import extract
from qup.errors import SettingsError, shown
from qup.problems._content import listed, problem
from qup.problems._forms import Form, formed
from qup.records import Problem

Words = Annotated[str, Field(min_length=1)]
"Text in settings that names a column or a mark."
USER, ASSISTANT, SYSTEM = "user", "assistant", "system"
SPEAKERS = {"user": USER, "human": USER, "assistant": ASSISTANT, "gpt": ASSISTANT, "model": ASSISTANT, "system": SYSTEM}
"What speakers are called to who they are."
NO_TEXT = re.compile("[\0\ud800-\udfff]")
"Null characters and halves of surrogate pairs: JSON can spell them, tokenizers and UTF-8 cannot take them."
KEYS = (("role", "content"), ("from", "value"))


class UnmarkedError(SettingsError):
    """A row whose answer is not marked off as set: it has none, which is no damage to the file."""


@dataclass(frozen=True)
class Columns:
    r"""Where question, answer and solution stand in a row, and how the answer is marked off inside the answer column.

    With `answer_after` (gsm8k's `####`) or `answer_boxed` (the last `\\boxed{}`), the column is a worked solution: the
    whole of it, or what stands before the mark, becomes the reference solution unless there is a column for that.
    """

    question: str = "question"
    answer: str = "answer"
    solution: str | None = None
    answer_after: str | None = None
    answer_boxed: bool = False
    grader: str = "math"
    context: str | None = None
    "Column whose text, if it has any, stands below the question's: Alpaca's `input`."
    apart: str = "\n\n"
    "What stands between the two."
    form: Form = "text"
    several: str | None = None
    "Column that is true where the answer is a list of answers."

    def read(self, row: Mapping[str, Any], source: str, where: str) -> Problem:
        """The problem in a row.

        Raises:
            SettingsError: a column is missing, is empty or is not text.
            UnmarkedError: the answer is not marked off as set.
        """
        if self.question == self.answer and not _is_chat(_single(cell(row, self.question))):
            raise SettingsError(
                f"{where}: {self.question!r} is to hold question and answer both: expected a list of messages, got "
                f"{shown(cell(row, self.question))}"
            )
        question = self._required(row, self.question, USER, where)
        worked = self._required(row, self.answer, ASSISTANT, where)
        answer, solution = self._cut(worked, where)
        if self.context:
            question = self.apart.join(filter(None, [question, text_in(row, self.context, USER, where)]))
        if self.solution:
            solution = text_in(row, self.solution, ASSISTANT, where) or solution
        answer = formed(answer, self.form, where, several=bool(self.several) and cell(row, str(self.several)) is True)
        return problem(question, answer, source, solution, grader=self.grader)

    def description(self) -> str:
        """How a row is read, in a few words."""
        after = f"what follows {self.answer_after!r} in " if self.answer_after else ""
        within = "the box in " if self.answer_boxed else after
        context = f" and {self.context!r}" if self.context else ""
        return f"question from {self.question!r}{context}, answer from {within}{self.answer!r}"

    def _required(self, row: Mapping[str, Any], column: str, speaker: str, where: str) -> str:
        text = text_in(row, column, speaker, where)
        if text is None:
            raise _misfit(row, column, where)
        return text

    def _cut(self, cell: str, where: str) -> tuple[str, str | None]:
        if self.answer_boxed:
            boxed = extract(cell)
            if boxed is None:
                raise UnmarkedError(f"{where}: expected an answer in \\boxed{{...}} in {self.answer!r}, found none")
            return boxed, cell
        if self.answer_after is None:
            return cell, None
        solution, mark, answer = cell.rpartition(self.answer_after)
        if not mark or not answer.strip():
            raise UnmarkedError(f"{where}: expected {self.answer_after!r} and an answer in {self.answer!r}, found none")
        return answer, solution


def seen(row: Mapping[str, Any], column: str, speaker: str) -> str | None:
    """The text in a column, None if there is none; what ought to be text and is not, as Python shows it."""
    try:
        return text_in(row, column, speaker, "")
    except SettingsError:
        return shown(cell(row, column))


def text_in(row: Mapping[str, Any], column: str, speaker: str, where: str) -> str | None:
    """The text in a column; None if there is none.

    Raises:
        SettingsError: what stands there is no text.
    """
    value = _single(cell(row, column))
    if _is_chat(value):
        value = _spoken(value, speaker, f"{where}: {column!r}")
    if _is_missing(value):
        return None
    text = _written(value)
    if text is None or NO_TEXT.search(text):
        raise _misfit(row, column, where)
    return text


def cell(row: Mapping[str, Any], column: str) -> Any:
    """What stands in a column, None if there is no such column: one called `a.b`, else `b` in column `a`."""
    if column in row:
        return row[column]
    value: Any = row
    for key in column.split("."):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit():
            value = dict(enumerate(value)).get(int(key[:9]))
        else:
            return None
    return value


def _is_missing(value: Any) -> bool:
    """Whether nothing stands there; a NaN is how tables write that."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == [] or (isinstance(value, float) and math.isnan(value))


def _single(value: Any) -> Any:
    """The one element of a list of one, however deep; a chat of one message stays a chat."""
    while isinstance(value, list) and len(value) == 1 and not _is_chat(value):
        value = value[0]
    return value


def _written(value: Any) -> str | None:
    """A value as people write it: no exponent, dates by ISO 8601; None of what is not one text or number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, int | float):
        return format(decimal.Decimal(repr(value)), "f")
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return None


def _is_chat(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(message, Mapping) and _message(message) is not None for message in value)
    )


def _message(message: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Who says what."""
    for who, what in KEYS:
        if who in message and what in message:
            return message[who], message[what]
    return None


def _spoken(chat: Sequence[Mapping[str, Any]], speaker: str, where: str) -> Any:
    """What a speaker says in a chat, None if nothing; a system's message is no part of the problem."""
    said: dict[str, list[Any]] = {}
    for message in chat:
        name, content = _message(message) or ("", "")
        if SPEAKERS.get(str(name).lower()) is None:
            raise SettingsError(f"{where}: expected messages of user and assistant, got one of {shown(name)}")
        said.setdefault(SPEAKERS[str(name).lower()], []).append(content)
    if any(len(said.get(who, [])) > 1 for who in (USER, ASSISTANT)):
        raise SettingsError(f"{where}: expected one question and one reply, got a chat of {len(chat)} messages")
    content = next(iter(said.get(speaker, [])), None)
    return _joined(content) if isinstance(content, list) else content


def _joined(parts: list[Any]) -> Any:
    """Parts of a message as one text; as they are if there is more than text."""
    texts = [part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str)]
    return "".join(texts) if len(texts) == len(parts) else parts


def _misfit(row: Mapping[str, Any], column: str, where: str) -> SettingsError:
    return SettingsError(
        f"{where}: expected text in {column!r}, got {shown(cell(row, column))}; the row has: {listed(row)}"
    )
