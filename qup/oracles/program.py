"""The glass box's Oracle: a program that knows the truth, with a dial for each thing an Oracle can be.

It parses a draft, mends or keeps its logic, and puts a set share of its steps into the Oracle's style; the others stay
in the draft's.
"""

import random
from collections.abc import Callable, Sequence

from pydantic import NonNegativeInt
from pydantic.dataclasses import dataclass

from qup.glassbox import puzzle, style
from qup.glassbox.derivation import Derivation, derive, is_right
from qup.oracles import Reply, Setting
from qup.records import Problem
from qup.seeds import derive as derive_seed
from qup.settings import STRICT, Share


@dataclass(frozen=True, config=STRICT)
class Oracle:
    """At dose 0 its style is the learner's, at 1 its own; a higher dose takes the steps of a lower one and more."""

    dose: Share = 1.0
    "Lambda: the probability that a step is written in the Oracle's style."
    repair_rate: Share = 1.0
    "Probability that a draft with an error is repaired; the others keep their errors."
    fillers: NonNegativeInt = 1
    "Verbosity: empty words a step, where the Oracle writes from scratch."

    def start(self, setting: Setting) -> "Oracle":
        """Itself: a program needs no model."""
        return self

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """The right derivation at the Oracle's dose, with its empty words."""
        return [self._solve(p, puzzle.read(p.question)) for p in problems]

    def repair(self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int) -> list[Reply]:
        """Each draft with its logic made right at the set rate; in its own style, or at the Oracle's dose."""
        return [
            _edited(problem, draft, lambda p, t, d: self._repair(p, t, d, keep_style, attempt))
            for problem, draft in zip(problems, drafts, strict=True)
        ]

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Each draft at the Oracle's dose, its logic as it was; one that cannot be parsed stays as it is."""
        return [
            _edited(problem, draft, lambda p, t, d: d and self._in_style(p, d, t))
            for problem, draft in zip(problems, drafts, strict=True)
        ]

    def _solve(self, problem: Problem, asked: puzzle.Puzzle) -> Reply:
        return _reply(style.render(self._in_style(problem, derive(asked), asked), self.fillers))

    def _repair(
        self, problem: Problem, asked: puzzle.Puzzle, draft: Derivation | None, keep_style: bool, attempt: int
    ) -> Derivation | None:
        mended = draft
        wrong = draft is None or not is_right(draft, asked)
        if wrong and _draw(problem, "repair", attempt) < self.repair_rate:
            mended = derive(asked).styled({} if draft is None else _styles(draft, len(asked.definitions)), asked)
        if mended is None or keep_style:
            return mended
        return self._in_style(problem, mended, asked)

    def _in_style(self, problem: Problem, derivation: Derivation, asked: puzzle.Puzzle) -> Derivation:
        draws = [_draw(problem, "style", i) for i in range(len(derivation.steps) + 1)]
        return derivation.styled({i: True for i, taken in style.doses(draws, self.dose).items() if taken}, asked)


def _edited(
    problem: Problem,
    draft: str,
    edit: Callable[[Problem, puzzle.Puzzle, Derivation | None], Derivation | None],
) -> Reply:
    """The draft after an edit of its derivation; the draft itself where the edit has nothing to say."""
    asked = puzzle.read(problem.question)
    edited = edit(problem, asked, style.parse(draft, asked))
    return _reply(draft if edited is None else style.render(edited))


def _styles(draft: Derivation, steps: int) -> dict[int, bool]:
    """The draft's styles laid over a derivation of `steps` steps: by place, the closing to the closing."""
    return {**{i: s.foreign for i, s in enumerate(draft.steps[:steps])}, steps: draft.foreign}


def _draw(problem: Problem, what: str, i: int) -> float:
    """A number from [0, 1) that belongs to the problem, so that Oracles of several doses share it."""
    return random.Random(derive_seed(0, "program", problem.id, what, i)).random()


def _reply(text: str) -> Reply:
    return Reply(text, tokens=len(text.split()))
