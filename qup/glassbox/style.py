r"""The two styles of the glass box, native and the Oracle's, and the way back from text to derivation.

The styles differ in everything a style is made of here, and in nothing else:

| | native | Oracle |
|---|---|---|
| order | name, expression, result | expression, result, name |
| granularity | each name is followed by its number | from names straight to the result |
| connectives and delimiters | `:`, `=`, `;` | `as`, `gives`, `for`, `.` |
| closing | `so \boxed{ 2 }` | `thus the answer is \boxed{ 2 } done` |

A step is in one style or the other; the dose of a trace is the share of its steps in the Oracle's.
"""

import re
from collections.abc import Mapping, Sequence

from qup.glassbox.derivation import Derivation, Step
from qup.glassbox.puzzle import Puzzle, number

FILLERS = ("clearly", "indeed", "now")
"Words that say nothing, with which a wordy Oracle opens its steps."
EXPRESSION = r"([-+]) ([a-j]|\d+) ([a-j]|\d+)"
NUMBERED = r"(?:([a-j]) )?(\d+)"
NATIVE = re.compile(rf"([a-j]) : ([-+]) {NUMBERED} {NUMBERED} = (\d+) ([a-j])(\d+) ;")
FOREIGN = re.compile(rf"(?:(?:{'|'.join(FILLERS)}) )*as {EXPRESSION} gives (\d+) for ([a-j])(\d+) \.")
CLOSING = re.compile(r"(so|thus the answer is) \\boxed\{ (\d+) \}( done)?")


def render(derivation: Derivation, fillers: int = 0) -> str:
    """A derivation as text, each step in its own style, the Oracle's after `fillers` empty words."""
    steps = [_foreign(step, fillers) if step.foreign else _native(step) for step in derivation.steps]
    box = f"\\boxed{{ {derivation.answer} }}"
    return " ".join([*steps, f"thus the answer is {box} done" if derivation.foreign else f"so {box}"])


def _native(step: Step) -> str:
    left, right = (
        operand if operand.isdigit() else f"{operand} {taken}"
        for operand, taken in zip((step.left, step.right), step.numbers, strict=True)
    )
    return f"{step.name} : {step.op} {left} {right} = {step.result} {step.name}{step.result} ;"


def _foreign(step: Step, fillers: int) -> str:
    words = "".join(f"{FILLERS[i % len(FILLERS)]} " for i in range(fillers))
    return f"{words}as {step.op} {step.left} {step.right} gives {step.result} for {step.name}{step.result} ."


def parse(text: str, puzzle: Puzzle) -> Derivation | None:
    """The derivation that a text states, in whichever styles; None if any part of it is not of this grammar."""
    numbers = dict(puzzle.given)
    steps: list[Step] = []
    at = 0
    while (closing := CLOSING.match(text, at)) is None:
        step, at = _step(text, at, numbers)
        if step is None:
            return None
        numbers[step.name] = step.result
        steps.append(step)
    foreign = closing[1] != "so"
    if closing.end() != len(text) or foreign != (closing[3] is not None):
        return None
    return Derivation(tuple(steps), int(closing[2]), foreign)


def _step(text: str, at: int, numbers: Mapping[str, int]) -> tuple[Step | None, int]:
    """The step that starts at `at` and where the next one starts."""
    if match := NATIVE.match(text, at):
        name, op, left, one, right, two, result, named, again = match.groups()
        if (name, result) != (named, again):
            return None, at
        return Step(name, left or one, op, right or two, (int(one), int(two)), int(result)), match.end() + 1
    match = FOREIGN.match(text, at)
    if match is None or any(o not in numbers and not o.isdigit() for o in (match[2], match[3])) or match[4] != match[6]:
        return None, at
    op, left, right, result, name, _ = match.groups()
    taken = number(left, numbers), number(right, numbers)
    return Step(name, left, op, right, taken, int(result), foreign=True), match.end() + 1


def doses(draws: Sequence[float], dose: float) -> dict[int, bool]:
    """Which steps are in the Oracle's style at a dose in [0, 1]: those whose draw from [0, 1) is below it.

    The same draws at a higher dose give a superset, so doses differ in nothing but the dose.
    """
    return {i: draw < dose for i, draw in enumerate(draws)}
