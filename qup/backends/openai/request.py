"""The fields that a study adds to a request: what the suite counts on must stay its own."""

import math
from collections.abc import Mapping
from typing import Any

from qup.errors import SettingsError, shown

OWN = {
    "messages": "the chats are the suite's own",
    "model": "name it as `model`",
    "n": "one answer a call is stored and paid for",
    "stream": "answers are read whole",
}
"Fields that may not be set, and why."
UNCHANGED = {"n": 1, "stream": False}
"What they are anyhow."
LIMITS = ("max_completion_tokens", "max_tokens")
"How an answer's length is limited; the larger is what a call is booked at."


def require_sound(extra: Mapping[str, Any]) -> None:
    """Do nothing if a request with these fields is one that is counted, stored and read as the study says.

    Raises:
        SettingsError: a field is the suite's own, no number that JSON has, or no limit.
    """
    for name, why in OWN.items():
        value = extra.get(name)
        # What changes nothing may stand there.
        if value is not None and value is not UNCHANGED.get(name):
            raise SettingsError(f"must not be set: {why}", "extra", name)
    for name in LIMITS:
        limit = extra.get(name)
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            raise SettingsError(f"expected a number of tokens, at least 1, got {shown(limit)}", "extra", name)
    if extra.get("max_tokens", 0) is None and extra.get("max_completion_tokens") is None:
        raise SettingsError(
            "must leave max_tokens or max_completion_tokens set: without one, budget means nothing", "extra"
        )
    for name, value in extra.items():
        if not _finite(value):
            raise SettingsError("expected finite numbers, as JSON has them", "extra", name)


def _finite(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
