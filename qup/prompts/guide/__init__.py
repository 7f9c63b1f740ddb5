"""How the learner is asked with a reference beside the problem; what it says is trained on by its usual prompt."""

from collections.abc import Sequence
from pathlib import Path

from qup import prompts
from qup.errors import SettingsError


def ask(name: str, asked: Sequence[dict[str, str]], reference: str) -> list[dict[str, str]]:
    """The chat by which the learner is usually asked, with the reference put beside the question in its last message.

    Raises:
        SettingsError: there is no such prompt.
    """
    *before, last = asked
    fields = {"question": last["content"], "reference": reference}
    return [*before, {**last, "content": prompts.render(Path(__file__).parent, name, fields)}]


def check(name: str) -> None:
    """Do nothing if there is such a prompt.

    Raises:
        SettingsError: there is none; the message names the near ones.
    """
    try:
        ask(name, [{"role": "user", "content": ""}], "")
    except SettingsError as error:
        raise error.below("prompt") from error


def texts(name: str) -> list[Path]:
    """The files that `ask` reads."""
    return [prompts.file(Path(__file__).parent, name)]
