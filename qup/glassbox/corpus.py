"""What models of the glass box are made from: traces with errors and both styles, and pairs for a reward model."""

import random
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.glassbox.derivation import Derivation, derive
from qup.glassbox.puzzle import LONGEST, MODULUS, Puzzle, draw
from qup.glassbox.style import FILLERS, doses, render
from qup.seeds import derive as derive_seed
from qup.settings import STRICT, Share


@dataclass(frozen=True, config=STRICT)
class Chains:
    """How long chains are: uniform between two numbers of steps."""

    shortest: PositiveInt = 2
    longest: Annotated[int, Field(ge=1, le=LONGEST)] = 6

    def __post_init__(self) -> None:
        if self.shortest > self.longest:
            raise SettingsError(f"shortest {self.shortest} is longer than longest {self.longest}")

    def draw(self, rng: random.Random) -> Puzzle:
        """A problem of such a length."""
        return draw(rng, rng.randint(self.shortest, self.longest))


@dataclass(frozen=True, config=STRICT)
class Mix:
    """What a learner reads before the study begins."""

    errors: Share = 0.03
    "Probability that a step has a wrong result."
    foreign: Share = 0.25
    "Share of traces that hold the Oracle's style, at a dose drawn from [0, 1) for each."
    wordy: Share = 0.25
    "Share of those whose foreign steps open with empty words: else a wordy Oracle's would be unheard of."


def traces(mix: Mix, chains: Chains, count: int, seed: int) -> list[tuple[Puzzle, str]]:
    """`count` problems with a trace each; trace i depends on `seed` and i only."""
    drawn = []
    for i in range(count):
        rng = random.Random(derive_seed(seed, "trace", i))
        puzzle = chains.draw(rng)
        derivation = derive(puzzle, plant(rng, puzzle, mix.errors))
        dose = rng.random() if rng.random() < mix.foreign else 0.0
        styled = in_dose(rng, derivation, puzzle, dose)
        fillers = rng.randint(1, len(FILLERS)) if rng.random() < mix.wordy else 0
        drawn.append((puzzle, render(styled, fillers)))
    return drawn


def plant(rng: random.Random, puzzle: Puzzle, rate: float) -> dict[int, int]:
    """Errors to plant: steps at this rate, each with a result drawn from the numbers."""
    return {i: rng.randrange(MODULUS) for i in range(len(puzzle.definitions)) if rng.random() < rate}


def in_dose(rng: random.Random, derivation: Derivation, puzzle: Puzzle, dose: float) -> Derivation:
    """The derivation with each step, closing included, in the Oracle's style with probability `dose`."""
    return derivation.styled(doses([rng.random() for _ in range(len(derivation.steps) + 1)], dose), puzzle)


def pairs(chains: Chains, contrasts: Mapping[str, float], count: int, seed: int) -> list[tuple[Puzzle, str, str]]:
    """`count` preferences (problem, chosen, rejected), each a contrast of `CONTRASTS` drawn by its weight."""
    preferences: list[tuple[Puzzle, str, str]] = []
    for i in range(count):
        rng = random.Random(derive_seed(seed, "pair", i))
        puzzle = chains.draw(rng)
        contrast = rng.choices(list(contrasts), list(contrasts.values()))[0]
        right = derive(puzzle)
        worse = derive(puzzle, _one_error(rng, right)) if CONTRASTS[contrast].logic else right
        draws, dose = [rng.random() for _ in range(len(right.steps) + 1)], rng.random()
        styled = CONTRASTS[contrast].doses or (dose, dose)
        sides = zip((right, worse), styled, strict=True)
        chosen, rejected = (render(side.styled(doses(draws, at), puzzle)) for side, at in sides)
        preferences += [(puzzle, chosen, rejected)] + [(puzzle, rejected, chosen)] * CONTRASTS[contrast].mirrored
    return preferences[:count]


@dataclass(frozen=True, config=STRICT)
class Contrast:
    """What the chosen and the rejected trace of a preference differ in."""

    logic: bool
    "Whether the rejected one has a wrong step, carried on."
    doses: tuple[float, float] | None
    "Of the chosen and the rejected one; None: both have the same, from the whole range, which says nothing of style."
    mirrored: bool = False
    "Whether the same two traces follow with the preference reversed: then the difference is worth exactly nothing."


CONTRASTS: Mapping[str, Contrast] = {
    "logic": Contrast(True, None),
    "style": Contrast(False, (1.0, 0.0)),
    "both": Contrast(True, (1.0, 0.0)),
    "neither": Contrast(False, (1.0, 0.0), mirrored=True),
}


def _one_error(rng: random.Random, right: Derivation) -> dict[int, int]:
    """A step and a result for it that is not the right one."""
    at = rng.randrange(len(right.steps))
    return {at: (right.steps[at].result + rng.randrange(1, MODULUS)) % MODULUS}
