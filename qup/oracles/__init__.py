"""Oracles: who solves, repairs and restyles. One file per kind: class `Oracle`, settings whose `start` gives the verbs.

A verb takes a batch and answers in order. `attempt` is 0 for the first call and counts the retries, so that a retry
draws anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from qup import params
from qup.params import BackendSettings, Scope
from qup.records import Problem


@dataclass(frozen=True)
class Reply:
    """What an Oracle says: the text, what it cost, and whether it was cut."""

    text: str
    tokens: int
    truncated: bool = False


@dataclass(frozen=True)
class Setting:
    """What a study puts at an Oracle's disposal."""

    models: Path
    "Folder of the study's models."
    backend: BackendSettings
    temperature: float
    "The learner's."
    seed: int


class Oracle(Protocol):
    """The verbs a refiner may use."""

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """A derivation from scratch for each problem."""
        ...

    def repair(self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int) -> list[Reply]:
        """Each draft with its logic made right; `keep_style` asks to leave wording, notation and layout alone."""
        ...

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Each draft said in the Oracle's own way, its logic and final answer as they are, right or wrong."""
        ...


def make(settings: Mapping[str, Any], where: str) -> Any:
    """The plug of an Oracle's entry in a study; `where` names the entry in errors."""
    return params.plug("oracles", "oracle", params.without(settings, "scope"), where)


def scope(settings: Mapping[str, Any], default: Scope, where: str) -> Scope:
    """The problems that the Oracle of an entry is asked about."""
    found: Scope = params.convert(Scope, settings.get("scope", default), f"{where}.scope")
    return found
