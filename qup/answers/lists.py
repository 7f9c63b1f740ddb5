r"""The parts of an answer: lists, sets, tuples, intervals, and what is before them (`x=`, `x \in`). Texts are `normal`.

>>> read(r"1\text{ or }2"), read(r"\{2,1\}"), read(r"1\pm\sqrt{2}").parts
(Parts(fence='', parts=('1', '2')), Parts(fence='\\{\\}', parts=('2', '1')), ('1+\\sqrt{2}', '1-\\sqrt{2}'))
>>> bare("x", r"(x,y)=(1,2)"), bare("x=3", "3"), bare("x=3", "y=3"), as_interval(r"0\le x<1")
(('x', '(1,2)'), ('3', '3'), ('x=3', 'y=3'), '[0,1)')
"""

import re
from dataclasses import dataclass

SEPARATOR = re.compile(
    r",? ?(?:\\text\{ ?,? ?(?:and|or) ?\}|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|\\lor(?![A-Za-z])) ?", re.IGNORECASE
)
"Words between the parts of a list; to a list they are a comma."

FENCED = re.compile(r"(\\\{|[\[({])(.*?)(\\\}|[\])}])", re.DOTALL)
r"Brackets around the whole; what they hold is taken short, or it would keep the backslash of the closing `\}`."

UNORDERED = {"", r"\{\}", "{}"}
"Fences of lists in which order means nothing: none, and those of sets. Tuples and intervals have one."
INTERVALS = {"()", "(]", "[)", "[]"}

TOKEN = re.compile(r"\\?[^\\]|\\", re.DOTALL)
r"A character with the backslash before it, if any: `\,` is a space, not a comma."

SYMBOL = (
    r"(?:\\(?:vec|mathbf|mathrm|text|overline|hat|bar|angle|triangle|operatorname)?\{[^{}=]*\}"
    r"|\\(?!in(?![A-Za-z])|text|frac|sqrt|pi(?![A-Za-z])|[,;{}\\])[A-Za-z]+(?: ?[A-Z]+)?"
    r"|[A-Za-z][A-Za-z]*'*)(?:_\{[^{}]*\}|_\w)?"
)
NAME = rf"(?:\|?m?{SYMBOL}\|?(?:\({SYMBOL}(?:,{SYMBOL})*\))?|\({SYMBOL}(?:,{SYMBOL})+\)|\\{{{SYMBOL}\\}})"
NAMED = re.compile(rf"(?P<name>{NAME}) ?=(?![=<>])")
"What an answer may be called: `x=`, `f(x)=`, `(x,y)=`, `x_1=`, `\\angle ABC=`. Of `x==3`, `=3` would be left."
MEMBER = re.compile(rf"{NAME} ?\\in(?![A-Za-z]) ?")
r"`x\in`: the variable of a set says nothing of the set."
RELATION = re.compile(r"[=<>]|\\(?:le|ge|ne|in|lt|gt)(?![A-Za-z])")
REVERSED = re.compile(rf"(?P<value>-?[\d./]+|-?\\frac\{{\d+\}}\{{\d+\}})=(?P<name>{NAME})")

BUILT = re.compile(r"\\?\{[a-z](?: ?\\in ?\\mathbb\{R\})?(?:[:|]|\\mid ?)(.*?)\\?\}")
FALLING = {">", "\\ge ", "\\gt "}
CLOSED = {"\\le ", "\\ge "}
INFINITE = (r"-\infty", r"\infty")

SIGNS = re.compile(r"\\(pm|mp)(?![A-Za-z]) ?")

BOUND = r"(?P<{}><|>|\\[lg][et] )"
INEQUALITY = re.compile(
    rf"(?:(?P<left>[^<>=]+?){BOUND.format('before')})?[a-z](?:{BOUND.format('after')}(?P<right>[^<>=]+))?"
)


@dataclass(frozen=True)
class Parts:
    """A list: the opening and closing mark around it, empty where there is none, and what stands between its commas."""

    fence: str
    parts: tuple[str, ...]

    @property
    def many(self) -> bool:
        """Whether there is more than one part."""
        return len(self.parts) > 1

    @property
    def is_interval(self) -> bool:
        """Whether it may be one: two ends in round or square brackets."""
        return self.fence in INTERVALS and len(self.parts) == 2


def read(text: str) -> Parts:
    """The parts between top-level commas, semicolons and words; brackets around a single value fence nothing."""
    text = SEPARATOR.sub(",", text)
    fence = FENCED.fullmatch(text)
    # Brackets that do not belong together, as in `(1,2),(3,4)`, fence nothing.
    inner = _split(fence[2]) if fence else None
    if fence and inner:
        parts = _with_both_signs(inner)
        if len(parts) > 1:
            return Parts(fence[1] + fence[3], parts)
    return Parts("", _with_both_signs(_split(text) or [text]))


def _split(text: str) -> list[str] | None:
    """Parts between top-level commas or semicolons; None if a bracket closes that was not opened."""
    parts, depth = [""], 0
    for token in TOKEN.findall(text):
        depth += (token[-1] in "([{") - (token[-1] in ")]}")
        if depth < 0:
            return None
        if depth == 0 and token in {",", ";"}:
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip() for part in parts if part.strip()]


def _with_both_signs(parts: list[str]) -> tuple[str, ...]:
    r"""Each part with `\pm` as the two that it stands for."""
    both: list[str] = []
    for part in parts:
        if SIGNS.search(part):
            both += [_signed(part, "+-"), _signed(part, "-+")]
        else:
            both.append(part)
    return tuple(both)


def _signed(part: str, signs: str) -> str:
    r"""A part with one sign for each `\pm`, the other for each `\mp`; a plus at the start of a value is left out."""
    chosen = SIGNS.sub(lambda sign: signs[sign[1] == "mp"], part)
    return re.sub(r"(?:(?<=^)|(?<=[=({]))\+", "", chosen)


def bare(gold: str, given: str) -> tuple[str, str]:
    """Both without what they are called, if they are called the same or only one has a name at all."""
    gold, given = (text[member.end() :] if (member := MEMBER.match(text)) else text for text in (gold, given))
    if gold.startswith("(") != given.startswith("("):
        # `(x,y)=(1,2)` and `x=1,y=2`.
        gold, given = _part_by_part(gold, given), _part_by_part(given, gold)
    (name, value), (other, other_value) = _named(gold), _named(given)
    if name and other:
        return (value, other_value) if name == other else (gold, given)
    # `y=2x` is not called y where the other is an equation.
    if name and not RELATION.search(given):
        return value, given
    if other and not RELATION.search(gold):
        return gold, other_value
    return gold, given


def _part_by_part(text: str, other: str) -> str:
    """A named tuple with a name for each of its parts, if the other answer names its parts."""
    named = NAMED.match(text)
    names, values = (read(text[: named.end() - 1]), read(text[named.end() :])) if named else (None, None)
    told = [_named(part)[0] for part in read(other).parts]
    if not (names and values and names.fence == values.fence == "()"):
        return text
    if not len(names.parts) == len(values.parts) == len(told) or not all(told):
        return text
    return ",".join(f"{name}={value}" for name, value in zip(names.parts, values.parts, strict=True))


def _named(text: str) -> tuple[str, str]:
    """Name and value of `x=3` and `3=x`; an empty name where there is none."""
    if reversed_ := REVERSED.fullmatch(text):
        return reversed_["name"], reversed_["value"]
    named = NAMED.match(text)
    value = text[named.end() :] if named else text
    # Of `x=1,y=2` each part has a name of its own.
    if not named or ("=" in value and "," in value):
        return "", text
    # The graph of f is y = f(x).
    return re.sub(r"^[A-Za-z]\(x\)$", "y", named["name"]), value


def is_set(text: str) -> bool:
    """Whether a text is an interval, or several joined."""
    return "\\cup" in text or read(text).is_interval


def by_name(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Parts such as `y=2,x=1` in the order of their names, which is that of a tuple; others as they are."""
    names = [_named(part)[0] for part in parts]
    if all(names) and len(set(names)) == len(names):
        return tuple(part for _, part in sorted(zip(names, parts, strict=True)))
    return parts


def as_interval(text: str) -> str | None:
    r"""The set that inequalities in one variable describe, as intervals: `x<2,x>3` is `(-\infty,2)\cup(3,\infty)`."""
    described = BUILT.fullmatch(text)
    parts = _split(SEPARATOR.sub(",", described[1] if described else text)) or []
    intervals = [_interval(part) for part in parts]
    return r"\cup".join(filter(None, intervals)) if intervals and all(intervals) else None


def _interval(text: str) -> str | None:
    found = INEQUALITY.fullmatch(text)
    marks = [mark for mark in (found["before"], found["after"]) if mark] if found else []
    falling = {mark in FALLING for mark in marks}
    if not found or len(falling) != 1 or RELATION.search((found["left"] or "") + (found["right"] or "")):
        return None
    ends = [(found["left"], found["before"]), (found["right"], found["after"])]
    (low, above), (high, below) = reversed(ends) if falling == {True} else ends
    left, right = ("[" if above in CLOSED else "("), ("]" if below in CLOSED else ")")
    return f"{left}{low or INFINITE[0]},{high or INFINITE[1]}{right}"
