"""Model sources in tests: one made of settings, and what it leaves in a folder."""

from pathlib import Path
from typing import Any

from qup.settings import Plug


def model(source: str, **settings: Any) -> Any:
    return Plug("models").make({"source": source, **settings})


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def no_path_in(folder: Path, *paths: Path) -> None:
    for name, text in contents(folder).items():
        assert not any(str(path).encode() in text for path in paths), name
