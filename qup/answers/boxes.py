r"""Where a completion says its answer: the last complete `\boxed{...}` outside of any thinking.

One pass over the text, so that the time is linear in its length whatever stands in it.

>>> extract(r"so \boxed{\frac{1}{2}}.")
'\\frac{1}{2}'
>>> extract(r"<think>\boxed{3}? no.</think> It is \boxed{4}."), extract(r"<think>Perhaps \boxed{3}")
('4', None)
"""

import re

TOKEN = re.compile(
    r"\\{1,2}(?:boxed|fbox)(?:\s*\{|\s+(?P<bare>-?\d+(?:[.,/]\d+)*|[A-Za-z])"
    r"(?=\s*(?:\$|\\[)\]]|\Z|(?:and|or)\b|[.,;](?:\s|\Z))))|\\.|[{}]",
    re.DOTALL,
)
r"""A box that opens, or `\boxed 4`; a backslash and what it escapes (`\}` closes nothing), or a brace. Some models
write `\\boxed`."""

THOUGHT = re.compile(
    r"<(?P<xml>/?)(?:seed:)?(?:think|thinking|thought|reasoning)>|\[(?P<square>/?)THINK\]|◁(?P<angle>/?)think▷"
    r"|<\|(?:begin|(?P<end>end))_of_thought\|>|<\|channel\|>(?:analysis|commentary|(?P<final>final))",
    re.IGNORECASE,
)
"The marks around a block of thinking, as the models write them that have one."

BETWEEN = re.compile(
    r"[\s$.*]*(?:\\[\])])?[\s$]*(?:[,;]|(?:,\s*)?(?:\\text\{\s*)?\b(?:and|or)\b(?:\s*\})?)"
    r"[\s$*]*(?:\\[\[(])?[\s$]*(?:[A-Za-z](?:_\{?\w\}?)?\s*=\s*)?"
)
"What may stand between two boxes that are one answer together: a comma, `and` or `or`, dollar signs, `x=`."
APART = 40
"Characters; boxes further apart are not one answer, whatever is between them."


def extract(text: str) -> str | None:
    r"""The content of the last complete box, nested braces and all; None if there is none but empty ones.

    Boxes with no more than `and`, `or` or a comma between them are one answer: `\boxed{1} and \boxed{2}` is `1, 2`.
    Thinking is no answer: what stands after the last `</think>` is all that counts, and an unfinished block is cut off.
    """
    said = spoken(text)
    answer: dict[str, None] = {}
    first = None
    for start, opened, end, after in reversed(_boxes(said)):
        if first is None and not said[opened:end].strip():
            continue
        if first is not None and not (0 <= first - after < APART and BETWEEN.fullmatch(said, after, first)):
            break
        # The same again is no second answer.
        answer.setdefault(said[opened:end].strip())
        first = start
    return ", ".join(filter(None, reversed(answer))) or None


def spoken(text: str) -> str:
    """A completion without its thinking; the template may have opened the block, so a closing mark is enough."""
    begin, opened = 0, None
    for mark in THOUGHT.finditer(text):
        if any(mark.groups()):
            begin, opened = mark.end(), None
        elif opened is None:
            opened = mark.start()
    return text[begin:opened]


def _boxes(text: str) -> list[tuple[int, int, int, int]]:
    """Start of the command, start and end of its content, end of it, of each complete box, by where they start."""
    unclosed: list[tuple[int, int] | None] = []
    boxes = []
    for token in TOKEN.finditer(text):
        mark = token.group()
        if mark == "{":
            unclosed.append(None)
        elif token["bare"]:
            boxes.append((token.start(), *token.span("bare"), token.end()))
        elif mark.endswith("{") and len(mark) > 2:
            unclosed.append(token.span())
        elif mark == "}" and unclosed and (box := unclosed.pop()):
            boxes.append((*box, token.start(), token.end()))
    # Words about a box are none, where there is one with braces.
    return sorted(box for box in boxes if text[box[3] - 1] == "}") or sorted(boxes)
