"""What changed in the settings between two studies or experiments."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """One setting."""

    key: str
    "Dotted."
    old: str | None
    "None where it is not set."
    new: str | None


def between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The settings that differ, in the order of the first, those of the second alone last."""
    before, after = flat(old), flat(new)
    keys = list(dict.fromkeys([*before, *after]))
    return [Change(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]


def flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names and text; lists of settings by their places."""
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        value = {str(place): item for place, item in enumerate(value)}
    if isinstance(value, Mapping) and value:
        below = {f"{prefix}.{key}".lstrip("."): item for key, item in value.items()}
        return {key: text for name, item in below.items() for key, text in flat(item, name).items()}
    return {prefix: _text(value)}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
