"""Prompts are text files with `$question`-style fields, each one message; a package per role: learner, oracle, judge.

A stage depends on the roles it uses, so a new prompt for the Oracle leaves the learner's traces alone.
"""

import string
from collections.abc import Mapping
from pathlib import Path

from qup.errors import SettingsError, unknown


def render(role: Path, name: str, fields: Mapping[str, str]) -> str:
    """The text of `<name>.txt` in a role's folder with its `$fields` filled in.

    Raises:
        SettingsError: there is no such prompt, or it has a field that `fields` does not.
    """
    names = sorted(file.relative_to(role).with_suffix("").as_posix() for file in role.rglob("*.txt"))
    if name not in names:
        raise unknown(f"prompt of the {role.name}", name, names)
    text = (role / f"{name}.txt").read_text(encoding="utf-8").strip()
    try:
        return string.Template(text).substitute(fields)
    except (KeyError, ValueError) as error:
        known = ", ".join(f"${field}" for field in fields)
        raise SettingsError(f"prompt {role.name}/{name}.txt: {error}: it may have {known}; a dollar is $$") from error
