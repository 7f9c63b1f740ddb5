"""A reward model with a set taste, for traces of the glass box: how much it is for logic, style and length is known.

The ground truth for a measure of perceived quality: what it should find is what is set here.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import NonNegativeFloat
from pydantic.dataclasses import dataclass

from qup.glassbox import SOURCE, grammar, puzzle
from qup.glassbox.derivation import share_right
from qup.records import Problem, Score, Verdict
from qup.seeds import derive
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Reward:
    """Each weight times what it is for, and noise; a trace that cannot be parsed is a failure, not a low score."""

    perceives: ClassVar[bool] = True
    logic: float = 1.0
    "For the share of right steps."
    style: float = 0.5
    "For the share of the Oracle's style."
    length: float = 0.0
    "For a hundred words."
    noise: NonNegativeFloat = 0.1
    "Standard deviation of what it likes for no reason; the same trace of a problem always gets the same."
    seed: int = 1

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order."""
        return [self._score(problem, text) for problem, text in zip(problems, texts, strict=True)]

    def _score(self, problem: Problem, text: str) -> Score:
        if problem.source != SOURCE:
            return Score(problem.id, "taste", None, "not of the glass box")
        derivation = grammar.parse(text)
        if derivation is None:
            return Score(problem.id, "taste", None, Verdict.UNPARSED.value)
        liked = self.logic * share_right(derivation, puzzle.read(problem.question)) + self.style * derivation.dose
        liked += self.length * len(text.split()) / 100
        whim = random.Random(derive(self.seed, "taste", problem.id, text)).gauss(0, 1)
        return Score(problem.id, "taste", liked + self.noise * whim)
