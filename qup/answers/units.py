r"""A value and its unit: `18 dollars`, `45^\circ`, `3\text{ cm}^2`. Texts are `normal` ones.

A unit that only one of two answers names was asked for in the question. Two that differ make two different answers:
`5 cm` is not `5 m`, nor is `2 hours` `120 minutes`, which was not asked for.

>>> split(r"3\text{ square cm}"), split("18 dollars"), split("3x")
(('3', 'cm^2'), ('18', 'dollar'), ('3x', None))
"""

import re
from fractions import Fraction

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
mol: mole; ev; ohm; erg; unit
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
SAID_OF = frozenset(["old", "age", "tall", "long", "wide", "deep", "away", "full"])
"Words beside a measure that mean nothing: `years old` and `years of age` are years, which `light years` are not."
SYNONYMS = {"pt": "point", "pts": "point", "people": "person"}
"Of things counted."
CHAINS = [
    chain.split()
    for chain in (
        "year month week day h min s ms",
        *("km m cm mm", "mi yd ft in", "ton kg g mg", "lb oz", "dollar cent", "gallon quart pint cup", "l ml"),
    )
]
"Units that one quantity is told in together, the largest first."

TEXT_TAIL = re.compile(
    r"(?P<value>.*?[^\s\\])\s*(?P<unit>(?:\\text\{[^{}]*\}(?:\^\{?-?\d\}?)?[/ ]?|\\cdot |\^\\circ ?[CF]?)+)"
)
BARE_TAIL = re.compile(
    r"(?P<value>(?:\d|[-+.,/^{}() ]|\\(?:frac|sqrt|pi|times|cdot)(?![A-Za-z]))*[\d})](?: ?\\pi)?)"
    r"(?P<gap> ?)(?P<unit>(?:\^\\circ ?)?[A-Za-z€£¥₹¢](?:[A-Za-z .'/€£-]|\^\{?-?\d\}?)*|\^\\circ)"
)
"A unit without a font, which only a number can have: of `2x` and `1e-5` the letter is no unit."
SUM = re.compile(r"[-+]?[\d.]+(?:[-+][\d.]+)+")
"Numbers added up: in `1+2n` the letter is a factor of the last, and no unit of the sum."
GLUED = re.compile(r"([-+\d.]+)([a-z]{2,})")
"Letters right behind numbers: `2nm` may be nanometers, and is the product of n and m beside `2mn`."
COMPOUND = re.compile(r"(\d+(?:\.\d+)?)(?: ([A-Za-z]+)| ?([A-Za-z]{2,}))\.?(?: ?,| and(?![A-Za-z]))? ?")
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
        known = all(name in MEASURES or name in WHOLE for name in _names(unit)) and unit != "" and not factors
        word = bool(tail["gap"]) and bool(re.search(r"(?i)[aeiouy][a-z]*", unit)) and len(tail["unit"]) > 2
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
    """Whether the letter at the end of a text, which looks like a unit, is a variable beside another answer.

    It is where numbers stand before it that would be added up first, and where the other answer has it too, not in the
    name of what it equals; so are several letters right behind a number, all of which the other has.
    """
    value = re.sub(r"\\text\{[^{}]*\}", " ", re.split(r"=|\\approx|\\sim", other)[-1])
    if product := GLUED.fullmatch(text):
        return is_sum(product[1]) or {*product[2]} <= {*re.findall(r"[a-z]", re.sub(r"\\[A-Za-z]+", " ", value))}
    letter = symbol(text)
    if letter is None:
        return False
    return is_sum(split(text)[0]) or without(letter, value) != value


def without(letter: str, text: str) -> str:
    """A text without a variable, wherever the letter stands alone; that of a command or word stays."""
    return re.sub(rf"(?<![A-Za-z\\]){re.escape(letter)}(?![A-Za-z])", "", text)


def is_sum(*values: str) -> bool:
    """Whether any of some values is numbers that are to be added up."""
    return any(map(SUM.fullmatch, values))


def compound(text: str) -> list[tuple[Fraction, str]] | None:
    """Number and unit of each part of `5\\text{ ft }6\\text{ in}`, the largest first; None of any other text."""
    plain = " ".join(re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text).split())
    if COMPOUND.sub("", plain):
        return None
    parts = [(Fraction(number), canonical(apart or glued)) for number, apart, glued in COMPOUND.findall(plain)]
    named = [unit for _, unit in parts]
    chain = next((chain for chain in CHAINS if {*named} <= {*chain}), None)
    if chain is None or len(parts) < 2 or len({*named}) < len(named):
        return None
    return sorted(parts, key=lambda part: chain.index(part[1]))


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
    if any(name in MEASURES for name in names):
        names = [name for name in names if name not in SAID_OF]
    joined = " ".join(names).replace(" / ", "/").replace("/ ", "/")
    # `m s^-1` is `m/s`.
    joined = re.sub(r" ([a-z]+)\^-(\d)", lambda unit: f"/{unit[1]}{'' if unit[2] == '1' else '^' + unit[2]}", joined)
    return WHOLE.get(joined, joined)


def _singular(word: str) -> str:
    """One name of a unit, or a noun without its plural."""
    name, _, power = word.partition("^")
    known = [MEASURES[form] for form in (name, name.removesuffix("s"), name.removesuffix("es")) if form in MEASURES]
    plain = name.removesuffix("s") if len(name) > 3 and not name.endswith("ss") else name
    # Of `houses` and `boxes` one has an e of its own: nouns of both kinds do without.
    plain = re.sub(r"(?<=[sx])e$|(?<=[cs]h)e$", "", plain)
    return (known[0] if known else SYNONYMS.get(plain, plain)) + (f"^{power}" if power else "")


def _names(unit: str) -> list[str]:
    return [name.partition("^")[0] for name in re.split(r"[ /]", unit) if name]


def differ(unit: str | None, other: str | None) -> bool:
    """Whether two answers name units that are not the same; of things counted, one may be named in more words."""
    if unit is None or other is None or unit == other:
        return False
    words, others = set(_names(unit)), set(_names(other))
    if words & set(MEASURES) or others & set(MEASURES):
        return True
    return not (words <= others or others <= words)
