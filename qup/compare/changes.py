"""What changed in the settings between two studies or experiments."""

import json
from collections.abc import Iterator, Mapping
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
    """The settings that differ, in the order of the first, those of the second alone last.

    What one of them does not have at all, a model or an arm, is one line; a setting that is null is not set.
    """
    return list(_between(old, new, ""))


def _between(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> Iterator[Change]:
    for key in dict.fromkeys([*old, *new]):
        name, mine, other = f"{prefix}{key}", _mapping(old.get(key)), _mapping(new.get(key))
        if isinstance(mine, Mapping) and isinstance(other, Mapping) and mine and other:
            yield from _between(mine, other, f"{name}.")
        elif (told := _text(mine)) != (retold := _text(other)):
            yield Change(name, None if mine is None else told, None if other is None else retold)


def flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names and text; lists of settings by their places."""
    value = _mapping(value)
    if isinstance(value, Mapping) and value:
        below = {f"{prefix}.{key}".lstrip("."): item for key, item in value.items()}
        return {key: text for name, item in below.items() for key, text in flat(item, name).items()}
    return {prefix: _text(value)}


def _mapping(value: Any) -> Any:
    """A list of settings by their places; any other value as it is."""
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return {str(place): item for place, item in enumerate(value)}
    return value


def _text(value: Any) -> str:
    """A value as a study has it, without what is not set in it."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_text(item)}' for key, item in value.items() if item is not None)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
