"""Whether the endpoints that will be asked answer: a key is there and fits, the model has that name, money is left.

Each is asked for a few tokens, which its budget pays; what is answered is stored as all answers are, under a name that
is never asked for again, since an older answer would say nothing of today's key. An endpoint that has answered a stage
before is not asked: what is stored needs neither key nor network nor money, and may be all that the run wants.
"""

import contextlib
import dataclasses
import io
import re
import uuid
from collections.abc import Iterator

from qup.backends import Sampling
from qup.backends.openai import Backend as Endpoint
from qup.errors import SettingsError
from qup.preflight.ahead import Ahead

QUESTION = "What is 1 + 1?"
ITEM = "preflight"
"What the question's item begins with, in the store."
TOKENS = 16
"That an answer may have."
PATIENCE = 30.0
"Seconds a call; a stage waits as long as the study says."
CUT = re.compile(r"finish_reason: \"?length|max_(completion_)?tokens|output limit")
"What is said of an answer that was cut short before its first word, as one that thinks first: the endpoint answers."


def endpoints(ahead: Ahead) -> Iterator[str]:
    """A line for each endpoint that does not answer; Oracles that share one share its call."""
    answered: list[tuple[object, ...]] = []
    for name, api in called(ahead).items():
        same = (api.base_url, api.model, api.key_env, api.extra)
        if same in answered or has_answered(api):
            continue
        answered.append(same)
        oracle = ahead.study.oracles[name]
        temperature = getattr(oracle, "temperature", None)
        drawn = ahead.study.sampling.temperature if temperature is None else temperature
        if (fault := _fault(api, drawn)) is not None:
            yield f"Oracle {name}: {fault}"


def called(ahead: Ahead) -> dict[str, Endpoint]:
    """The endpoints of the Oracles that are to be asked, by Oracle."""
    apis = {name: getattr(ahead.study.oracles[name], "api", None) for name in ahead.asked}
    return {name: api for name, api in apis.items() if isinstance(api, Endpoint)}


def has_answered(api: Endpoint) -> bool:
    """Whether answers of an endpoint are stored, other than those to the question of this file."""
    return any(not item.startswith(f"{ITEM} ") for item in api.stored)


def _fault(api: Endpoint, temperature: float) -> str | None:
    """Why an endpoint does not answer."""
    quick = dataclasses.replace(api, retries=min(api.retries, 1), timeout=min(api.timeout, PATIENCE))
    chat, sampling = [{"role": "user", "content": QUESTION}], Sampling(temperature, TOKENS, seed=0)
    try:
        # It is no stage: no bar, and no line but the one of what is amiss.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            (answer,) = quick.generate([chat], sampling, [f"{ITEM} {uuid.uuid4().hex}"])
    except SettingsError as error:
        return str(error)
    finally:
        if "client" in vars(quick):
            quick.client.close()
    if answer.failure is None or CUT.search(answer.failure):
        return None
    return (
        f"{api.model} at {api.base_url} does not answer {QUESTION!r}: {answer.failure}: see docs/api.md; "
        f"`extra: {{field: null}}` leaves out what it refuses"
    )
