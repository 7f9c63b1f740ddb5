"""A worked solution as steps of logic, right or wrong, each in a style, and where it goes wrong.

An error is a wrong result at one step; what follows is worked out from it faithfully, so the error is carried on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from qup.glassbox.puzzle import Definition, Fact, Puzzle, number, result
from qup.glassbox.style import NATIVE, ORACLE, STYLES

Reckon = Callable[[int, Fact], int]
"What a solver says step i comes to, given the fact that it has come to by then."


@dataclass(frozen=True)
class Step:
    """`name = left op right`, with the numbers taken for the operands, and the result; a number stands for itself."""

    name: str
    left: str
    op: str
    right: str
    numbers: tuple[int, int]
    result: int
    style: str = NATIVE

    @property
    def fact(self) -> Fact:
        """The fact it uses, whatever result it gives."""
        return self.op, *self.numbers


@dataclass(frozen=True)
class Derivation:
    """Steps and the answer in the box; the closing phrase has a style of its own."""

    steps: tuple[Step, ...]
    answer: int
    closing: str = NATIVE

    @property
    def shares(self) -> dict[str, float]:
        """Each style's share of the steps, the closing included."""
        worn = [*(step.style for step in self.steps), self.closing]
        return {style: worn.count(style) / len(worn) for style in STYLES}

    @property
    def dose(self) -> float:
        """The share of the Oracle's style."""
        return self.shares[ORACLE]

    def styled(self, styles: Mapping[int, str]) -> "Derivation":
        """The same logic with step i in `styles[i]`, or as it was; the closing is step `len(steps)`."""
        steps = tuple(replace(step, style=styles.get(i, step.style)) for i, step in enumerate(self.steps))
        return replace(self, steps=steps, closing=styles.get(len(steps), self.closing))

    def wholly(self, style: str) -> "Derivation":
        """The same logic in one style."""
        return self.styled(dict.fromkeys(range(len(self.steps) + 1), style))


def rightly(step: int, fact: Fact) -> int:
    """The right result at every step."""
    return result(fact)


def erring(errors: Mapping[int, int]) -> Reckon:
    """The right result at every step but those that have an error, whose results are given."""
    return lambda step, fact: errors.get(step, result(fact))


def derive(puzzle: Puzzle, reckon: Reckon = rightly) -> Derivation:
    """The derivation of a problem as a solver reckons, in native style."""
    numbers = dict(puzzle.given)
    steps = []
    for i, d in enumerate(puzzle.definitions):
        fact = d.fact(numbers)
        numbers[d.name] = reckon(i, fact)
        steps.append(Step(d.name, d.left, d.op, d.right, fact[1:], numbers[d.name]))
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


def first_wrong(steps: Sequence[Step], puzzle: Puzzle) -> int:
    """The place of the first step that the problem and the steps before it do not bear out; their number if all are.

    Unlike `right_steps` it goes by the order in which they are said: a step whose operand has no number yet is wrong.
    """
    numbers = dict(puzzle.given)
    definitions = {d.name: d for d in puzzle.definitions}
    for i, step in enumerate(steps):
        if step.name not in definitions or not _follows(step, definitions[step.name], numbers):
            return i
        numbers[step.name] = step.result
    return len(steps)


def recalculated(derivation: Derivation) -> Derivation:
    """The same steps with every result what its numbers come to, carried on; what was set up wrongly stays so.

    A number is carried on where an operand has the name and the number that a step before gave, and into the answer
    where it repeats the last result.
    """
    said: dict[str, int] = {}
    right: dict[str, int] = {}
    steps: list[Step] = []
    for step in derivation.steps:
        names = zip((step.left, step.right), step.numbers, strict=True)
        one, two = (right[name] if said.get(name) == taken else taken for name, taken in names)
        steps.append(replace(step, numbers=(one, two), result=result((step.op, one, two))))
        said[step.name], right[step.name] = step.result, steps[-1].result
    repeats = bool(steps) and derivation.answer == derivation.steps[-1].result
    return replace(derivation, steps=tuple(steps), answer=steps[-1].result if repeats else derivation.answer)


def _follows(step: Step, definition: Definition, numbers: Mapping[str, int]) -> bool:
    """Whether a step applies its definition to the numbers known so far and gets the sum right."""
    if (step.left, step.op, step.right) != (definition.left, definition.op, definition.right):
        return False
    if any(not operand.isdigit() and operand not in numbers for operand in (step.left, step.right)):
        return False
    taken = number(step.left, numbers), number(step.right, numbers)
    return step.numbers == taken and step.result == result(step.fact)


def share_right(derivation: Derivation, puzzle: Puzzle) -> float:
    """The share of steps that are right."""
    right = right_steps(derivation, puzzle)
    return sum(right) / len(right)


def is_right(derivation: Derivation, puzzle: Puzzle) -> bool:
    """Whether every step is right and the answer is the last result."""
    return (
        bool(derivation.steps)
        and all(right_steps(derivation, puzzle))
        and derivation.answer == derivation.steps[-1].result
    )
