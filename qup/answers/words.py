r"""Answers that are no formula: words, letters of multiple choice, dates, times of day. Texts are `normal` ones.

To math-verify, `yes` is the product of three variables and so `sye`, and 2024-03-05 is 2016, as is 2024-05-03.

>>> judged("2024-03-05", "March 5,2024"), judged("(B)", "b"), spelt("yes", "sye"), spelt("1/2", "0.5")
(True, True, False, None)
"""

import re

from qup.answers.notation import normal

TEXT = re.compile(r"\\text\{([^{}]*)\}")

NUMBERS = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty",
)
SAYS = {
    **{word: str(n) for n, word in enumerate(NUMBERS)},
    **{"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"},
    **{"hundred": "100", "one hundred": "100", "thousand": "1000", "one thousand": "1000"},
    **{"one half": "1/2", "half": "1/2", "one third": "1/3", "two thirds": "2/3", "one fourth": "1/4"},
    **{"one quarter": "1/4", "three quarters": "3/4", "three fourths": "3/4"},
    **{"infinity": r"\infty", "positive infinity": r"\infty", "negative infinity": r"-\infty"},
    **{"minus infinity": r"-\infty", "all real numbers": r"\mathbb{R}", "all reals": r"\mathbb{R}"},
    **{"no solution": r"\emptyset", "no solutions": r"\emptyset", "no real solution": r"\emptyset"},
    **{"no real solutions": r"\emptyset", "empty set": r"\emptyset", "the empty set": r"\emptyset"},
}
"Words to the sign that says the same."

MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
MONTH = r"(?P<month>[A-Za-z]{3,9})\.?"
YEAR = r"(?:,? ?(?:of )?(?P<year>\d{4}))?"
DATES = (
    re.compile(rf"(?:[A-Za-z]+day,? ?)?{MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?{YEAR}"),
    re.compile(rf"(?:[A-Za-z]+day,? ?)?(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {MONTH}{YEAR}"),
    re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{2})[-/.](?P<day>\d{2})"),
)
"March 5, 2024; 5th of March; 2024-03-05. Of 03/05/2024 only its writer knows which is the month."
NUMBERED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*")
TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))? ?(?:([ap])\.?m\.?)?|(\d{1,2}) ?([ap])\.?m\.?", re.IGNORECASE)

LETTER = re.compile(r"\(?([A-Z])\)?[.:]?")
LETTER_GIVEN = re.compile(
    r"(?:(?:the )?(?:correct )?(?:option|answer|choice)(?: is)? ?:?)? ?[(\[]?([A-Za-z])(?:[).:\]](?: ?[^=]*)?)?",
    re.IGNORECASE,
)
"A letter alone, or with a bracket, stop or colon after it and then what it stands for."

PROSE = re.compile(r"[A-Za-z0-9 ,.'\":;!?()/&_-]+")
WORD = re.compile(r"[A-Za-z]{3,}|^(?:no|No|NO)$")
"Three letters or more, because two may be a product of variables, and `xy` is `yx`."
NO_WORDS = frozenset(
    re.findall(
        r"\w+",
        "sin cos tan cot sec csc log exp sqrt max min det gcd lcm mod arcsin arccos arctan sinh cosh tanh lim inf and",
    )
)
"Functions, and what stands between the parts of a list."
LEADS = (["it", "is"], ["it", "was"], ["answer", "is"], ["this", "is"], ["that", "is"])
"How a sentence begins that ends in the answer."
FILLERS = frozenset(["the", "a", "an", "and", "or", "on"])


def plain(text: str) -> str:
    r"""A text without the marks of `\text{}`, and a number or set where words say one."""
    return SAYS.get(_read(text).casefold(), text)


def judged(gold: str, given: str) -> bool | None:
    """Whether two dates, times or letters of choice are the same; None where the gold answer is none of these."""
    gold, given = _read(gold), _read(given)
    for reading in (_date, _time):
        if (meant := reading(gold)) is not None:
            return _agree(meant, reading(given))
        if reading(given) is not None:
            return False
    if LETTER.fullmatch(gold) and (chosen := letter(given)):
        return letter(gold) == chosen
    return None


def spelt(gold: str, given: str) -> bool | None:
    """Whether two answers in words are the same, in any case; None where the gold one is a formula."""
    gold, given = _read(gold), _read(given)
    return (_said(gold) == _said(given) or _listed(gold) == _listed(given)) if is_prose(gold) else None


def _read(text: str) -> str:
    return " ".join(TEXT.sub(r" \1 ", text).split())


def letter(text: str, *, asked: bool = False) -> str | None:
    """The letter of a choice, as a capital; None where none can be read.

    Where a choice was asked for, what it stands for may be an equation: `B: x=2` is no ratio then.
    """
    plain = " ".join(normal(text).replace(r"\text{", " ").replace("}", " ").split())
    before = plain.partition("=")[0]
    chosen = LETTER_GIVEN.fullmatch(before if asked and re.search(r"[).:\]]", before) else plain)
    return chosen[1].upper() if chosen else None


def unmarked(text: str) -> str:
    r"""A text as it reads, without `\text{}` around or in it and without the backslashes of `\_`, `\{`, `\%`."""
    return re.sub(r"\\([_{}%#&$])", r"\1", TEXT.sub(r"\1", text.strip().strip("$")))


def is_prose(text: str) -> bool:
    """Whether a text is words, with numbers among them perhaps, and no formula."""
    return bool(PROSE.fullmatch(text)) and any(word.casefold() not in NO_WORDS for word in WORD.findall(text))


def _said(text: str) -> list[str]:
    said = [word for word in re.findall(r"\w+", text.casefold()) if word not in FILLERS]
    return said[2:] if said[:2] in LEADS and len(said) > 2 else said


def _listed(text: str) -> list[list[str]]:
    """The parts of an enumeration, in any order."""
    return sorted(_said(part) for part in re.split(r"[,;]|\band\b", text) if part.strip())


def _agree(meant: tuple[int | str | None, ...], given: tuple[int | str | None, ...] | None) -> bool:
    """Whether all that a date or time says is said by the other; it may say more."""
    if given is None or len(meant) != len(given):
        return False
    return all(own is None or own == other for own, other in zip(meant, given, strict=True))


def _date(text: str) -> tuple[int | str | None, ...] | None:
    """(year or None, month, day), or the text itself of a date whose order cannot be known."""
    if numbered := NUMBERED.fullmatch(text):
        return (*map(int, numbered.groups()),) if numbered[1] else (text,)
    for pattern in DATES:
        if (found := pattern.fullmatch(text)) and (month := _month(found["month"])):
            return (int(found["year"]) if found["year"] else None, month, int(found["day"]))
    return None


def _month(name: str) -> int | None:
    if name.isdigit():
        return int(name) if 1 <= int(name) <= 12 else None
    short = name.casefold()
    # `Mar` and `Sept`; `ma` could be two of them.
    cut = len(short) in (3, 4)
    near = [n for n, month in enumerate(MONTHS, 1) if month == short or (cut and month.startswith(short))]
    return near[0] if near else None


def _time(text: str) -> tuple[int | str | None, ...] | None:
    """(minute of the day or of the half, seconds, half of the day or None)."""
    time = TIME.fullmatch(text)
    if not time:
        return None
    hour, half = int(time[1] or time[5]), (time[4] or time[6] or "").lower() or None
    minutes = (hour % 12 if half else hour) * 60 + int(time[2] or 0)
    return (minutes, int(time[3] or 0), half)
