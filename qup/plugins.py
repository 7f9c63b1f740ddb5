"""The plug system: one file adds one thing, and the file's name is the thing's name.

A kind is a sub-package of `qup` (`refiners`, `rewards`, ...). Each module in it holds one class named after the kind
(`Refiner`, `Reward`, ...), a small frozen dataclass whose fields are its settings. There is no registry.

>>> "rejection_sampling" in names("refiners")
True
"""

import importlib
import pkgutil
from typing import Any

from qup.errors import unknown

CLASS = {
    "backends": "Backend",
    "compat": "Metric",
    "models": "Model",
    "oracles": "Oracle",
    "problems": "Source",
    "refiners": "Refiner",
    "rewards": "Reward",
}


def names(kind: str) -> list[str]:
    """The plugs of a kind, read from the folder."""
    package = importlib.import_module(f"qup.{kind}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def load(kind: str, name: str) -> type[Any]:
    """The class of plug `name`.

    Raises:
        SettingsError: there is no such plug; the message names the near ones.
    """
    if name not in names(kind):
        raise unknown(kind.rstrip("s") if kind != "compat" else "metric", name, names(kind))
    loaded: type[Any] = getattr(importlib.import_module(f"qup.{kind}.{name}"), CLASS[kind])
    return loaded
