"""The glass box's Oracle: a program that knows the truth, with a dial for each thing an Oracle can be.

It parses a draft, mends or keeps its logic, and puts a set share of its steps into a style of its own; the others stay
in the draft's.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from pydantic import NonNegativeInt
from pydantic.dataclasses import dataclass

from qup.errors import unknown
from qup.glassbox import grammar, puzzle
from qup.glassbox.derivation import Derivation, derive, first_wrong, is_right
from qup.glassbox.style import NATIVE, ORACLE, STYLES
from qup.oracles import Reply, Setting
from qup.records import Problem
from qup.seeds import derive as derive_seed
from qup.settings import STRICT, Share


@dataclass(frozen=True, config=STRICT)
class Oracle:
    """At dose 0 its style is the draft's, at 1 its own; a higher dose takes the traces of a lower one and more."""

    dose: Share = 1.0
    "Lambda: the probability that a trace is put wholly into the Oracle's style."
    style: str = ORACLE
    "Of `qup.glassbox.style.STYLES`; `twin`, which the learner practises, makes a null: new words, no drift."
    repair_rate: Share = 1.0
    "Probability that a draft with an error is repaired; the others keep their errors."
    fillers: NonNegativeInt = 1
    "Verbosity: empty words a step of its style, where the Oracle writes from scratch."

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise unknown("style", self.style, STYLES, "style")

    def start(self, setting: Setting) -> "Oracle":
        """Itself: a program needs no model."""
        return self

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """The right derivation at the Oracle's dose, with its empty words, the other steps native."""
        return [_reply(self._solution(problem)) for problem in problems]

    def repair(
        self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int, fewest: bool = False
    ) -> list[Reply]:
        """Each draft with its logic made right at the set rate; in its own style, or at the Oracle's dose.

        A program leaves right steps as they are in any case, so `fewest` asks it for nothing more.
        """
        return [
            _edited(draft, partial(self._repair, problem, keep_style, attempt))
            for problem, draft in zip(problems, drafts, strict=True)
        ]

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Each draft at the Oracle's dose, its logic as it was; one that cannot be parsed stays as it is."""
        return [
            _edited(draft, partial(self._restyle, problem)) for problem, draft in zip(problems, drafts, strict=True)
        ]

    def locate(self, problems: Sequence[Problem], drafts: Sequence[Sequence[str]], attempt: int) -> list[Reply]:
        """The number of the first wrong step; of a draft that cannot be read, of the first that is no step."""
        asked = zip(problems, drafts, strict=True)
        return [_reply(str(_first_wrong(problem, "".join(steps)) + 1)) for problem, steps in asked]

    def proceed(self, problems: Sequence[Problem], prefixes: Sequence[str], attempt: int) -> list[Reply]:
        """The steps that a beginning lacks, worked out from its numbers, in its last style or at the Oracle's dose.

        They open with the Oracle's empty words where they are in its style: it writes them from scratch.
        """
        return [_reply(self._rest(*pair)) for pair in zip(problems, prefixes, strict=True)]

    def _rest(self, problem: Problem, prefix: str) -> str:
        asked, said = puzzle.read(problem.question), [each.step for each in grammar.placed(prefix)]
        stated = {step.name: step.result for step in said}
        whole = derive(asked, lambda i, fact: stated.get(asked.definitions[i].name, puzzle.result(fact)))
        rest = replace(whole, steps=tuple(step for step in whole.steps if step.name not in stated))
        styled = self._in_style(problem, rest.wholly(said[-1].style if said else NATIVE))
        return grammar.render(styled, self.fillers, self.style)

    def _solution(self, problem: Problem) -> str:
        right = self._in_style(problem, derive(puzzle.read(problem.question)))
        return grammar.render(right, self.fillers, self.style)

    def _restyle(self, problem: Problem, draft: Derivation | None) -> Derivation | None:
        return draft and self._in_style(problem, draft)

    def _repair(self, problem: Problem, keep_style: bool, attempt: int, draft: Derivation | None) -> Derivation | None:
        mended, asked = draft, puzzle.read(problem.question)
        wrong = draft is None or not is_right(draft, asked)
        if wrong and _draw(problem, "repair", attempt) < self.repair_rate:
            mended = _mended(draft, derive(asked))
        return mended if mended is None or keep_style else self._in_style(problem, mended)

    def _in_style(self, problem: Problem, derivation: Derivation) -> Derivation:
        # Whole traces: steps that switch between styles would be a surprise of their own, the most so at half a dose.
        return derivation.wholly(self.style) if _draw(problem, "style", 0) < self.dose else derivation


def _edited(draft: str, edit: Callable[[Derivation | None], Derivation | None]) -> Reply:
    """The draft after an edit of its derivation; the draft itself where the edit has nothing to say."""
    edited = edit(grammar.parse(draft))
    return _reply(draft if edited is None else grammar.render(edited))


def _mended(draft: Derivation | None, right: Derivation) -> Derivation:
    """The right derivation with the draft's right steps as they are, the others in the styles it has at their places.

    A place that the draft does not have is in the style of its closing; what cannot be read is written anew, native.
    """
    if draft is None:
        return right.wholly(NATIVE)
    places = [step.style for step in draft.steps]
    places += [draft.closing] * (len(right.steps) - len(places))
    said = {replace(step, style=NATIVE): step.style for step in draft.steps}
    styles = {i: said.get(step, places[i]) for i, step in enumerate(right.steps)}
    return right.styled(styles | {len(right.steps): draft.closing})


def _first_wrong(problem: Problem, draft: str) -> int:
    return first_wrong([each.step for each in grammar.placed(draft)], puzzle.read(problem.question))


def _draw(problem: Problem, what: str, i: int) -> float:
    """A number from [0, 1) that belongs to the problem, so that Oracles of several doses share it."""
    return random.Random(derive_seed(0, "program", problem.id, what, i)).random()


def _reply(text: str) -> Reply:
    return Reply(text, tokens=len(text.split()))
