"""What every source needs: a problem's identity, what it leaves out on the way, and shares of a count."""

import hashlib
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from qup import graders
from qup.errors import SettingsError
from qup.records import Problem
from qup.seeds import derive

HEAVIEST = 1e9
"Largest weight, beside which a source of weight 1 would give nothing anyway; the sum of many is a number still."


class Supply(list[Problem]):
    """Problems that a source gives, what it left out of its rows on the way, and in a few words how it read them."""

    def __init__(self, problems: Iterable[Problem], left_out: Mapping[str, int], reading: str = "") -> None:
        super().__init__(problems)
        self.left_out = {reason: count for reason, count in left_out.items() if count}
        self.reading = reading


def in_words(left_out: Mapping[str, int]) -> str:
    """Counts of what was left out by reason, in words: `2 repeated, 3 different golds`."""
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in left_out.items() if count)


def listed(names: Iterable[object]) -> str:
    """Names of columns in an error's one line."""
    told = [name if name.isprintable() else repr(name) for name in map(str, names)]
    return f"{', '.join(told) or 'nothing':.200}"


def words(text: str) -> list[str]:
    """Words and single marks of a text, without case, width and spacing: what counts as its content."""
    return re.findall(r"\w+|[^\w\s]", unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=1 << 17)
def normalized(text: str) -> str:
    """A text's content; two texts with the same are the same text."""
    return " ".join(words(text))


def problem(  # noqa: PLR0917 - what is asked, what is right, where from, how solved, what kind, who grades
    question: str,
    answer: str,
    source: str,
    solution: str | None = None,
    tags: Iterable[str] = (),
    grader: str = "math",
    entry: str | None = None,
) -> Problem:
    """A problem with its id, the first 16 hex digits of the SHA-256 of its content, to which tags do not belong."""
    content = normalized(question) + "\n" + normalized(answer)
    key = hashlib.sha256(content.encode()).hexdigest()[:16]
    solution = solution.strip() if solution else None
    return Problem(key, question.strip(), answer.strip(), source, solution, tags=list(tags), grader=grader, entry=entry)


def distinct(problems: Iterable[Problem], count: int, without: Iterable[str] = ()) -> list[Problem]:
    """The first `count` problems with different questions, none of which is, normalized, among those `without`."""

    def unseen() -> Iterator[Problem]:
        seen = set(without)
        for candidate in problems:
            key = normalized(candidate.question)
            if key not in seen:
                seen.add(key)
                yield candidate

    return list(islice(unseen(), count))


def differing(pairs: Sequence[tuple[Problem, Problem]]) -> list[bool]:
    """Whether two problems of one question have two answers: their grader knows 1/2 and 0.5 for one."""
    unlike = [place for place, (one, other) in enumerate(pairs) if one.answer != other.answer]
    judged = graders.judge([(pairs[place][0], pairs[place][1].answer) for place in unlike])
    differ = {place for place, same in zip(unlike, judged, strict=True) if not same}
    return [place in differ for place in range(len(pairs))]


@dataclass(frozen=True)
class Repeats:
    """Questions that come more than once among the rows of a source."""

    disputed: frozenset[str]
    "Those, normalized, whose gold answers differ: nobody can say which is right, so none of their rows is used."
    counts: dict[str, int]
    "Rows left out as repeats, and as disputed."

    @staticmethod
    def among(problems: Sequence[Problem]) -> "Repeats":
        """The repeats among some problems."""
        keys = [normalized(problem.question) for problem in problems]
        first = dict(zip(reversed(keys), reversed(problems), strict=True))
        differ = differing([(first[key], problem) for key, problem in zip(keys, problems, strict=True)])
        disputed = frozenset(key for key, other in zip(keys, differ, strict=True) if other)
        rows = sum(key in disputed for key in keys)
        repeated = len(keys) - rows - (len(first) - len(disputed))
        return Repeats(disputed, {"repeated": repeated, "different_golds": rows})


def shuffled(length: int, seed: int, *keys: str) -> list[int]:
    """The numbers below `length` in a random order that depends on `seed` and `keys` only."""
    order = list(range(length))
    random.Random(derive(seed, *keys)).shuffle(order)
    return order


def require_first(first: int, length: int, name: str) -> int:
    """`first`, the rows to take from the top of what has `length` of them.

    Raises:
        SettingsError: it has fewer, so it is another file, or a part of the one that was meant.
    """
    if first > length:
        raise SettingsError(f"{name} has {length} rows, which are fewer than the first {first}: is it whole?", "first")
    return first


def quotas(weights: Sequence[float], count: int) -> list[int]:
    """`count` in whole shares as near to `weights` as can be (largest remainders).

    Raises:
        SettingsError: a weight is not a number above 0, or is too large to be told from a slip.

    >>> quotas([2, 1], 10)
    [7, 3]
    """
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= HEAVIEST:
            raise SettingsError(f"weight: expected a number above 0 and of at most {HEAVIEST:.0e}, got {weight!r:.60}")
    exact = [count * weight / sum(weights) for weight in weights]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: count - sum(shares)]:
        shares[i] += 1
    return shares
