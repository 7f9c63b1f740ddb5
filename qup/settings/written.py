"""Settings back as a study file has them: whole, for records; or as far as they were chosen, for readers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from qup.settings.rooms import ROOMS


def plain(value: Any) -> Any:
    """Settings as JSON has them: nested mappings and lists, each plug with the key that names it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        held = own.pop("plug", {})
        return {**_named(value), **held, **own}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def declared(value: Any) -> dict[str, Any]:
    """The settings of a plug that differ from their defaults, with the key that names it: what a reader must know."""
    defaults = {f.name: _default(f) for f in dataclasses.fields(value)}
    held = declared(value.plug) if "plug" in defaults else {}
    own = {key: plain(getattr(value, key)) for key, default in defaults.items() if key != "plug"}
    return {**_named(value), **held, **{k: v for k, v in own.items() if v != plain(defaults[k])}}


def _default(spec: dataclasses.Field[Any]) -> Any:
    if spec.default_factory is not dataclasses.MISSING:
        return spec.default_factory()
    return spec.default


def _named(value: object) -> dict[str, str]:
    """The key and name of a plug; nothing for other settings."""
    package, _, name = type(value).__module__.rpartition(".")
    room = package.removeprefix("qup.")
    if room not in ROOMS or type(value).__name__ != ROOMS[room][0]:
        return {}
    return {ROOMS[room][1]: name}
