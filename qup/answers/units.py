r"""A value and its unit: `18 dollars`, `45^\circ`, `3\text{ cm}^2`. Texts are `normal` ones.

A unit that only one of two answers names was asked for in the question. Two that differ make two different answers:
`5 cm` is not `5 m`, nor is `2 hours` `120 minutes`, which was not asked for.

>>> split(r"3\text{ square cm}"), split("18 dollars"), split("3x")
(('3', 'cm^2'), ('18', 'dollar'), ('3x', None))
"""

import re

NAMES = """
mm: millimeter millimetre; cm: centimeter centimetre; nm: nanometer nanometre; m: meter metre; km: kilometer kilometre
in: inch inches; ft: foot feet; yd: yard; mi: mile; pc: parsec; au
mg: milligram; g: gram gm; kg: kilogram kilo; lb: pound lbs; oz: ounce; ton: tonne
ml: milliliter millilitre; l: liter litre; gallon: gal; quart; pint; cup; acre; hectare: ha
tsp: teaspoon; tbsp: tablespoon; kb: kilobyte; mb: megabyte; gb: gigabyte; tb: terabyte
ms: millisecond; s: second sec; min: minute; h: hour hr; day; week: wk; month; year: yr
dollar: usd buck; cent: ¢; euro: eur €; sterling: gbp £; rupee: rs inr ₹; yen: jpy ¥
degree: deg; radian: rad; celsius; fahrenheit; k: kelvin
n: newton; j: joule; kj: kilojoule; w: watt; kw: kilowatt; v: volt; a: ampere amp; pa: pascal; kpa: kilopascal
hz: hertz; khz: kilohertz; mhz: megahertz; ghz: gigahertz; kwh; cal: calorie; kcal: kilocalorie
mol: mole; ev; ohm; erg; unit; point: pt; person: people persons
"""
"Units of measure, each with its other names."
MEASURES = {
    name: names[0] for names in (re.findall(r"[^\s:]+", row) for row in re.split(r"[;\n]", NAMES)) for name in names
}
WHOLE = {
    **{"mph": "mi/h", "kph": "km/h", "kmph": "km/h", "kmh": "km/h", "sqft": "ft^2", "sqm": "m^2", "cc": "cm^3"},
    **{"kw h": "kwh", "fl oz": "fluid oz"},
    **{"degree c": "celsius", "degree celsius": "celsius", "c": "celsius", "f": "fahrenheit"},
    **{"degree f": "fahrenheit", "degree fahrenheit": "fahrenheit"},
}
POWERS = {"square": "^2", "sq": "^2", "squared": "^2", "cubic": "^3", "cu": "^3", "cubed": "^3"}
FILLERS = frozenset(["of", "the", "total", "each", "about", "approximately"])

TEXT_TAIL = re.compile(
    r"(?P<value>.*?[^\s\\])\s*(?P<unit>(?:\\text\{[^{}]*\}(?:\^\{?-?\d\}?)?[/ ]?|\\cdot |\^\\circ ?[CF]?)+)"
)
BARE_TAIL = re.compile(
    r"(?P<value>(?:\d|[-+.,/^{}() ]|\\(?:frac|sqrt|pi|times|cdot)(?![A-Za-z]))*[\d})](?: ?\\pi)?)"
    r"(?P<gap> ?)(?P<unit>(?:\^\\circ ?)?[A-Za-z€£¥₹¢](?:[A-Za-z .'/€£-]|\^\{?-?\d\}?)*|\^\\circ)"
)
"A unit without a font, which only a number can have: of `2x` and `1e-5` the letter is no unit."
SUM = re.compile(r"(?<=[^\^{(/])[+-]")
"A sign between two terms: in `1+2n` the letter is a factor of the second, and no unit of the sum."
COMPOUND = re.compile(r"(?:(\d+(?:\.\d+)?) ?([A-Za-z]+)\.?(?: ?,| ?and(?![A-Za-z]))? ?)")
"One of several numbers, each with its unit, that are one quantity: the `5 ft` of `5 ft 6 in`."
BASED = re.compile(r"\(?([0-9A-F]+)\)?_\{?(\d{1,2})\}?")
"A number in another base; to math-verify, `1011_2` is `1011_3`."
SYMBOL_FIRST = re.compile(r"(-?)(€|£|¥|₹|USD|US|Rs\.?) ?(\d[\d.]*)")


def split(text: str) -> tuple[str, str | None]:
    """An answer's value and the unit in one spelling; None where it names none."""
    text = SYMBOL_FIRST.sub(r"\1\3 \2", text)
    if based := BASED.fullmatch(text):
        return based[1], f"base {based[2]}"
    if (tail := TEXT_TAIL.fullmatch(text)) and re.search(r"[\dA-Za-z]", tail["value"]):
        unit = canonical(tail["unit"])
        if unit and not re.search(r"\b(?:if|when|where|and|or|is|are)\b", unit):
            return tail["value"], unit
    if (tail := BARE_TAIL.fullmatch(text)) and re.search(r"\d", tail["value"]):
        unit = canonical(tail["unit"])
        # One letter may be a variable, a word of three has a vowel; `5 xyz` is a product.
        # Of `m v^2` the letters are factors; of `m/s` they are units.
        factors = " " in unit and any(len(name) == 1 for name in _names(unit))
        factors = factors or bool(symbol(text) and SUM.search(tail["value"]))
        known = all(name in MEASURES or name in WHOLE for name in _names(unit)) and unit != "" and not factors
        word = bool(tail["gap"]) and bool(re.search(r"(?i)[aeiouy][a-z]*", unit)) and len(unit) > 2
        if known or word:
            return tail["value"].strip(), unit
    return text, None


def symbol(text: str) -> str | None:
    """The one letter, with or without a power, that stands for a unit or for a variable: `m` in `5m` and `3 m^2`."""
    tail = BARE_TAIL.fullmatch(text)
    letter = tail["unit"].partition("^")[0].strip() if tail else ""
    return letter if len(letter) == 1 else None


def is_symbol(text: str) -> bool:
    """Whether what looks like a unit may be a variable: one letter right behind a number, as in `5m` and `3h^2`."""
    tail = BARE_TAIL.fullmatch(text)
    return bool(tail and symbol(text) and not tail["gap"])


def is_variable(text: str, other: str) -> bool:
    """Whether the letter at the end of a text, which looks like a unit, stands in another answer that has no unit."""
    letter = symbol(text)
    plain = re.sub(r"\\text\{[^{}]*\}|\\[A-Za-z]+", " ", other)
    return letter is not None and letter in plain


def compound(text: str) -> list[tuple[str, str]] | None:
    """Number and unit of each part of `5\\text{ ft }6\\text{ in}`; None of what is not several such parts."""
    plain = " ".join(re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text).split())
    parts = COMPOUND.findall(plain)
    named = [(number, canonical(name)) for number, name in parts]
    whole = len(named) > 1 and COMPOUND.sub("", plain) == "" and all(unit in MEASURES for _, unit in named)
    return named if whole else None


def canonical(unit: str) -> str:
    """A unit in one spelling: `square centimeters` is `cm^2`, `miles per hour` is `mi/h`."""
    text = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", unit).replace("\\cdot", " ").replace("^\\circ", " degree ")
    text = re.sub(r" ?\^\{?(-?\d)\}?", r"^\1", re.sub(r"(?i)\bper\b", "/", text)).casefold()
    names: list[str] = []
    power = ""
    for word in re.findall(r"/|[a-z€£¥₹¢]+(?:\^-?\d)?", text.replace(".", "")):
        if word in POWERS and names and word.endswith("ed"):
            names[-1] += POWERS[word]
        elif word in POWERS:
            power = POWERS[word]
        elif word not in FILLERS:
            names.append(_singular(word) + power)
            power = ""
    joined = " ".join(names).replace(" / ", "/").replace("/ ", "/")
    # `m s^-1` is `m/s`.
    joined = re.sub(r" ([a-z]+)\^-(\d)", lambda unit: f"/{unit[1]}{'' if unit[2] == '1' else '^' + unit[2]}", joined)
    return WHOLE.get(joined, joined)


def _singular(word: str) -> str:
    """One name of a unit, or a noun without its plural."""
    name, _, power = word.partition("^")
    known = [MEASURES[form] for form in (name, name.removesuffix("s"), name.removesuffix("es")) if form in MEASURES]
    plain = re.sub(r"(?<=[xsh])es$|s$", "", name) if len(name) > 3 else name
    return (known[0] if known else plain) + (f"^{power}" if power else "")


def _names(unit: str) -> list[str]:
    return [name.partition("^")[0] for name in re.split(r"[ /]", unit) if name]


def differ(unit: str | None, other: str | None) -> bool:
    """Whether two answers name units that are not the same; words that are none, as in `years old`, mean nothing.

    Of things counted, one may be named in more words.
    """
    if unit is None or other is None or unit == other:
        return False
    measures, others = _measures(unit), _measures(other)
    if measures or others:
        return measures != others
    words, other_words = set(_names(unit)), set(_names(other))
    return not (words <= other_words or other_words <= words)


def _measures(unit: str) -> list[str]:
    """The units of measure among its words, with their powers and quotients."""
    return [word for word in unit.split(" ") if any(name in MEASURES for name in _names(word))]
