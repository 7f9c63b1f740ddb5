"""What rewards make of restyled samples, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qup.measured.answers import Column
from qup.records import Score
from qup.records.restyled import Restyled


@dataclass(frozen=True, eq=False)
class Shifted:
    """One restyle by one reward: of each sample that it changes, the value before and after."""

    reward: str
    restyle: str
    problems: list[str]
    "Of each sample."
    before: Column
    "NaN where the reward failed."
    after: Column


def shifted(scores: Sequence[Score], restyled: Sequence[Restyled]) -> list[Shifted]:
    """Restyles by reward and name, beside the scores that the very samples have as they are."""
    plain = {(score.reward, score.problem_id, score.index): score.value for score in scores}
    groups: dict[tuple[str, str], list[Restyled]] = {}
    for each in restyled:
        groups.setdefault((each.reward, each.restyle), []).append(each)
    return [
        Shifted(
            reward,
            restyle,
            [each.problem_id for each in own],
            _column([plain.get((reward, each.problem_id, each.index)) for each in own]),
            _column([each.value for each in own]),
        )
        for (reward, restyle), own in groups.items()
    ]


def _column(values: Sequence[float | None]) -> Column:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
