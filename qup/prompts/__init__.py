"""Prompts are text files beside this module, versioned, with `$question`-style fields; each file is one message."""

import string
from collections.abc import Mapping
from importlib import resources

from qup.errors import unknown


def render(name: str, fields: Mapping[str, str]) -> str:
    """The text of `qup/prompts/<name>.txt` with its `$fields` filled in.

    Raises:
        SettingsError: there is no such prompt.
        KeyError: the file has a field that `fields` does not.
    """
    file = resources.files(__name__).joinpath(f"{name}.txt")
    if not file.is_file():
        raise unknown("prompt", name, names())
    return string.Template(file.read_text(encoding="utf-8").strip()).substitute(fields)


def names() -> list[str]:
    """All prompts, `voices/formal` style for those in a folder."""
    root = resources.files(__name__)
    top = [f.name for f in root.iterdir() if f.name.endswith(".txt")]
    voices = [f"voices/{f.name}" for f in root.joinpath("voices").iterdir()]
    return sorted(name.removesuffix(".txt") for name in top + voices)


def ask(name: str, question: str) -> list[dict[str, str]]:
    """The chat that puts a question to the learner: sampling, training and evaluation all use this one."""
    return [{"role": "user", "content": render(name, {"question": question})}]
