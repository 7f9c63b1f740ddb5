"""Where plugs are found: a room's folder, a file's name, the class in it."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from qup.errors import SettingsError, shown, unknown

ROOMS: Mapping[str, tuple[str, str]] = {
    "backends": ("Backend", "backend"),
    "compat": ("Metric", "metric"),
    "graders": ("Grader", "grader"),
    "models": ("Model", "source"),
    "objectives": ("Objective", "objective"),
    "oracles": ("Oracle", "oracle"),
    "problems": ("Source", "source"),
    "refiners": ("Refiner", "refiner"),
    "rewards": ("Reward", "reward"),
}
"Room to the class that each of its plugs holds and the key that names a plug in a study."


def names(room: str) -> list[str]:
    """The plugs of a room, read from the folder."""
    package = importlib.import_module(f"qup.{room}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def load(room: str, name: str) -> type[Any]:
    """The class of plug `name`.

    Raises:
        SettingsError: there is no such plug; the message names the near ones.
    """
    noun, _ = ROOMS[room]
    if not isinstance(name, str):
        raise SettingsError(
            f"expected the name of a {noun.lower()}, one of {', '.join(names(room))}, got {shown(name)}"
        )
    if name not in names(room):
        raise unknown(noun.lower(), name, names(room))
    plug: type[Any] = getattr(importlib.import_module(f"qup.{room}.{name}"), noun)
    return plug


def name_of(plug: object) -> str:
    """A plug's name, which is its file's."""
    return type(plug).__module__.rpartition(".")[2]


def summary(plug: type[Any]) -> str:
    """The first paragraph of the docstring of a plug's file, in one line."""
    text = importlib.import_module(plug.__module__).__doc__ or ""
    return " ".join(text.strip().split("\n\n")[0].split())
