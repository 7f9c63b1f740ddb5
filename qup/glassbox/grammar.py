"""From derivations to text in any mixture of styles, and from such a text back to the derivation, exactly."""

from qup.glassbox.derivation import Derivation, Step
from qup.glassbox.style import FILLERS, ORACLE, STYLES


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


def parse(text: str) -> Derivation | None:
    """The derivation that a text states, in whichever styles; None if any part of it is not of this grammar."""
    steps: list[Step] = []
    at = 0
    while (closing := _read_closing(text, at)) is None:
        if (found := _read_step(text, at)) is None:
            return None
        step, at = found
        steps.append(step)
    answer, style = closing
    return Derivation(tuple(steps), answer, style)


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
