"""Count the pairs of tests/answer_pairs.yaml that our grader and plain math-verify judge rightly: `make grading`.

The table stands in docs/grading.md between its markers; no number in it is typed by hand.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from qup import graders
from qup.records import Problem

MARKED = re.compile(r"(<!-- counts -->\n).*?(<!-- /counts -->)", re.DOTALL)


@dataclass(frozen=True)
class Pair:
    """A gold answer, an answer given, and whether they are the same."""

    kind: str
    gold: str
    given: str
    same: bool

    @property
    def completion(self) -> str:
        """What is graded: the answer in a box, or the text that holds boxes."""
        return self.given if "\\boxed" in self.given else f"\\boxed{{{self.given}}}"


@dataclass(frozen=True)
class Judged:
    """A pair with both judgements."""

    pair: Pair
    ours: bool
    plain: bool
    "math-verify alone."


def pairs(path: Path) -> list[Pair]:
    """The pairs of a file, kind by kind."""
    kinds = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return [
        Pair(kind, gold, given, side == "same")
        for kind, sides in kinds.items()
        for side, listed in sides.items()
        for gold, given in listed
    ]


def judged(asked: Sequence[Pair]) -> list[Judged]:
    """Every pair judged by ours and by math-verify alone."""
    return [Judged(pair, own, plain(pair)) for pair, own in zip(asked, ours(asked), strict=True)]


def ours(asked: Sequence[Pair]) -> list[bool]:
    """Whether our grader marks each pair's completion as correct."""
    problems = [Problem(str(i), "?", pair.gold, "pairs") for i, pair in enumerate(asked)]
    verdicts = graders.verdicts(problems, [pair.completion for pair in asked], [False] * len(asked))
    return [verdict == "correct" for verdict in verdicts]


def plain(pair: Pair) -> bool:
    """math-verify's own judgement, with nothing before or after it."""
    from math_verify import parse, verify

    return bool(verify(parse(f"\\boxed{{{pair.gold}}}"), parse(pair.completion)))


def table(rows: Sequence[Judged]) -> str:
    """A line per kind: pairs, and how many each judges rightly."""
    kinds = list(dict.fromkeys(row.pair.kind for row in rows))
    lines = ["| kind | pairs | of them different | ours | math-verify alone |", "|---|--:|--:|--:|--:|"]
    for kind in [*kinds, None]:
        own = [row for row in rows if kind in (row.pair.kind, None)]
        different = sum(not row.pair.same for row in own)
        ours, alone = (sum(getattr(row, who) == row.pair.same for row in own) for who in ("ours", "plain"))
        lines.append(f"| {kind or '**all**'} | {len(own)} | {different} | {ours} | {alone} |")
    return "\n".join(lines)


def main(page: Path, source: Path) -> None:
    """Write the table."""
    text = page.read_text(encoding="utf-8")
    if not MARKED.search(text):
        sys.exit(f"{page} has no markers <!-- counts --> and <!-- /counts -->")
    shown = table(judged(pairs(source)))
    page.write_text(MARKED.sub(lambda match: f"{match[1]}\n{shown}\n\n{match[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main(Path("docs/grading.md"), Path("tests/answer_pairs.yaml"))
