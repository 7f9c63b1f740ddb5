"""Settings: a mapping, as YAML gives it, becomes a frozen pydantic dataclass; what does not fit is one line.

A settings class stands in the room that it sets, is decorated `@dataclass(frozen=True, config=STRICT)` and has a string
under each field that needs one: that string is the field's text in the JSON schema and in the reference of settings.

A *plug* is a file that adds one thing: `qup/<room>/<name>.py` holds one class, named as `ROOMS` says, whose fields are
its settings. There is no registry: the file's name is the plug's name. `Annotated[Reward, Plug("rewards")]` is the type
of a field that holds one, written `{reward: <name>, ...the plug's own settings}`.

>>> "rejection_sampling" in names("refiners")
True
"""

import dataclasses
import functools
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import core_schema

from qup.errors import SettingsError, shown
from qup.settings.misfits import told
from qup.settings.rooms import ROOMS, load, name_of, names, summary
from qup.settings.written import declared, plain
from qup.settings.yaml_file import read_yaml

__all__ = [
    "ROOMS",
    "STRICT",
    "Overrides",
    "Plug",
    "Plugs",
    "PositiveShare",
    "Share",
    "changed",
    "declared",
    "load",
    "name_of",
    "names",
    "plain",
    "read",
    "read_yaml",
    "summary",
]

T = TypeVar("T")

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)
'No unknown keys, no `"4"` or `true` for a number, no NaN.'
Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True)
class Plug:
    """The annotation of a field that holds a plug of a room."""

    room: str
    default: str | None = None
    "The plug meant where the settings name none."
    holder: type[Any] | None = None
    "A settings class with a field `plug` and others, whose keys stand among the plug's: `{source: jsonl, weight: 2}`."
    bare: bool = False
    "Whether a plug's name alone stands for it, with its defaults."

    def make(self, given: Any) -> Any:
        """The plug that settings name, made with the others of them; what is made already stays as it is."""
        _, key = ROOMS[self.room]
        if dataclasses.is_dataclass(given):
            return given
        if self.bare and isinstance(given, str):
            given = {key: given}
        if not isinstance(given, Mapping):
            raise SettingsError(f"expected {'a name or ' * self.bare}settings (key: value), got {shown(given)}")
        name = given.get(key, self.default)
        if name is None:
            raise SettingsError(f"needs {key!r}: one of {', '.join(names(self.room))}")
        own = self._own()
        rest = {k: v for k, v in given.items() if k != key and k not in own}
        plug = read(load(self.room, name), rest)
        if self.holder is None:
            return plug
        # The holder's own keys are checked as any settings are; the plug joins them afterwards, for it is no JSON.
        held = read(self.holder, {k: given[k] for k in given if k in own})
        return dataclasses.replace(held, plug=plug)

    def _own(self) -> set[str]:
        return {f.name for f in dataclasses.fields(self.holder)} - {"plug"} if self.holder else set()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.make)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """One alternative per plug: its settings, and the key that names it."""
        plugs = [self._alternative(name, handler) for name in names(self.room)]
        whole = {"type": "object", "oneOf": plugs}
        # One that must be told more than its name has none alone.
        alone = [plug["title"] for plug in plugs if {*plug["required"]} <= {ROOMS[self.room][1]}]
        return {"anyOf": [{"enum": alone}, whole]} if self.bare else whole

    def _alternative(self, name: str, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        _, key = ROOMS[self.room]
        plug = load(self.room, name)
        own = _schema_of(plug, handler)
        keys = {key: {"const": name}} | own.get("properties", {}) | self._holder_properties(handler)
        required = [*([key] if name != self.default else []), *own.get("required", [])]
        told = {"title": name, "description": summary(plug), "required": required}
        return told | {"type": "object", "properties": keys, "additionalProperties": False}

    def _holder_properties(self, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        if self.holder is None:
            return {}
        properties = _schema_of(self.holder, handler)["properties"]
        return {key: value for key, value in properties.items() if key != "plug"}


@dataclass(frozen=True)
class Plugs:
    """The annotation of a mapping of plugs by name: where an entry names no plug, its own name is the plug's."""

    room: str
    every: bool = False
    "Whether all plugs of the room are meant, those that are not named with their defaults."

    def make(self, given: Any) -> dict[str, Any]:
        """Each entry made; errors say which."""
        if not isinstance(given, Mapping):
            raise SettingsError(f"expected settings (key: value), got {shown(given)}")
        _, key = ROOMS[self.room]
        for name, entry in given.items() if self.every else ():
            # Each plug stands there once, under its own name, or two of them would give values of one name.
            load(self.room, str(name))
            if isinstance(entry, Mapping) and entry.get(key, name) != name:
                raise SettingsError(f"{key!r} is given by the entry's name: leave it out", str(name))
        entries = {**{name: {} for name in names(self.room) if self.every}, **given}
        return {str(name): self._entry(str(name), entry) for name, entry in entries.items()}

    def _entry(self, name: str, given: Any) -> Any:
        try:
            return Plug(self.room, default=name).make(given)
        except SettingsError as error:
            raise error.below(name) from error

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.make)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """By name: the settings of the plug of that name, or any plug under another name."""
        _, key = ROOMS[self.room]
        whole = Plug(self.room).__get_pydantic_json_schema__(schema, handler)["oneOf"]
        # Where an entry's name is the plug's, the key that names the plug may be left out.
        own = {plug["title"]: {**plug, "required": [k for k in plug["required"] if k != key]} for plug in whole}
        others = False if self.every else {"type": "object", "oneOf": whole}
        return {"type": "object", "properties": own, "additionalProperties": others}


@dataclass(frozen=True)
class Overrides:
    """The annotation of a mapping that changes some settings of a class: its keys, none of them required."""

    kind: type[Any]

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {key: value for key, value in _schema_of(self.kind, handler).items() if key != "required"}


def _schema_of(kind: type[Any], handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """The JSON schema of a settings class in full, where pydantic would put a reference."""
    return dict(handler.resolve_ref_schema(handler(kind.__pydantic_core_schema__)))


def changed(kind: type[T], before: T, overrides: Mapping[str, Any]) -> T:
    """`before` with some of its settings replaced, checked as if all had been written out."""
    return read(kind, {**plain(before), **overrides})


def read(kind: type[T], given: Any) -> T:
    """A `kind` made of a mapping.

    Raises:
        SettingsError: unknown or missing keys, values of the wrong type or out of range: all of them in one line.
    """
    try:
        # As JSON, where a list may be a tuple and a mapping a dataclass, and yet a number must be a number.
        chosen: T = _adapter(typing.cast(Any, kind)).validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        raise told(kind, error.errors(include_url=False)) from error
    return chosen


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
