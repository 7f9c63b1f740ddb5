"""Calls to an endpoint, several at once: each reserves what it may cost, is stored once it is an answer, and settles.

>>> most_tokens([{"role": "user", "content": "1+1?"}], {"max_tokens": 10})
78
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from qup import seeds
from qup.backends import Message
from qup.backends.openai import request
from qup.backends.openai.answer import Answer, billed, read
from qup.backends.openai.caller import Caller, ItemError, UnreachedError
from qup.backends.openai.ledger import Ledger
from qup.backends.openai.store import Row, Store
from qup.errors import SettingsError
from qup.records import Finish

TEMPLATE_TOKENS = 64
"What a chat template may add to the words of one message, for the upper bound on a prompt's tokens."
GARBLED_TRIES = 3
"Calls for an item whose answer comes cut or garbled; each may be billed."
OUTAGE = 3
"Chats in a row that an endpoint fails over, none being answered between them: then it may be out."
SMALL = [{"role": "user", "content": "1+1?"}]
"What is asked to see whether it is."
SMALL_TOKENS = 16
REFUSED_ALIKE = 8
"Chats that an endpoint may refuse before it has answered any; then it is the settings that it refuses."


class Calls:
    """Asks an endpoint for what the store does not have."""

    def __init__(
        self,
        caller: Caller,
        store: Store,
        ledger: Ledger,
        extra: Mapping[str, Any],
        concurrency: int,
        *,
        answered: bool,
    ) -> None:
        self.caller, self.store, self.ledger, self.extra, self.concurrency = caller, store, ledger, extra, concurrency
        self.answered, self.refused = answered, 0
        self._unreached, self._counting = 0, threading.Lock()

    def ask(self, rows: Mapping[str, Row]) -> dict[str, Answer]:
        """The answer to each row, or why there is none.

        Raises:
            SettingsError: the endpoint fails or refuses whoever asks, or the budget is used up.
        """
        answers: dict[str, Answer] = {}
        aside: list[str] = []

        def call(item: str) -> None:
            try:
                answers[item] = self._call(item, rows[item], at_most=min(REFUSED_ALIKE, len(rows)))
            except UnreachedError:
                if self._in_a_row() >= OUTAGE and not self._alive(item, rows[item]):
                    raise
                aside.append(item)

        _each(call, rows, self.concurrency)

        def again(item: str) -> None:
            answers[item] = self._again(item, rows[item])

        if aside:
            _each(again, aside, self.concurrency)
        return answers

    def _again(self, item: str, row: Row) -> Answer:
        """What becomes of a chat that the endpoint failed over, now that the others are done.

        Raises:
            UnreachedError: it fails again, and over a small question too: it is out.
        """
        try:
            return self._call(item, row, at_most=1)
        except UnreachedError:
            if not self._alive(item, row):
                raise
        try:
            # It may have come back only now.
            return self._call(item, row, at_most=1)
        except UnreachedError as error:
            return Answer("", Finish.STOP, 0, str(error))

    def _alive(self, item: str, row: Row) -> bool:
        """Whether the endpoint answers a small question, paid from the budget: then it fails over this chat alone."""
        body = _body(row, self.extra)
        body |= {name: SMALL_TOKENS for name in request.LIMITS if name in body}
        asked, most, used = f"{item}, small", most_tokens(SMALL, body), 0
        self.ledger.reserve(asked, most)
        try:
            used = billed(self.caller.ask(SMALL, body)) or most
        except ItemError as error:
            used = most if error.used is None else error.used
        except UnreachedError:
            return False
        finally:
            self.ledger.settle(asked, used)
        self._reached()
        return True

    def _in_a_row(self) -> int:
        """Chats that the endpoint failed over, with this one, since it last answered any."""
        with self._counting:
            self._unreached += 1
            return self._unreached

    def _reached(self) -> None:
        """The endpoint said something."""
        with self._counting:
            self._unreached = 0

    def _call(self, item: str, row: Row, at_most: int) -> Answer:
        """Pay for one answer; one that comes garbled is asked for again."""
        for left in reversed(range(GARBLED_TRIES)):
            try:
                return self._pay(item, row)
            except ItemError as error:
                self._require_some_answer(error, at_most)
                if not (left and error.garbled):
                    return Answer("", Finish.STOP, 0, str(error))
        raise AssertionError("the last try returns or raises")

    def _pay(self, item: str, row: Row) -> Answer:
        """One call, reserved and settled; its answer is stored before it is used."""
        body = _body(row, self.extra)
        most = most_tokens(row["messages"], body)
        self.ledger.reserve(item, most)
        used = 0
        try:
            # Another process may have asked meanwhile.
            if found := self.store.find(row):
                return found
            response = self.caller.ask(row["messages"], body)
            self._reached()
            # An endpoint that does not count is taken at the most that it can have cost.
            used = billed(response) or most
            self.store.keep(row, response, used)
            self.answered = True
            return read(response)
        except ItemError as error:
            self._reached()
            used = most if error.used is None else error.used
            raise
        finally:
            self.ledger.settle(item, used)

    def _require_some_answer(self, error: ItemError, at_most: int) -> None:
        """Stop where an endpoint that has never answered refuses all alike, for nothing that is in the chats."""
        self.refused += not error.of_item
        if not error.of_item and not self.answered and self.refused >= at_most:
            raise SettingsError(
                f"{self.caller.endpoint}: {error} (it has answered nothing yet: is it an OpenAI-compatible chat "
                f"endpoint, whose base_url mostly ends in /v1? extra: {{field: null}} leaves out what it refuses)"
            ) from error


def most_tokens(chat: Sequence[Message], body: Mapping[str, Any]) -> int:
    """An upper bound on what a call can cost: no byte-level tokenizer makes more tokens than there are bytes."""
    limit = max(int(body[name]) for name in request.LIMITS if name in body)
    return sum(len(message["content"].encode()) + TEMPLATE_TOKENS for message in chat) + limit


def _body(row: Row, extra: Mapping[str, Any]) -> dict[str, Any]:
    """The request's fields besides model and messages; `extra` is the row's, with the environment's variables."""
    sampling = row["sampling"]
    # `max_tokens` and not its successor: a server that lacks it says so, one that lacks the successor writes on and on.
    body = {name: sampling[name] for name in ("temperature", "top_p", "max_tokens")}
    # Some servers keep seeds in 32 bits.
    body["seed"] = seeds.derive(sampling["seed"], row["id"]) % 2**31
    return {name: value for name, value in {**body, **extra}.items() if value is not None}


def _each(call: Callable[[str], None], items: Collection[str], concurrency: int) -> None:
    """Call for every item, several at once; the first error cancels what has not begun and waits for what has."""
    from concurrent.futures import as_completed

    from tqdm import tqdm

    stopped = threading.Event()

    def unless_stopped(item: str) -> None:
        try:
            if not stopped.is_set():
                call(item)
        except BaseException:
            stopped.set()
            raise

    with ThreadPoolExecutor(concurrency) as pool, tqdm(total=len(items), desc="ask", unit="call") as bar:
        futures = [pool.submit(unless_stopped, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
                bar.update()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
