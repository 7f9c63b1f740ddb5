"""The study's rewards at work for a refiner."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from qup.records import Problem, Score
from qup.rewards import Reward, scores_of
from qup.rewards._choice import chosen


@dataclasses.dataclass(frozen=True)
class Panel:
    """The study's rewards at work for a refiner that chooses by one of them."""

    rewards: Mapping[str, Reward]
    models: Path
    "Folder of the study's models."

    def score(self, problems: Sequence[Problem], texts: Sequence[str], reward: str | None = None) -> list[Score]:
        """One reward of each trace, in order: the one that `chosen` chooses by.

        Raises:
            SettingsError: there is none.
        """
        name = chosen(self.rewards, reward)
        return scores_of({name: self.rewards[name]}, problems, texts, self.models)
