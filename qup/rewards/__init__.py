"""Reward models, one per file: class `Reward`, a frozen dataclass of settings with one method."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from qup import params
from qup.records import Problem, Score


class Reward(Protocol):
    """What the reward stage needs of a reward model."""

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order; a failure has value None and says why. `models` holds the study's models."""
        ...


def make(name: str, settings: Mapping[str, Any]) -> Reward:
    """The reward `name` of a study: the plug that `reward` says, or the one of that name."""
    made: Reward = params.plug("rewards", "reward", {"reward": name, **settings}, f"rewards.{name}")
    return made
