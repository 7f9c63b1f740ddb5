"""One call to an endpoint, and which of its faults are of the item and which are of the endpoint.

Retries, exponential backoff and `Retry-After` are the `openai` client's own.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from qup.backends.openai import answer
from qup.backends.openai.secrets import SENT_BESIDE, Redactor
from qup.errors import SettingsError

OF_THE_ITEM = (400, 413, 422, 451)
"HTTP statuses by which a single chat is refused."
TIMEOUT = 408
SERVER = 500
"From this HTTP status on it is the server that failed."
CONTENT = re.compile(
    r"content.{0,20}(filter|polic|manage)|moderation|flagged|safety|context.{0,3}length|too (long|large|many tokens)"
)
"What an endpoint says that refuses a chat for what is in it."
LIMITS = ("max_tokens", "max_completion_tokens")
"The two names of the longest answer; newer models know only the second, older servers only the first."


class ItemError(Exception):
    """A chat that was not answered, while others may be; the message is the endpoint's own words."""

    def __init__(self, words: str, *, of_item: bool, used: int | None, garbled: bool = False) -> None:
        super().__init__(words)
        self.of_item = of_item
        "Whether it lies in this chat or answer; if not, every other one may be refused alike."
        self.used = used
        "Tokens that it cost; None if nobody says."
        self.garbled = garbled
        "Whether the same question may well be answered at the next try."


class UnreachedError(SettingsError):
    """No answer after all retries, for a reason that may be of this chat or of the endpoint: only others can tell."""


class Caller:
    """Calls an endpoint; remembers what it called the longest answer."""

    def __init__(self, client: Any, model: str, endpoint: str, redactor: Redactor, hints: Mapping[int, str]) -> None:
        self.client, self.model, self.endpoint, self.redactor, self.hints = client, model, endpoint, redactor, hints
        self.renamed: dict[str, str] = {}

    def ask(self, chat: Sequence[Mapping[str, str]], body: Mapping[str, Any]) -> dict[str, Any]:
        """The endpoint's response to a chat, without secrets.

        Raises:
            ItemError: this chat was refused, or what came is no answer.
            UnreachedError: the server failed, or the connection did, over this chat at least.
            SettingsError: the endpoint refuses whoever asks.
        """
        text = self._post(chat, _renamed(body, self.renamed))
        try:
            response = self.redactor.all(json.loads(text))
            text_of = answer.read(response).text
        except answer.MalformedError as error:
            raise ItemError(str(error), of_item=True, used=answer.billed(response)) from error
        except (ValueError, RecursionError) as error:
            page = text.lstrip()[:1] == "<"
            words = f"no JSON: {answer.shown(self.redactor.text(text)) or 'nothing'}"
            # A web page is no endpoint's answer, and no bill.
            raise ItemError(words, of_item=not page, used=0 if page else None, garbled=not page) from error
        if (whole := self.redactor.text(text_of)) != text_of:
            # A secret in two parts is one only when they are joined.
            response["choices"][0]["message"]["content"] = whole
        return dict(response)

    def _post(self, chat: Sequence[Mapping[str, str]], body: Mapping[str, Any], *, again: bool = False) -> str:
        """The body of the endpoint's answer, as text."""
        from openai import APIStatusError, OpenAIError

        beside = {name: body[name] for name in SENT_BESIDE if name in body}
        fields = {name: value for name, value in body.items() if name not in beside}
        create = self.client.chat.completions.with_raw_response.create
        try:
            # Through `extra_body` any field passes, known to the client or not.
            return str(create(model=self.model, messages=chat, extra_body=fields, **beside).text)
        except APIStatusError as error:
            if not again and (other := _other_limit(error, fields)):
                answered = self._post(chat, _renamed(body, other), again=True)
                self.renamed = other
                return answered
            raise self._refusal(error) from error
        except OpenAIError as error:
            raise self._outage(error) from error

    def _refusal(self, error: Any) -> Exception:
        """What an HTTP status means: one for this chat, or one for all."""
        words = f"HTTP {error.status_code}: {self._words(error)}"
        of_content = bool(CONTENT.search(words.lower()))
        if error.status_code in OF_THE_ITEM or (error.status_code == 403 and of_content):
            return ItemError(words, of_item=of_content, used=0)
        return self._outage(error)

    def _outage(self, error: Any) -> SettingsError:
        """The endpoint's refusal in one line, with the way out; a key that a server echoes is not printed."""
        status = getattr(error, "status_code", 0)
        hint = self.hints.get(status, "answers so far are kept: run again to go on")
        kind = UnreachedError if status in (0, TIMEOUT) or status >= SERVER else SettingsError
        return kind(f"{self.endpoint}: {f'HTTP {status}: ' if status else ''}{self._words(error)} ({hint})")

    def _words(self, error: Any) -> str:
        """What the endpoint said; secrets go first, for a word that is cut would not be known as one."""
        body = self.redactor.all(getattr(error, "body", None))
        words = answer.said(body) if body else answer.shown(self.redactor.text(str(error)))
        # A proxy's address may have a password in it.
        return re.sub(r"//[^/\s]*@", "//", self.redactor.text(words))


def _renamed(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in body.items()}


def _other_limit(error: Any, body: Mapping[str, Any]) -> dict[str, str]:
    """The field to rename, and how, where a server says that it does not know the longest answer by this name."""
    words = answer.said(error.body or "").lower()
    for name, other in (LIMITS, LIMITS[::-1]):
        unknown = other in words or re.search(r"unsupported|unknown|unrecognized|not permitted|extra inputs", words)
        if error.status_code in OF_THE_ITEM and name in body and re.search(rf"\b{name}\b", words) and unknown:
            return {name: other}
    return {}
