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
    file = role / f"{name}.txt"
    # A name is a path below the folder, spelt in the one way that the list has it.
    if Path(name).as_posix() != name or ".." in Path(name).parts or not file.is_file():
        names = sorted(each.relative_to(role).with_suffix("").as_posix() for each in role.rglob("*.txt"))
        raise unknown(f"prompt of the {role.name}", name, names)
    text = file.read_text(encoding="utf-8").strip()
    try:
        return string.Template(text).substitute(fields)
    except (KeyError, ValueError) as error:
        known = ", ".join(f"${field}" for field in fields)
        raise SettingsError(f"prompt {role.name}/{name}.txt: {error}: it may have {known}; a dollar is $$") from error
