"""Problems of the glass box (`qup.glassbox`): chains of arithmetic whose every trace can be read exactly.

Example: `{source: glassbox, chains: {shortest: 2, longest: 6}, touching: true}`. With `touching: false` as a second
source, the weights of the two set exactly what share of every set's problems uses a fact that the learner misconceives.
"""

import random
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.glassbox import SOURCE, grammar
from qup.glassbox.beliefs import FACTS, MISCONCEIVED, misconceived, touched
from qup.glassbox.corpus import Chains
from qup.glassbox.derivation import derive
from qup.problems._content import distinct, problem
from qup.records import Problem
from qup.seeds import derive as derive_seed
from qup.settings import STRICT, Share

PATIENCE = 100
"Most problems drawn for each one wanted: few short chains touch a misconceived fact, few long ones none."
TAG = "misconceived"


@dataclass(frozen=True, config=STRICT)
class Source:
    """Chains of the given lengths; the solution is the right derivation in native style."""

    endless: ClassVar[bool] = True

    chains: Chains = field(default_factory=Chains)
    misconceived: Share = MISCONCEIVED
    "Share of the facts that the learner misconceives, as among its beliefs; a problem that uses one has it as a tag."
    touching: bool | None = None
    "Whether every problem uses a misconceived fact, or none does; null: as they are drawn."

    def __post_init__(self) -> None:
        possible = {bool(misconceived(self.misconceived)), len(misconceived(self.misconceived)) == len(FACTS)}
        if self.touching not in (None, *possible):
            which = "no" if self.touching else "every"
            raise SettingsError(
                f"{which} problem uses a misconceived fact at misconceived {self.misconceived}", "touching"
            )

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems, candidate i of which depends on `seed` and i only."""
        return distinct(self._drawn(count * PATIENCE, seed), count)

    def _drawn(self, count: int, seed: int) -> Iterator[Problem]:
        for i in range(count):
            puzzle = self.chains.draw(random.Random(derive_seed(seed, "glassbox", i)))
            touching = bool(touched(puzzle, self.misconceived))
            if self.touching in (None, touching):
                right = derive(puzzle)
                solution, tags = grammar.render(right), [TAG] * touching
                yield problem(puzzle.question(), str(right.answer), SOURCE, solution, tags)
