"""What an endpoint's JSON says: a text, or in its own words why there is none. No field is taken for granted."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qup.records import Finish

CUT = ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded")
"What endpoints call the end of an answer that met a limit, whatever the case."
BROKEN = re.compile(
    r"error|abort|cancel|fail|interrupt|insufficient|timed?_?out|^load$|unload|malformed|safety|recitation|sensitive"
)
"In what they call the end of one that broke off. Of whole answers there are as many names as servers."
CALLS = ("tool_calls", "function_call")
"What they call the end of one that is no answer."
WORDS = 200
"Characters of an endpoint's words that are shown."
MOST = 10**8
"Tokens; what claims more is no count. No model takes as many, and one such claim would use up any budget."


class MalformedError(ValueError):
    """No chat completion; the message is what came instead."""


@dataclass(frozen=True)
class Answer:
    """One answer to one chat."""

    text: str
    finish: Finish
    tokens: int
    "Completion tokens that were billed; 0 where the endpoint does not say."
    failure: str | None = None
    "Why there is no text, in the endpoint's words."


def read(response: Any) -> Answer:
    """The answer in a response.

    Raises:
        MalformedError: it has not the shape of one.
    """
    choice = _choice(response)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise MalformedError(f"a choice without message: {shown(choice)}")
    reason, text = choice.get("finish_reason"), text_of(message.get("content"))
    _require_whole(response, reason, text)
    failure = _failure(choice, message, text)
    finish = Finish.LENGTH if _ended(reason) in CUT else Finish.STOP
    return Answer("" if failure else text, finish, _completion_tokens(response) or 0, failure)


def text_of(content: Any) -> str:
    """The text of a message's content, which some endpoints give in parts; parts that think aloud are no answer."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") if _speaks(part) else part for part in content]
    return "".join(text for text in texts if isinstance(text, str))


def billed(response: Any) -> int | None:
    """Prompt and completion tokens of a response; None where the endpoint does not count both."""
    usage = response.get("usage") if isinstance(response, Mapping) else None
    if not isinstance(usage, Mapping):
        return None
    prompt, completion = number(usage.get("prompt_tokens")), _completion_tokens(response)
    if not completion:
        return None
    # A lone total was told from the prompt's tokens, or there would be no number of the completion's.
    return min(MOST, completion + (prompt or 0))


def number(value: Any) -> int | None:
    """A count as endpoints write it (3, 3.0, "3"), rounded up; None if it is none, or more than there can be."""
    try:
        count = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return math.ceil(count) if 0 <= count <= MOST else None


def shown(value: Any) -> str:
    """JSON or text in one line, cut; what a terminal would obey is a space."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:WORDS]


def said(error: Any) -> str:
    """What an error object says, in one line."""
    if isinstance(error, Mapping) and isinstance(error.get("message"), str):
        code = error.get("code") or error.get("type")
        return shown(error["message"] + (f" ({code})" if code else ""))
    return shown(error)


def _choice(response: Any) -> Mapping[str, Any]:
    if not isinstance(response, Mapping):
        raise MalformedError(f"no chat completion: {shown(response)}")
    choices = response.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return choices[0]
    error = response.get("error") or response.get("detail")
    raise MalformedError(said(error) if error else f"an answer without choices: {shown(response)}")


def _failure(choice: Mapping[str, Any], message: Mapping[str, Any], text: str) -> str | None:
    """Why a well-formed answer has no text that could be used."""
    reason = choice.get("finish_reason")
    if choice.get("error"):
        return said(choice["error"])
    if _ended(reason) == "content_filter":
        return "stopped by the endpoint's content filter"
    if refusal := message.get("refusal") or _refusal(message.get("content")):
        return f"refused: {shown(refusal)}"
    if text.strip() and _ended(reason) not in CALLS:
        return None
    if message.get("tool_calls") or message.get("function_call") or _ended(reason) in CALLS:
        return "called a tool instead of answering"
    return f"an answer without text (finish_reason: {shown(reason)})"


def _require_whole(response: Mapping[str, Any], reason: Any, text: str) -> None:
    """Do nothing if a text is all that was to come; the same question may be answered in full at another time.

    Raises:
        MalformedError: it is not.
    """
    if response.get("error"):
        raise MalformedError(said(response["error"]))
    if text.strip() and (isinstance(reason, list | dict) or BROKEN.search(_ended(reason))):
        raise MalformedError(f"an answer that is not whole (finish_reason: {shown(reason)})")


def _refusal(content: Any) -> Any:
    """What the first part of a content says that refuses; None without such a part."""
    parts = content if isinstance(content, list) else []
    return next((part.get("refusal") for part in parts if isinstance(part, Mapping) and "refusal" in part), None)


def _ended(reason: Any) -> str:
    """How an answer ended, in small letters; empty where nothing is said."""
    return "" if reason is None else shown(reason).casefold()


def _speaks(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type", "text") in ("text", "output_text")


def _completion_tokens(response: Mapping[str, Any]) -> int | None:
    """Completion tokens, if need be as what the total has beyond the prompt's."""
    usage = response.get("usage")
    if not isinstance(usage, Mapping):
        return None
    counts = {name: number(usage.get(f"{name}_tokens")) for name in ("prompt", "completion", "total")}
    if counts["completion"] is not None or counts["prompt"] is None or counts["total"] is None:
        return counts["completion"]
    return max(0, counts["total"] - counts["prompt"])
