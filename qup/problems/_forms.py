r"""How a gold answer is written: as its data set has it, or without what the data set's own writing adds to it.

>>> formed("27.0", "number", "row 1"), formed("033", "number", "row 1"), formed(r"$\frac{1}{2}$", "math", "row 1")
('27', '33', '\\frac{1}{2}')
>>> formed("$5,120$", "math", "row 1", several=True)
'5, 120'
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Literal

from qup.errors import SettingsError, shown

Form = Literal["text", "number", "math"]
"text: as it stands; number: 27.0 is 27 and 033 is 33; math: without its dollars, a list's commas with a space."
DOLLAR = re.compile(r"(?<!\\)\$")
COMMA = re.compile(r"(?<!\\),\s*")
r"No `\,`, which is a space."


def formed(answer: str, form: Form, where: str, *, several: bool = False) -> str:
    """An answer in its form. Of `several` answers, `5,120` is a list; without a space it would read as a number.

    Raises:
        SettingsError: a number is expected, and it is none.
    """
    if form == "number":
        return _number(answer, where)
    if form == "math":
        answer = DOLLAR.sub("", answer).strip()
        return COMMA.sub(", ", answer) if several else answer
    return answer


def _number(answer: str, where: str) -> str:
    try:
        value = Decimal(answer.strip())
        if value.is_finite():
            return format(value.normalize(), "f")
    except InvalidOperation:
        pass
    raise SettingsError(f"{where}: expected a number for an answer, got {shown(answer)}")
