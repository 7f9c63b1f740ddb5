r"""Other layouts and wordings of a trace that say the same: what a reward makes of them it makes of style alone.

A restyle is a small pure function of the text; none asks a model. The trace's numbers, in their order, its equations'
values and its final answer stay as they were, and what would change its numbers after all is no restyle of it. Traces
of the glass box have a grammar, so there the one restyle is exact: the same derivation in the twin style, which the
learner practises as much as its own.

Adding one is adding a function and its entry in `RESTYLES`.

>>> RESTYLES["flat"]("2+3=5\nso \\boxed{5}")
'2+3=5 so \\boxed{5}'
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from qup.glassbox import SOURCE, grammar
from qup.glassbox.style import NATIVE, TWIN
from qup.records import Problem, Trace

Restyle = Callable[[str], str]
BOUND = 60
"Problems of which a sample is restyled: a reward model then has at most six times as many passes more."
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
ITEM = re.compile(r"^\s*(?:[-+*#|>]|```)", re.MULTILINE)
"A line whose beginning is markup, or may be a sign."
BLOCK = re.compile(r"```|\\begin\{|\$\$|\\\[")
"What line breaks and markers within may break."
OPENING = re.compile(
    r"(?P<before>^|[.;:]\s+)(?P<word>so|thus|hence|therefore|then|now|first|next|finally|since|because)\b",
    re.MULTILINE | re.IGNORECASE,
)
"A connective that opens a sentence."


def flat(text: str) -> str:
    """All on one line; a text in which a line begins with markup or a sign is left as it is."""
    return text if ITEM.search(text) else " ".join(line.strip() for line in text.splitlines() if line.strip())


def airy(text: str) -> str:
    """A blank line between every two lines."""
    return text if BLOCK.search(text) else "\n\n".join(line for line in text.splitlines() if line.strip())


def bulleted(text: str) -> str:
    """A bullet before every line."""
    if BLOCK.search(text) or ITEM.search(text):
        return text
    return "\n".join(f"• {line}" if line.strip() else line for line in text.splitlines())


def dotted(text: str) -> str:
    r"""Another sign of multiplication between two numbers: `\times` becomes `\cdot`, `*` becomes `×`."""
    text = re.sub(r"(?<=\d)(\s*)\\times(\s*)(?=\d)", r"\1\\cdot\2", text)
    return re.sub(r"(?<=\d)(\s*)\*(\s*)(?=\d)", r"\1×\2", text)


def tight(text: str) -> str:
    """No space around the sign of equality."""
    return re.sub(r"(?<=\S)[ \t]+=[ \t]+(?=\S)", "=", text)


def recased(text: str) -> str:
    """The connective that opens a sentence with a small letter instead of a capital one, or the other way round."""
    return OPENING.sub(lambda found: found["before"] + found["word"][0].swapcase() + found["word"][1:], text)


RESTYLES: Mapping[str, Restyle] = {each.__name__: each for each in (flat, airy, bulleted, dotted, tight, recased)}
"By name; of traces that are plain text."


def twin(text: str) -> str:
    """A trace of the glass box in the twin style, in native style where it is all twin; without its empty words."""
    derivation = grammar.parse(text)
    if derivation is None:
        return text
    return grammar.render(derivation.wholly(NATIVE if derivation.shares[TWIN] == 1 else TWIN))


def of(problem: Problem, text: str) -> dict[str, str]:
    """Every restyle of a trace that changes it, by its name; none where it would change a number."""
    if problem.source == SOURCE:
        # There a line break is no word, and what is not of the grammar is no trace.
        return {"twin": restyled} if (restyled := twin(text)) != text else {}
    made = {name: restyle(text) for name, restyle in RESTYLES.items()}
    return {name: new for name, new in made.items() if new != text and NUMBER.findall(new) == NUMBER.findall(text)}


def most(sources: Collection[str]) -> int:
    """How many restyles a trace may have, of problems of these sources."""
    return max(1 if source == SOURCE else len(RESTYLES) for source in sources)


def chosen(problems: Sequence[Problem], samples: Sequence[Trace]) -> list[tuple[Trace, str, str]]:
    """(sample, restyle, restyled text) of the first sample that came to an end of each of the first problems."""
    by_id = {problem.id: problem for problem in problems}
    first: dict[str, Trace] = {}
    for trace in samples:
        if trace.ended:
            first.setdefault(trace.problem_id, trace)
    return [
        (trace, name, text)
        for trace in list(first.values())[:BOUND]
        for name, text in of(by_id[trace.problem_id], trace.text).items()
    ]
