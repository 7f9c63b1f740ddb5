"""Settings back as a study file has them: whole, for records; or as far as they were chosen, for readers."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from qup.settings.rooms import ROOMS

UNPUBLISHED = "unpublished"
"Metadata of a settings field whose texts are nobody's business: numbers, plain words and `${NAME}` are shown, no more."
DIRECT = ("backends",)
"Rooms whose plugs stand under a field of their very class, as an Oracle's `api`: no key names them there."
SHOWN = re.compile(r"[a-z_]{0,16}|([A-Za-z]+ )?(\$\{\w+\})+")


def plain(value: Any) -> Any:
    """Settings as JSON has them: nested mappings and lists, each plug with the key that names it.

    A class whose settings a study may write in a shorter way has a method `written`.
    """
    if hasattr(value, "written"):
        return value.written()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = {f.name: _published(f, getattr(value, f.name)) for f in dataclasses.fields(value)}
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
    own = {f.name: _published(f, getattr(value, f.name)) for f in dataclasses.fields(value) if f.name != "plug"}
    return {**_named(value), **held, **{k: v for k, v in own.items() if v != plain(defaults[k])}}


def _published(spec: dataclasses.Field[Any], value: Any) -> Any:
    """A field's value as readers may see it."""
    return _hidden(plain(value)) if spec.metadata.get(UNPUBLISHED) else plain(value)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return value if not isinstance(value, str) or SHOWN.fullmatch(value) else "(not published)"


def _default(spec: dataclasses.Field[Any]) -> Any:
    if spec.default_factory is not dataclasses.MISSING:
        return spec.default_factory()
    return spec.default


def _named(value: object) -> dict[str, str]:
    """The key and name of a plug; nothing for other settings."""
    package, _, name = type(value).__module__.rpartition(".")
    room = package.removeprefix("qup.")
    if room not in ROOMS or room in DIRECT or type(value).__name__ != ROOMS[room][0]:
        return {}
    return {ROOMS[room][1]: name}
