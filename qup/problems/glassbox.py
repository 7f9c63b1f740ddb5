"""Problems of the glass box (`qup.glassbox`): chains of arithmetic whose every trace can be read exactly.

Example: `{source: glassbox, chains: {shortest: 2, longest: 6}}`.
"""

import random
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from pydantic.dataclasses import dataclass

from qup.glassbox import style
from qup.glassbox.corpus import Chains
from qup.glassbox.derivation import derive
from qup.problems._content import distinct, problem
from qup.records import Problem
from qup.seeds import derive as derive_seed
from qup.settings import STRICT

PATIENCE = 4
"Problems drawn for each one wanted; with short chains some come twice."


@dataclass(frozen=True, config=STRICT)
class Source:
    """Chains of the given lengths; the solution is the right derivation in native style."""

    chains: Chains = field(default_factory=Chains)

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems; problem i depends on `seed` and i only."""
        return distinct(self._drawn(count * PATIENCE, seed), count)

    def _drawn(self, count: int, seed: int) -> Iterator[Problem]:
        for i in range(count):
            puzzle = self.chains.draw(random.Random(derive_seed(seed, "glassbox", i)))
            right = derive(puzzle)
            yield problem(puzzle.question(), str(right.answer), "glassbox", style.render(right))
