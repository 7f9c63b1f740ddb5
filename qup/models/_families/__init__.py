"""Families of language models, a YAML file each: what a tiny random model of one has of the real one.

That is what a run trips over: the special tokens, the template, what ends an answer, how many positions there are, and
how the checkpoint comes. Size, merges and weights are not. A new family is a new file in this folder.
"""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from pydantic import NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass

from qup import settings
from qup.errors import SettingsError, unknown
from qup.settings import STRICT

FOLDER = Path(__file__).parent


@dataclass(frozen=True, config=STRICT)
class Family:
    """What makes a checkpoint one of its family."""

    architecture: str
    "What the names of its classes in transformers begin with."
    eos: str
    bos: str | None = None
    pad: str | None = None
    marks: tuple[str, ...] = ()
    "Its other special tokens."
    words: tuple[str, ...] = ()
    "Tokens of several characters that its template is written with."
    template: str | None = None
    "Chat template; None: it brings none."
    adds_bos: bool = False
    "Whether the tokenizer itself puts `bos` before a text that is no chat."
    ends: tuple[str, ...] | None = None
    "What ends a generation by generation_config.json; None: `eos`."
    positions: PositiveInt = 4096
    idle: NonNegativeInt = 0
    "Embeddings beyond the tokenizer's tokens."
    tied: bool = False
    "Whether embeddings and output matrix are the same."
    head: Literal["language", "classifier", "process"] = "language"
    "What is put on top: next tokens, one number a text, or whether each step is right."
    config: Mapping[str, Any] = field(default_factory=dict)
    "Further settings of the architecture."
    pickled: bool = False
    "Whether the real checkpoint comes as pytorch_model.bin alone."
    stands_for: tuple[str, ...] = ()
    "Repositories of the hub that it is tried in the place of."

    @property
    def special(self) -> list[str]:
        """All special tokens, each once, in the order of their ids."""
        named = [self.pad, self.bos, self.eos, *self.marks]
        return [token for token in dict.fromkeys(named) if token is not None]


def names() -> list[str]:
    """All families."""
    return sorted(file.name.removesuffix(".yaml") for file in FOLDER.glob("*.yaml"))


def load(name: str) -> Family:
    """The family of a name.

    Raises:
        SettingsError: there is none, or its file does not fit.
    """
    if name not in names():
        raise unknown("architecture", name, names(), "architecture")
    try:
        return settings.read(Family, settings.read_yaml(FOLDER / f"{name}.yaml"))
    except SettingsError as error:
        raise error.below(name) from error


def of(repo: str) -> str | None:
    """The family that stands for a repository of the hub; None if there is none."""
    return next((name for name in names() if repo in load(name).stands_for), None)
