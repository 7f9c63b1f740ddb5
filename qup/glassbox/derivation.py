"""A worked solution as steps of logic, right or wrong, and where it goes wrong.

An error is a wrong result at one step; what follows is worked out from it faithfully, so the error is carried on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from qup.glassbox.puzzle import OPERATIONS, Definition, Puzzle, number


@dataclass(frozen=True)
class Step:
    """`name = left op right`, with the numbers taken for the operands, and the result; a number stands for itself.

    In the Oracle's style (`foreign`) the numbers are not written, so there they are what the operands stand for.
    """

    name: str
    left: str
    op: str
    right: str
    numbers: tuple[int, int]
    result: int
    foreign: bool = False


@dataclass(frozen=True)
class Derivation:
    """Steps and the answer in the box; the closing phrase has a style of its own."""

    steps: tuple[Step, ...]
    answer: int
    foreign: bool = False

    @property
    def dose(self) -> float:
        """Share of the steps, the closing phrase included, that are in the Oracle's style."""
        return (sum(step.foreign for step in self.steps) + self.foreign) / (len(self.steps) + 1)

    def styled(self, foreign: Mapping[int, bool], puzzle: Puzzle) -> "Derivation":
        """The same logic with step i in the Oracle's style where `foreign[i]`; the closing is step `len(steps)`."""
        numbers = dict(puzzle.given)
        steps = []
        for i, step in enumerate(self.steps):
            steps.append(_restyled(step, foreign.get(i, step.foreign), numbers))
            numbers[step.name] = step.result
        return Derivation(tuple(steps), self.answer, foreign.get(len(steps), self.foreign))


def _restyled(step: Step, foreign: bool, numbers: Mapping[str, int]) -> Step:
    """A step in a style. Where its operand does not stand for the number taken, the Oracle's style says the number."""
    if not foreign:
        return replace(step, foreign=False)
    left, right = (
        operand if operand == str(taken) or numbers.get(operand) == taken else str(taken)
        for operand, taken in zip((step.left, step.right), step.numbers, strict=True)
    )
    return replace(step, left=left, right=right, numbers=(number(left, numbers), number(right, numbers)), foreign=True)


def derive(puzzle: Puzzle, errors: Mapping[int, int] | None = None) -> Derivation:
    """The derivation of a problem, native in style; step i has the result `errors[i]` if there is one."""
    numbers = dict(puzzle.given)
    steps = []
    for i, d in enumerate(puzzle.definitions):
        taken = number(d.left, numbers), number(d.right, numbers)
        result = OPERATIONS[d.op](*taken)
        numbers[d.name] = result if errors is None else errors.get(i, result)
        steps.append(Step(d.name, d.left, d.op, d.right, taken, numbers[d.name]))
    return Derivation(tuple(steps), steps[-1].result)


def right_steps(derivation: Derivation, puzzle: Puzzle) -> list[bool]:
    """For each step of the problem, whether the derivation takes it rightly from what it has said before.

    A step after an error that carries it on faithfully is right; one that is left out is not. A step that the problem
    does not have counts as one more that is not right.
    """
    numbers = dict(puzzle.given)
    definitions = {d.name: d for d in puzzle.definitions}
    right = dict.fromkeys(definitions, False)
    extra = 0
    for step in derivation.steps:
        if step.name in definitions:
            right[step.name] = _follows(step, definitions[step.name], numbers)
        else:
            extra += 1
        numbers[step.name] = step.result
    return [*right.values(), *[False] * extra]


def _follows(step: Step, definition: Definition, numbers: Mapping[str, int]) -> bool:
    """Whether a step applies its definition to the numbers known so far and gets the sum right."""
    if (step.left, step.op, step.right) != (definition.left, definition.op, definition.right):
        return False
    if any(not operand.isdigit() and operand not in numbers for operand in (step.left, step.right)):
        return False
    taken = number(step.left, numbers), number(step.right, numbers)
    return step.numbers == taken and step.result == OPERATIONS[step.op](*taken)


def is_right(derivation: Derivation, puzzle: Puzzle) -> bool:
    """Whether every step is right and the answer is the last result."""
    return (
        bool(derivation.steps)
        and all(right_steps(derivation, puzzle))
        and derivation.answer == derivation.steps[-1].result
    )
