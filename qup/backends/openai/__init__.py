"""Any OpenAI-compatible chat endpoint, hosted or local, as a backend that can generate but not score.

Every answer is stored as one JSON file before it is used, so a rerun costs nothing and needs neither key nor network,
and a run that stops (budget, network, Ctrl-C) loses nothing that was paid for. Store and account belong to the
repository, so experiments in temporary copies of it share them. One answer that is refused, malformed or empty fails
its item alone, in the endpoint's words; what concerns every item (no key, no connection, no money) stops the run.

>>> Backend(model="gpt-5.2", base_url="https://api.openai.com/v1", budget=2_000_000).key_env
'OPENAI_API_KEY'
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass

from qup import repository
from qup.backends import Completion, Message, Sampling
from qup.backends.openai import request, secrets
from qup.backends.openai.answer import Answer
from qup.backends.openai.caller import Caller
from qup.backends.openai.calls import Calls
from qup.backends.openai.ledger import Ledger
from qup.backends.openai.store import Row, Store
from qup.errors import SettingsError
from qup.records import TokenStats
from qup.settings import STRICT
from qup.settings.written import UNPUBLISHED

SHOWN = 3
"Kinds of failure that are told."


@dataclass(frozen=True, config=STRICT)
class Price:
    """US dollars a million tokens, for `qup plan`; no run reads it."""

    prompt: NonNegativeFloat
    "Of what is asked."
    completion: NonNegativeFloat
    "Of what is answered, hidden reasoning included."


@dataclass(frozen=True, config=STRICT)
class Backend:
    """A model behind an OpenAI-compatible chat API; the key comes from the environment and goes nowhere else."""

    model: str
    "The endpoint's name for the model; use a dated one, an alias moves."
    base_url: str
    "E.g. https://api.openai.com/v1 or http://127.0.0.1:8000/v1; without name, password or query."
    budget: NonNegativeInt
    """Prompt plus completion tokens that this endpoint and model may cost in all, over all runs that share `cache`.
    A call that timed out may have been billed unseen; the endpoint's own limit is the hard one."""
    key_env: str = "OPENAI_API_KEY"
    "The environment's variable that holds the key; where a server wants none, any word of up to 5 letters."
    cache: str = ".qup/openai"
    "Folder of the stored answers, in the repository; their account lies beside it."
    concurrency: PositiveInt = 8
    "Calls under way at once."
    timeout: Annotated[float, Field(ge=1)] = 120.0
    "Seconds a call may take before it is retried."
    retries: NonNegativeInt = 6
    "Retries of a call that met a rate limit, a server error or a timeout."
    extra: dict[str, Any] = field(default_factory=dict, metadata={UNPUBLISHED: True})
    """Request fields to add or replace, `extra_headers` and `extra_query` beside them; null leaves one out:
    {temperature: null, reasoning_effort: low}. A secret is written ${NAME}, after its variable of the environment."""
    price: Price | None = None
    "What `qup plan` reckons with: `{prompt: 1.25, completion: 10}`; null: tokens alone are counted."

    def __post_init__(self) -> None:
        # A key may stand here by mistake, so none of these says what was given.
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", self.key_env):
            raise SettingsError("expected the name of a variable in capitals, as OPENAI_API_KEY, no key", "key_env")
        secrets.require_public_url(self.base_url)
        secrets.require_references(self.extra)
        request.require_sound(self.extra)

    @cached_property
    def client(self) -> Any:
        """The client, made at the first call that the store cannot answer."""
        from openai import OpenAI

        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise SettingsError(
                f"environment variable {self.key_env} is not set: it must hold the key for {self.base_url} "
                f"(for a server that wants no key, any word)"
            )
        if not key.isascii() or not key.isprintable():
            raise SettingsError(f"environment variable {self.key_env} holds characters that no key has")
        return OpenAI(api_key=key, base_url=self.base_url, timeout=self.timeout, max_retries=self.retries)

    def generate(
        self, messages: Sequence[list[Message]], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        """One completion per chat, in order, from the store where it has one.

        An API tells no token ids: `token_ids` is empty and `tokens` is what the endpoint billed, hidden reasoning
        included. A chat that was not answered has text "" and says why by `failure`; how many is told in one line.

        Raises:
            SettingsError: no key, the budget, or an endpoint that refuses all or stays unreachable after all retries.
        """
        if weights is not None:
            raise SettingsError(f"{self.model} runs behind an API: it cannot take the weights {weights}")
        rows = [self._row(chat, sampling, item) for chat, item in zip(messages, ids, strict=True)]
        answers = self._answers({self._store.path(row).stem: row for row in rows})
        given = [answers[self._store.path(row).stem] for row in rows]
        tell_failures(self._name, [answer.failure for answer in given])
        return [Completion(each.text, [], each.finish, each.tokens, each.failure) for each in given]

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

    @property
    def stored(self) -> Iterator[str]:
        """The items that the store has answers to, of this endpoint and model as they are set."""
        mine = self._store.of(base_url=self.base_url, model=self.model, extra=self.extra)
        return (str(row.get("id", "")) for row in mine)

    @property
    def _name(self) -> str:
        return f"{self.model} at {self.base_url}"

    @cached_property
    def _store(self) -> Store:
        return Store(repository.root() / self.cache)

    def _row(self, chat: list[Message], sampling: Sampling, item: str) -> dict[str, Any]:
        """What identifies an answer; the request is made of nothing else."""
        # Named one by one: a setting that is added for other backends must not make paid answers strangers.
        drawn = {name: getattr(sampling, name) for name in ("temperature", "max_tokens", "seed", "top_p")}
        said = secrets.Redactor([]).all(chat)
        row = {"base_url": self.base_url, "model": self.model, "messages": said, "sampling": drawn}
        return row | {"id": item, "extra": self.extra}

    def _answers(self, rows: Mapping[str, Row]) -> dict[str, Answer]:
        """The answer to each row, asked for where the store has none."""
        known = {item: answer for item, row in rows.items() if (answer := self._store.find(row))}
        missing = {item: row for item, row in rows.items() if item not in known}
        return known | self._calls.ask(missing) if missing else known

    @cached_property
    def _calls(self) -> Calls:
        """What asks the endpoint; it remembers what it has learnt of it."""
        # Before the client: a variable that is not set is an error of its own.
        extra = secrets.resolve(self.extra)
        redactor = secrets.Redactor([self.key_env, *sorted(secrets.referred(self.extra))])
        caller = Caller(self.client, self.model, self._name, redactor, _hints(self))
        paid = self._store.cost(self.base_url, self.model)
        # The client waits up to two minutes where an endpoint asks it to.
        patience = (self.retries + 1) * (self.timeout + 120)
        # Beside the folder, which holds answers and nothing else.
        account = self._store.folder.with_name(f"{self._store.folder.name}-account.db")
        ledger = Ledger(account, self._name, self.budget, patience)
        ledger.open(paid)
        return Calls(caller, self._store, ledger, extra, self.concurrency, answered=paid > 0)


def tell_failures(name: str, failures: Sequence[str | None]) -> None:
    """One line that counts the chats that were not answered, by what the endpoint said; none if there are none."""
    counts = Counter(failure for failure in failures if failure is not None)
    if counts:
        kinds = "; ".join(f"{count} x {words}" for words, count in counts.most_common(SHOWN))
        more = f"; {len(counts) - SHOWN} further kinds" if len(counts) > SHOWN else ""
        print(f"{name}: {counts.total()} of {len(failures)} chats failed: {kinds}{more}")


def _hints(backend: Backend) -> dict[int, str]:
    """HTTP status to the way out."""
    return {
        401: f"check the key in {backend.key_env}",
        402: "answers so far are kept: put money in the account and run again to go on",
        403: "the key may not use this model",
        404: "check base_url and model",
        429: f"the limit outlasted {backend.retries} retries: lower concurrency",
    }
