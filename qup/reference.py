"""What a study file may hold, from the settings classes themselves: JSON schema for editors, a page for readers."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from qup.settings import ROOMS, load, names, summary
from qup.study import Study

INTRODUCTION = """# Settings

Every key of a study file, `studies/<name>.yaml`. This page and `studies/schema.json` are made by `qup reference` from
the classes that read the file; a test says when they are out of date. With the line

    # yaml-language-server: $schema=schema.json

at the top of a study, editors complete and check it.
"""


def schema() -> dict[str, Any]:
    """The JSON schema of study files."""
    whole = TypeAdapter(Study).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def page() -> str:
    """All settings as Markdown: a table per section, then one per plug of each room."""
    whole = schema()
    parts = [INTRODUCTION, "## Top level\n", _table(whole, whole)]
    for name, kind in sorted(whole["$defs"].items()):
        parts += [f"## {name}\n", f"{_flat(kind.get('description', ''))}\n", _table(kind, whole)]
    for room, (_, key) in ROOMS.items():
        parts += _room(room, key, whole)
    return "\n".join(parts)


def _room(room: str, key: str, whole: Mapping[str, Any]) -> Iterator[str]:
    """The plugs that settings name by `key`; refiners and backends are named otherwise and have none to show here."""
    yield f"## qup/{room}: `{key}:`\n"
    for name in names(room):
        plug = load(room, name)
        yield f"### {name}\n"
        yield f"{_flat(summary(plug))}\n"
        if hasattr(plug, "__pydantic_core_schema__"):
            yield _table(TypeAdapter(plug).json_schema(), whole)


def _table(kind: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """The keys of a class."""
    rows = kind.get("properties", {})
    if not rows:
        return "No settings.\n"
    required = kind.get("required", [])
    lines = ["| key | kind | default | meaning |", "| --- | --- | --- | --- |"]
    for key, value in rows.items():
        default = "required" if key in required else f"`{_yaml(value.get('default', {}))}`"
        lines.append(f"| `{key}` | {_kind(value)} | {default} | {_flat(value.get('description', ''))} |")
    return "\n".join(lines) + "\n"


def _kind(value: Mapping[str, Any]) -> str:
    """What a value must be, in words."""
    match value:
        case {"$ref": str(ref)}:
            text = _link(ref.rpartition("/")[2])
        case {"enum": choices}:
            text = " or ".join(f"`{choice}`" for choice in choices)
        case {"anyOf": options}:
            text = " or ".join(_kind(option) for option in options)
        case {"type": "array", "items": items}:
            text = f"list of: {_kind(items)}"
        case {"oneOf": plugs}:
            text = "one of: " + ", ".join(_link(plug["title"]) for plug in plugs)
        case {"type": "object", "additionalProperties": {} as values} if values:
            text = f"by name: {_kind(values)}"
        case _:
            text = _NOUNS.get(value.get("type", ""), "any") + _range(value)
    return text


def _link(name: str) -> str:
    """A link to the heading of a class or a plug."""
    return f"[{name}](#{name.lower()})"


_NOUNS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "`true` or `false`",
    "null": "`null`",
    "object": "settings",
}
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def _range(value: Mapping[str, Any]) -> str:
    bounds = [f"{word} {value[bound]:g}" for bound, word in _BOUNDS.items() if bound in value]
    return f", {' and '.join(bounds)}" if bounds else ""


def _yaml(value: Any) -> str:
    """A default as a study would write it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_yaml, value))}]"
        case float():
            return f"{value:g}"
    return str(value)


def _flat(text: str) -> str:
    """A docstring in one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")
