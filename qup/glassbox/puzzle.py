"""Problems of the glass box: a few given numbers, then names defined one by the other; the last one is asked for.

A question is words and nothing else: `b7 , e3 , d : + b 4 , a : - d e ? a`, where d is b + 4 and a is d - e. Numbers go
from 0 to 12; a number, a name and a name with its number (`b7`) are a token each. The sign comes first, so that a step
opens as its definition does: between the operands it was learnt last, in some seeds never.
Problems are drawn so that no right result leaves these numbers; what an error carries on wraps around modulo 13.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MODULUS = 13
NAMES = "abcdefghij"
OPERATIONS: Mapping[str, Callable[[int, int], int]] = {
    "+": lambda a, b: (a + b) % MODULUS,
    "-": lambda a, b: (a - b) % MODULUS,
}
Fact = tuple[str, int, int]
"An operation applied to two numbers: +, 7 and 4, whose result is 11."
GIVEN = 2
"Names that a problem gives the number of."
LONGEST = len(NAMES) - GIVEN
"Most steps a chain can have before the names run out."
DEFINITION = re.compile(r"([a-j]) : ([-+]) ([a-j]|\d+) ([a-j]|\d+)")
CONSTANT = re.compile(r"([a-j])(\d+)")


@dataclass(frozen=True)
class Definition:
    """`name : op left right`; an operand is a name defined before or a number."""

    name: str
    left: str
    op: str
    right: str

    def fact(self, numbers: Mapping[str, int]) -> Fact:
        """What it comes to once the names before it have numbers."""
        return self.op, number(self.left, numbers), number(self.right, numbers)


@dataclass(frozen=True)
class Puzzle:
    """What a question says; each definition is one step of the chain."""

    given: tuple[tuple[str, int], ...]
    definitions: tuple[Definition, ...]

    def question(self) -> str:
        """The question as text."""
        parts = [f"{name}{value}" for name, value in self.given]
        parts += [f"{d.name} : {d.op} {d.left} {d.right}" for d in self.definitions]
        return f"{' , '.join(parts)} ? {self.definitions[-1].name}"


def number(operand: str, numbers: Mapping[str, int]) -> int:
    """The value of an operand, by `numbers` if it is a name.

    Raises:
        KeyError: a name that is not known.
    """
    return int(operand) if operand.isdigit() else numbers[operand]


def result(fact: Fact) -> int:
    """The right result of a fact, modulo 13."""
    op, a, b = fact
    return OPERATIONS[op](a, b)


def fits(fact: Fact) -> bool:
    """Whether a fact's result does not leave the numbers from 0 to 12, so that nothing wraps around."""
    op, a, b = fact
    return a + b < MODULUS if op == "+" else a >= b


def draw(rng: random.Random, steps: int) -> Puzzle:
    """A problem of `steps` steps, each of which needs the one before it."""
    names = rng.sample(NAMES, GIVEN + steps)
    given = {name: rng.randrange(MODULUS) for name in names[:GIVEN]}
    numbers, definitions = dict(given), []
    for i in range(GIVEN, GIVEN + steps):
        definitions.append(_define(rng, names[i], names[i - 1], numbers))
        numbers[names[i]] = result(definitions[-1].fact(numbers))
    return Puzzle(tuple(given.items()), tuple(definitions))


def _define(rng: random.Random, name: str, before: str, numbers: Mapping[str, int]) -> Definition:
    """A definition by the name before it and a number or any earlier name, whose result does not wrap around."""
    earlier = [other for other in numbers if other != before]
    other = str(rng.randrange(MODULUS)) if rng.random() < 1 / 2 else rng.choice(earlier)
    a, b = numbers[before], number(other, numbers)
    ways = [Definition(name, before, "-", other) if fits(("-", a, b)) else Definition(name, other, "-", before)]
    if fits(("+", a, b)):
        ways += [Definition(name, before, "+", other), Definition(name, other, "+", before)]
    return rng.choice(ways)


def read(question: str) -> Puzzle:
    """The problem a question states.

    Raises:
        ValueError: it is not a question of this world.
    """
    body, _, asked = question.partition(" ? ")
    given: list[tuple[str, int]] = []
    definitions: list[Definition] = []
    for part in body.split(" , "):
        if constant := CONSTANT.fullmatch(part):
            given.append((constant[1], int(constant[2])))
        elif definition := DEFINITION.fullmatch(part):
            name, op, left, right = definition.groups()
            definitions.append(Definition(name, left, op, right))
        else:
            raise ValueError(f"not a definition of the glass box: {part!r}")
    if not definitions or definitions[-1].name != asked:
        raise ValueError(f"a question asks for the last name it defines, this one for {asked!r}: {question!r}")
    return Puzzle(tuple(given), tuple(definitions))
