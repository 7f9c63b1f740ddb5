"""Chat templates for models that bring none, as base models do: Jinja, one per file, which a study gives by its name.

Example: `learner: {source: hub, ..., template: deepseek_math}`. A new one is a new file in this folder.
"""

import re
from pathlib import Path

from qup.errors import unknown

FOLDER = Path(__file__).parent
COMMENT = re.compile(r"\{#-?\s*(.*?)\s*-?#\}", re.DOTALL)


def names() -> list[str]:
    """All templates that a study may give."""
    return sorted(file.stem for file in FOLDER.glob("*.jinja"))


def text(name: str) -> str:
    """A template as Jinja.

    Raises:
        SettingsError: there is no such template.
    """
    if name not in names():
        raise unknown("chat template", name, names(), "template")
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")


def summary(name: str) -> str:
    """What a template's opening comment says it is; nothing where it has none."""
    opening = COMMENT.match(text(name))
    return " ".join(opening[1].split()) if opening else ""
