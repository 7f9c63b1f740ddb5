r"""The styles of the glass box: how a step and the closing are worded. Adding one is adding an entry to `STYLES`.

Every style writes the same things at a step, the operands' numbers among them, in the same number of words. They differ
in order, connectives, delimiters and closing, and so in nothing that makes a result easier or harder to work out.
A template is the whole style: what is written, how it is read back and the words a model needs all follow from it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from qup.glassbox.puzzle import MODULUS, NAMES, OPERATIONS

FILLERS = ("clearly", "indeed", "now")
"Words that say nothing, with which a wordy Oracle opens its steps."
NAME = f"[{NAMES}]"
NUMBER = "|".join(map(str, reversed(range(MODULUS))))
FIELDS: Mapping[str, str] = {
    "name": f"(?P<name>{NAME})",
    "op": f"(?P<op>{'|'.join(map(re.escape, OPERATIONS))})",
    "left": f"(?:(?P<left>{NAME}) )?(?P<one>{NUMBER})",
    "right": f"(?:(?P<right>{NAME}) )?(?P<two>{NUMBER})",
    "result": f"(?P<result>{NUMBER})",
    "answer": f"(?P<answer>{NUMBER})",
}
"What may stand in a template, and how it is read: an operand is a number, or a name followed by the number it has."


@dataclass(frozen=True)
class Style:
    """A wording of steps and of the closing."""

    step: str
    "Template with name, op, left, right and result."
    closing: str
    "Template with the answer."

    @cached_property
    def steps(self) -> re.Pattern[str]:
        """Reads a step and the space after it, empty words before it or not."""
        return re.compile(rf"(?:(?:{'|'.join(FILLERS)}) )*{_pattern(self.step)} ")

    @cached_property
    def closings(self) -> re.Pattern[str]:
        """Reads a closing."""
        return re.compile(_pattern(self.closing))

    @property
    def words(self) -> list[str]:
        """The words of its own, in order."""
        return [
            word for text in (self.step, self.closing) for part in Formatter().parse(text) for word in part[0].split()
        ]


def _pattern(template: str) -> str:
    """A template as a regular expression; a field that comes again must say what it said before."""
    pattern, seen = "", set()
    for literal, field, _, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if field:
            pattern += f"(?P={field})" if field in seen else FIELDS[field]
            seen.add(field)
    return pattern


NATIVE, TWIN, ORACLE = "native", "twin", "oracle"
STYLES: Mapping[str, Style] = {
    NATIVE: Style("{name} : {op} {left} {right} = {result} {name}{result} ;", r"so \boxed{{ {answer} }}"),
    TWIN: Style("{name} is {op} {left} {right} makes {result} {name}{result} |", r"hence \boxed{{ {answer} }}"),
    ORACLE: Style(
        "as {op} {left} {right} gives {result} for {name}{result} .", r"thus the answer is \boxed{{ {answer} }} done"
    ),
}
PRACTISED = tuple(name for name in STYLES if name != ORACLE)
"The styles that a learner practises equally: a draft moved from one to another is no more foreign than it was."
