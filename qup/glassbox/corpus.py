"""What models of the glass box are made from: traces with the learner's misconceptions, pairs for a reward model."""

import random
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.glassbox.beliefs import Beliefs, misconceived, touched
from qup.glassbox.derivation import Derivation, derive, erring
from qup.glassbox.grammar import render
from qup.glassbox.puzzle import LONGEST, MODULUS, Puzzle, draw
from qup.glassbox.style import FILLERS, ORACLE, PRACTISED, STYLES
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
    """What a learner reads before the study begins: every trace in one style, the practised ones equally often."""

    beliefs: Beliefs = field(default_factory=Beliefs)
    "How its results are wrong."
    foreign: Share = 0.25
    "Familiarity: the share of traces in the Oracle's style."
    wordy: Share = 0.25
    "Share of those whose steps open with empty words: else a wordy Oracle's would be unheard of."


def traces(mix: Mix, chains: Chains, count: int, seed: int) -> list[tuple[Puzzle, str]]:
    """`count` problems with a trace each; trace i depends on `seed` and i only."""
    drawn = []
    for i in range(count):
        rng = random.Random(derive_seed(seed, "trace", i))
        puzzle = chains.draw(rng)
        derivation = derive(puzzle, mix.beliefs.reckoning(rng))
        style = ORACLE if rng.random() < mix.foreign else rng.choice(PRACTISED)
        fillers = rng.randint(1, len(FILLERS)) if rng.random() < mix.wordy else 0
        drawn.append((puzzle, render(derivation.wholly(style), fillers)))
    return drawn


@dataclass(frozen=True, config=STRICT)
class Contrast:
    """What the chosen and the rejected trace of a preference differ in."""

    logic: bool
    "Whether the rejected one has a wrong step, carried on."
    style: bool
    "Whether the chosen one is in the Oracle's style and the rejected one is not; else both are in one style, any."
    mirrored: bool = False
    "Whether the same two traces follow with the preference reversed: then the difference is worth exactly nothing."


CONTRASTS: Mapping[str, Contrast] = {
    "logic": Contrast(logic=True, style=False),
    "style": Contrast(logic=False, style=True),
    "both": Contrast(logic=True, style=True),
    "neither": Contrast(logic=False, style=True, mirrored=True),
}


def pairs(
    chains: Chains, contrasts: Mapping[str, float], beliefs: Beliefs, count: int, seed: int
) -> list[tuple[Puzzle, str, str]]:
    """`count` preferences (problem, chosen, rejected), each a contrast of `CONTRASTS` drawn by its weight."""
    preferences: list[tuple[Puzzle, str, str]] = []
    for i in range(count):
        rng = random.Random(derive_seed(seed, "pair", i))
        puzzle = chains.draw(rng)
        contrast = CONTRASTS[rng.choices(list(contrasts), list(contrasts.values()))[0]]
        right = derive(puzzle)
        worse = _one_error(rng, right, puzzle, beliefs) if contrast.logic else right
        practised, any_style = rng.choice(PRACTISED), rng.choice(list(STYLES))
        styles = (ORACLE, practised) if contrast.style else (any_style, any_style)
        chosen, rejected = (render(side.wholly(style)) for side, style in zip((right, worse), styles, strict=True))
        preferences += [(puzzle, chosen, rejected)] + [(puzzle, rejected, chosen)] * contrast.mirrored
    return preferences[:count]


def _one_error(rng: random.Random, right: Derivation, puzzle: Puzzle, beliefs: Beliefs) -> Derivation:
    """The derivation with one step wrong as the learner errs: by a misconceived fact if there is one, else by any."""
    wrong = misconceived(beliefs.share)
    at = rng.choice(touched(puzzle, beliefs.share) or range(len(right.steps)))
    step = right.steps[at]
    error = wrong.get(step.fact, (step.result + rng.randrange(1, MODULUS)) % MODULUS)
    return derive(puzzle, erring({at: error}))
