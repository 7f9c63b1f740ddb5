"""From derivations to text in any mixture of styles, and from such a text back to the derivation, exactly."""

import re
from dataclasses import dataclass

from qup.glassbox.derivation import Derivation, Step
from qup.glassbox.style import FILLERS, ORACLE, STYLES

EMPTY = re.compile(rf"(?:(?:{'|'.join(FILLERS)}) )*")


def render(derivation: Derivation, fillers: int = 0, wordy: str = ORACLE) -> str:
    """A derivation as text, each step in its own style, those in the style `wordy` after `fillers` empty words."""
    steps = [_step(step, fillers if step.style == wordy else 0) for step in derivation.steps]
    return " ".join([*steps, STYLES[derivation.closing].closing.format(answer=derivation.answer)])


def _step(step: Step, fillers: int) -> str:
    left, right = (
        operand if operand.isdigit() else f"{operand} {taken}"
        for operand, taken in zip((step.left, step.right), step.numbers, strict=True)
    )
    said = STYLES[step.style].step.format(name=step.name, op=step.op, left=left, right=right, result=step.result)
    return " ".join([*(FILLERS[i % len(FILLERS)] for i in range(fillers)), said])


@dataclass(frozen=True)
class Placed:
    """A step and where it stands in a text: its empty words, the step, the space behind it."""

    step: Step
    start: int
    end: int


def placed(text: str) -> list[Placed]:
    """The steps that a text begins with, up to the first part that is none."""
    steps: list[Placed] = []
    at = 0
    while found := _read_step(text, at):
        step, end = found
        steps.append(Placed(step, at, end))
        at = end
    return steps


def parse(text: str) -> Derivation | None:
    """The derivation that a text states, in whichever styles; None if any part of it is not of this grammar."""
    steps = placed(text)
    closing = _read_closing(text, steps[-1].end if steps else 0)
    return closing and Derivation(tuple(each.step for each in steps), *closing)


def rewritten(text: str, derivation: Derivation) -> str:
    """A text that can be parsed with the steps of another derivation, as many, in their places; empty words stay."""
    parts = []
    for each, step in zip(placed(text), derivation.steps, strict=True):
        empty = EMPTY.match(text, each.start)
        parts.append(f"{empty[0] if empty else ''}{_step(step, 0)} ")
    return "".join([*parts, STYLES[derivation.closing].closing.format(answer=derivation.answer)])


def split(text: str) -> list[str] | None:
    """The text of each step, then that of the closing; None where `parse` gives none."""
    parts: list[str] = []
    at = 0
    while _read_closing(text, at) is None:
        if (found := _read_step(text, at)) is None:
            return None
        parts.append(text[at : found[1]].strip())
        at = found[1]
    return [*parts, text[at:]]


def _read_closing(text: str, at: int) -> tuple[int, str] | None:
    """The answer and the style of a closing that goes from `at` to the end."""
    for name, style in STYLES.items():
        if match := style.closings.fullmatch(text, at):
            return int(match["answer"]), name
    return None


def _read_step(text: str, at: int) -> tuple[Step, int] | None:
    """The step that starts at `at` and where the next one starts."""
    for name, style in STYLES.items():
        if match := style.steps.match(text, at):
            numbers = int(match["one"]), int(match["two"])
            left, right = match["left"] or match["one"], match["right"] or match["two"]
            return Step(match["name"], left, match["op"], right, numbers, int(match["result"]), name), match.end()
    return None
