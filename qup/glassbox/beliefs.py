"""What a learner of the glass box believes of sums: most facts rightly, a set share of them wrongly and stubbornly.

A fact is misconceived the same way by every learner, so an Oracle that repairs has something to teach which the
learner's own right traces hold seldom.
"""

import random
from collections.abc import Mapping
from functools import cache

from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.glassbox.derivation import Reckon, derive
from qup.glassbox.puzzle import MODULUS, OPERATIONS, Fact, Puzzle, fits, result
from qup.seeds import derive as derive_seed
from qup.settings import STRICT, Share

FACTS: tuple[Fact, ...] = tuple(
    fact for op in OPERATIONS for a in range(MODULUS) for b in range(MODULUS) if fits(fact := (op, a, b))
)
"The facts that right derivations use: 91 sums and 91 differences."
MISCONCEIVED = 0.15
"Share of the facts that is misconceived where nothing else is set."


@cache
def misconceived(share: float) -> Mapping[Fact, int]:
    """The misconceived facts, a share of all to the nearest whole, each with the wrong result believed of it.

    Which they are and what is believed are constants of the world; a higher share holds those of a lower one.
    """
    rng = random.Random(derive_seed(0, "misconceived"))
    order = rng.sample(FACTS, len(FACTS))
    wrong = {fact: (result(fact) + rng.randrange(1, MODULUS)) % MODULUS for fact in order}
    return {fact: wrong[fact] for fact in order[: round(share * len(FACTS))]}


def touched(puzzle: Puzzle, share: float) -> list[int]:
    """The steps of the right derivation that use a misconceived fact."""
    wrong = misconceived(share)
    return [i for i, step in enumerate(derive(puzzle).steps) if step.fact in wrong]


@dataclass(frozen=True, config=STRICT)
class Beliefs:
    """With what probability a learner gives which result."""

    share: Share = MISCONCEIVED
    "Share of the world's facts that is misconceived; the problem source says it too."
    right: Share = 0.3
    "Probability that a misconceived fact's result is right all the same."
    wrong: Share = 0.55
    "Probability that it is the one wrong result believed of it; else it is any number."
    noise: Share = 0.01
    "Probability that another fact's result is any number."

    def __post_init__(self) -> None:
        if self.right + self.wrong > 1:
            raise SettingsError(f"right {self.right} and wrong {self.wrong} are more than 1 together")

    def result(self, rng: random.Random, fact: Fact) -> int:
        """What such a learner says a fact's result is."""
        roll, wrong = rng.random(), misconceived(self.share).get(fact)
        if roll < (1 - self.noise if wrong is None else self.right):
            return result(fact)
        if wrong is not None and roll < self.right + self.wrong:
            return wrong
        return rng.randrange(MODULUS)

    def reckoning(self, rng: random.Random) -> Reckon:
        """A way to work a problem out by these beliefs."""
        return lambda _, fact: self.result(rng, fact)
