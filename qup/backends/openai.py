"""Any OpenAI-compatible chat endpoint, hosted or local, as a backend that can generate but not score.

Every response is stored as one JSON file before it is used, so a rerun costs nothing and needs neither key nor
network, and a run that stops (budget, network, Ctrl-C) loses nothing that was paid for. The stored responses are also
the account book: what an endpoint and model have cost is the sum over the folder, reruns included.

Retries, exponential backoff and `Retry-After` are the `openai` client's own.

>>> Backend(model="gpt-5.2", base_url="https://api.openai.com/v1", budget=2_000_000).key_env
'OPENAI_API_KEY'
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import Field, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass

from qup import seeds
from qup.backends import Completion, Message, Sampling
from qup.errors import SettingsError
from qup.records import Finish, TokenStats
from qup.settings import STRICT

TEMPLATE_TOKENS = 64
"What a chat template may add to the words of one message, for the upper bound on a prompt's tokens."


class Ledger:
    """Tokens spent and tokens promised to calls under way; no call starts that could overdraw the budget."""

    def __init__(self, spent: int, budget: int, account: str) -> None:
        self.spent, self.promised, self.budget, self.account = spent, 0, budget, account
        self.changed = threading.Condition()

    def reserve(self, tokens: int) -> None:
        """Set `tokens` aside for a call; waits while calls under way, which mostly cost less, may still free enough.

        Raises:
            SettingsError: the budget cannot hold the call.
        """
        with self.changed:
            while self.spent + self.promised + tokens > self.budget:
                if not self.promised:
                    raise SettingsError(
                        f"budget of {self.budget} tokens reached: {self.account} has cost {self.spent} tokens and the "
                        f"next call may take {tokens}; all answers are kept: raise 'budget' and run again to go on"
                    )
                self.changed.wait()
            self.promised += tokens

    def settle(self, reserved: int, used: int) -> None:
        """Replace a reservation by what the call did use."""
        with self.changed:
            self.promised -= reserved
            self.spent += used
            self.changed.notify_all()


@dataclass(frozen=True, config=STRICT)
class Backend:
    """A model behind an OpenAI-compatible chat API; the key comes from the environment and goes nowhere else."""

    model: str
    "The endpoint's name for the model; use a dated one, an alias moves."
    base_url: str
    "E.g. https://api.openai.com/v1 or http://127.0.0.1:8000/v1."
    budget: NonNegativeInt
    """Prompt plus completion tokens that this endpoint and model may cost in all, over all runs that share `cache`.
    A call that timed out may have been billed unseen; the endpoint's own limit is the hard one."""
    key_env: str = "OPENAI_API_KEY"
    "The name of the environment variable that holds the key; set it to any word for a server that wants none."
    cache: str = ".qup/openai"
    "Folder of the stored responses."
    concurrency: PositiveInt = 8
    "Calls under way at once."
    timeout: Annotated[float, Field(ge=1)] = 120.0
    "Seconds a call may take before it is retried."
    retries: NonNegativeInt = 6
    "Retries of a call that met a rate limit, a server error or a timeout."
    extra: dict[str, Any] = field(default_factory=dict)
    "Request fields to add or replace; null leaves one out: {temperature: null, reasoning_effort: low}."

    @cached_property
    def client(self) -> Any:
        """The client, made at the first call that the cache cannot answer."""
        from openai import OpenAI

        key = os.environ.get(self.key_env)
        if not key:
            raise SettingsError(
                f"environment variable {self.key_env} is not set: it must hold the key for {self.base_url} "
                f"(for a server that wants no key, any word)"
            )
        return OpenAI(api_key=key, base_url=self.base_url, timeout=self.timeout, max_retries=self.retries)

    def generate(
        self, messages: Sequence[list[Message]], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        """One completion per chat, in order, from the cache where it has one.

        An API tells no token ids: `token_ids` is empty and `tokens` is what the endpoint billed, hidden reasoning
        included. An empty or filtered reply has text "", which the caller grades `UNPARSED` and so counts.

        Raises:
            SettingsError: no key, the budget, or an endpoint that refuses or stays unreachable after all retries.
        """
        if weights is not None:
            raise SettingsError(f"{self.model} runs behind an API: it cannot take the weights {weights}")
        rows = [self._row(chat, sampling, item) for chat, item in zip(messages, ids, strict=True)]
        missing = {path: row for row in rows if not (path := self._path(row)).is_file()}
        if missing:
            client, ledger = self.client, self._ledger()
            _each(lambda path, row: self._call(client, ledger, path, row), missing, self.concurrency)
        return [_completion(json.loads(self._path(row).read_text(encoding="utf-8"))["response"]) for row in rows]

    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[TokenStats]:
        """Not available: raises `SettingsError`."""
        self._refuse()

    def encode(self, messages: list[Message], completion: str | None = None) -> tuple[list[int], list[int]]:
        """Not available: raises `SettingsError`."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise SettingsError(
            f"{self.model} runs behind an API, which gives no token ids and no log-probs of a given text: "
            f"use it as an Oracle; learners and judges need a model folder"
        )

    def _ledger(self) -> Ledger:
        """The account of this endpoint and model, opened with what the stored responses have cost."""
        stored = (json.loads(path.read_text(encoding="utf-8")) for path in Path(self.cache).glob("*.json"))
        mine = (row for row in stored if (row["base_url"], row["model"]) == (self.base_url, self.model))
        return Ledger(sum(_cost(row["response"]) for row in mine), self.budget, f"{self.model} at {self.base_url}")

    def _row(self, chat: list[Message], sampling: Sampling, item: str) -> dict[str, Any]:
        """What identifies a response; the request is made of nothing else."""
        row = {"base_url": self.base_url, "model": self.model, "messages": chat, "sampling": asdict(sampling)}
        return row | {"id": item, "extra": self.extra}

    def _path(self, row: Mapping[str, Any]) -> Path:
        key = json.dumps(row, sort_keys=True, ensure_ascii=False)
        return Path(self.cache) / f"{hashlib.sha256(key.encode()).hexdigest()}.json"

    def _call(self, client: Any, ledger: Ledger, path: Path, row: dict[str, Any]) -> None:
        """Pay for one response and store it."""
        body = _body(row)
        reserved = _most_tokens(row["messages"], body)
        ledger.reserve(reserved)
        used = 0
        try:
            response = self._request(client, row["messages"], body)
            _store(path, {**row, "response": response})
            used = _cost(response)
        finally:
            ledger.settle(reserved, used)

    def _request(self, client: Any, chat: list[Message], body: dict[str, Any]) -> dict[str, Any]:
        from openai import OpenAIError

        try:
            # Through `extra_body` any field passes, known to the client or not.
            answer = client.chat.completions.create(model=self.model, messages=chat, extra_body=body)
        except OpenAIError as error:
            raise self._one_line(error) from error
        # The client hands a reply that is not JSON, say a web page, through as a string.
        page = isinstance(answer, str)
        response: dict[str, Any] = {} if page else answer.model_dump(mode="json", exclude_none=True, warnings=False)
        lacking = [name for name in ("choices", "usage") if not response.get(name)]
        if lacking:
            raise SettingsError(
                f"{self.base_url} answered without {' and '.join(lacking)}: "
                f"is it an OpenAI-compatible chat endpoint (base_url mostly ends in /v1) that counts tokens?"
            )
        return response

    def _one_line(self, error: Exception) -> SettingsError:
        """The endpoint's refusal in one line, with the way out; a key that a server echoes is not printed."""
        said = " ".join(str(error).split()).replace(os.environ[self.key_env], f"${self.key_env}")[:300]
        hints = {401: f"check the key in {self.key_env}", 403: "the key may not use this model"}
        hints |= {
            404: "check base_url and model",
            429: f"the limit outlasted {self.retries} retries: lower concurrency",
        }
        hint = hints.get(getattr(error, "status_code", 0), "answers so far are kept: run again to go on")
        return SettingsError(f"{self.model} at {self.base_url}: {said} ({hint})")


def _body(row: Mapping[str, Any]) -> dict[str, Any]:
    """The request's fields besides model and messages."""
    sampling = row["sampling"]
    # `max_tokens` and not its successor: a server that lacks it says so, one that lacks the successor writes on and on.
    body = {name: sampling[name] for name in ("temperature", "top_p", "max_tokens")}
    # Some servers keep seeds in 32 bits.
    body["seed"] = seeds.derive(sampling["seed"], row["id"]) % 2**31
    return {name: value for name, value in (body | row["extra"]).items() if value is not None}


def _most_tokens(chat: Sequence[Message], body: Mapping[str, Any]) -> int:
    """An upper bound on what a call can cost: no byte-level tokenizer makes more tokens than there are bytes."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is None:
        raise SettingsError(
            "extra must leave max_tokens or max_completion_tokens set: without one, budget means nothing"
        )
    return sum(len(message["content"].encode()) + TEMPLATE_TOKENS for message in chat) + int(limit)


def _cost(response: Mapping[str, Any]) -> int:
    usage = response["usage"]
    return int(usage.get("prompt_tokens", 0)) + int(usage.get("completion_tokens", 0))


def _completion(response: Mapping[str, Any]) -> Completion:
    choice = response["choices"][0]
    reason = choice.get("finish_reason")
    text = "" if reason == "content_filter" else choice["message"].get("content") or ""
    finish = Finish.LENGTH if reason == "length" else Finish.STOP
    return Completion(text, [], finish, int(response["usage"].get("completion_tokens", 0)))


def _store(path: Path, row: Mapping[str, Any]) -> None:
    """Write one response atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def _each(call: Callable[[Path, dict[str, Any]], None], rows: Mapping[Path, dict[str, Any]], concurrency: int) -> None:
    """Call for every row, several at once; the first error cancels what has not begun and waits for what has."""
    from concurrent.futures import as_completed

    from tqdm import tqdm

    with ThreadPoolExecutor(concurrency) as pool, tqdm(total=len(rows), desc="ask", unit="call") as bar:
        futures = [pool.submit(call, path, row) for path, row in rows.items()]
        try:
            for future in as_completed(futures):
                future.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
