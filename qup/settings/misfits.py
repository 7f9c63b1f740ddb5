"""pydantic's errors in our words: where, what was given, what was expected, all of a study's in one line."""

import dataclasses
import typing
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic_core import ErrorDetails

from qup.errors import SettingsError, hint, shown

SHOWN = 4
"Misfits told in one message; a study with more is told how many."
EXPECTED = {
    "bool_type": "true or false",
    "dataclass_type": "settings (key: value)",
    "dict_type": "settings (key: value)",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "string_type": "text",
    "tuple_type": "a list",
}
"pydantic's kind of error to what should have stood there."


def told(kind: type[Any], errors: Sequence[ErrorDetails]) -> SettingsError:
    """One error of pydantic's many; several become one line."""
    absent: dict[tuple[str | int, ...], list[str]] = {}
    for error in errors:
        if error["type"] == "missing":
            absent.setdefault(error["loc"][:-1], []).append(str(error["loc"][-1]))
    # All that is missing from one place at once, where the first of it stands: nobody wants a round for each key.
    misfits = [
        _missing(absent[error["loc"][:-1]], error["loc"][:-1]) if error["type"] == "missing" else _misfit(kind, error)
        for error in errors
        if error["type"] != "missing" or absent[error["loc"][:-1]][0] == error["loc"][-1]
    ]
    if len(misfits) == 1:
        return misfits[0]
    more = [f"and {len(misfits) - SHOWN} more"] if len(misfits) > SHOWN else []
    return SettingsError("; ".join([*map(str, misfits[:SHOWN]), *more]))


def _missing(keys: Sequence[str], place: Sequence[str | int]) -> SettingsError:
    """Keys that a place lacks."""
    verb = "is" if len(keys) == 1 else "are"
    where = [f"[{key}]" if isinstance(key, int) else str(key) for key in place]
    return SettingsError(f"needs {', '.join(map(repr, keys))}, which {verb} missing", *where)


def _misfit(kind: type[Any], error: ErrorDetails) -> SettingsError:
    """What pydantic found, in our words: where, what was given, what was expected."""
    path = [f"[{key}]" if isinstance(key, int) else str(key) for key in error["loc"]]
    context = error.get("ctx", {})
    match error["type"]:
        case "unexpected_keyword_argument":
            *parents, key = path
            keys = [f.name for f in dataclasses.fields(_kind_at(kind, error["loc"][:-1]))]
            return SettingsError(f"unknown key {key!r}: {hint(key, keys)}", *parents)
        case "literal_error":
            choices = typing.get_args(_kind_at(kind, error["loc"]))
            return SettingsError(f"unknown value {shown(error['input'])}: {hint(str(error['input']), choices)}", *path)
        case "value_error":
            cause = context["error"]
            return cause.below(*path) if isinstance(cause, SettingsError) else SettingsError(str(cause), *path)
        case other if other in EXPECTED:
            return SettingsError(f"expected {EXPECTED[other].format(**context)}, got {shown(error['input'])}", *path)
    return SettingsError(f"{error['msg']}, got {shown(error['input'])}", *path)


def _kind_at(hint_: Any, path: Sequence[str | int]) -> Any:
    """The type of what stands at `path` in a value of type `hint_`, bare of annotations and of `| None`."""
    while typing.get_origin(hint_) is Annotated or type(None) in typing.get_args(hint_):
        hint_ = next(part for part in typing.get_args(hint_) if part is not type(None))
    if not path:
        return hint_
    if dataclasses.is_dataclass(hint_):
        return _kind_at(typing.get_type_hints(hint_, include_extras=True)[str(path[0])], path[1:])
    return _kind_at(typing.get_args(hint_)[-1 if typing.get_origin(hint_) is dict else 0], path[1:])
