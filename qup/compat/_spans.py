"""What an edit changed: two sequences aligned, by lines or sentences first and within those that differ by tokens.

Aligning large parts first keeps a step beside the step that it was made of, and it is what makes a long trace quick.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

ENDS = frozenset(".;|!?")
"Tokens that end a part, beside those with a line break."


@dataclass(frozen=True)
class Span:
    """Tokens `before` of the one sequence stand where tokens `after` of the other do."""

    before: range
    after: range
    kept: bool
    "Whether they are the same tokens."
    part: int
    "The edited part that it lies in; spans of one part were aligned with one another."


def align(
    before: Sequence[Hashable], after: Sequence[Hashable], texts: tuple[Sequence[str], Sequence[str]]
) -> list[Span]:
    """The spans of two sequences of tokens, in order; together they hold each token of either once.

    `texts` are the tokens' own, by which the parts are told.

    Raises:
        ValueError: there is no text for each token.
    """
    if (len(before), len(after)) != (len(texts[0]), len(texts[1])):
        raise ValueError("an alignment needs the text of each token (Learner.pieces)")
    parts = _parts(texts[0]), _parts(texts[1])
    one = [tuple(before[i] for i in part) for part in parts[0]]
    two = [tuple(after[i] for i in part) for part in parts[1]]
    spans: list[Span] = []
    for kind, i, j, k, m in _opcodes(one, two):
        first, second = parts[0][i:j], parts[1][k:m]
        # As many parts as before: each is the other's counterpart.
        for left, right in zip(first, second, strict=True) if j - i == m - k else [(_whole(first), _whole(second))]:
            if kind == "equal":
                spans.append(Span(left, right, True, len(spans)))
            else:
                spans += _within(before, after, left, right, len(spans))
    return spans


def _whole(parts: Sequence[range]) -> range:
    return range(parts[0].start, parts[-1].stop) if parts else range(0)


def _within(
    before: Sequence[Hashable], after: Sequence[Hashable], left: range, right: range, part: int
) -> Iterator[Span]:
    for kind, i, j, k, m in _opcodes([before[i] for i in left], [after[i] for i in right]):
        yield Span(left[i:j], right[k:m], kind == "equal", part)


def _opcodes(one: Sequence[Hashable], two: Sequence[Hashable]) -> list[tuple[str, int, int, int, int]]:
    return list(SequenceMatcher(None, one, two, autojunk=False).get_opcodes())


def _parts(texts: Sequence[str]) -> list[range]:
    """Runs of tokens, each up to and with a token that ends one; without a text of its own a token ends none."""
    ends = [i + 1 for i, text in enumerate(texts) if text.strip() in ENDS or "\n" in text]
    return [range(a, b) for a, b in pairwise(sorted({0, *ends, len(texts)}))]
