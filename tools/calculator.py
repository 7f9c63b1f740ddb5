r"""Measure the calculator on worked solutions that are right: `python tools/calculator.py gsm8k_train.jsonl`.

The file has a JSON object a line with `question` and `answer`, a solution in GSM8K's manner: after each equals sign a
mark, `48/2 = <<48/2=24>>24`. The marks are taken off, but say which results a slip can be put into. Printed are the
lines of right solutions that the calculator changes, to be read by somebody; the table goes into docs/repair.md between
its markers, and no number in it is typed by hand.
"""

import json
import random
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import arithmetic
from qup.arithmetic import forms
from qup.arithmetic.equations import equations
from qup.arithmetic.readings import HUNDREDTH
from qup.arithmetic.tokens import Kind, Piece, pieces
from qup.arithmetic.values import Reader, UnreadableError, number
from qup.seeds import derive

PAGE = Path("docs/repair.md")
MARKED = re.compile(r"(<!-- measured -->\n).*?(<!-- /measured -->)", re.DOTALL)
MARK = re.compile(r"<<([^<>=]*)=[^<>]*>>")
SLIPS = (1, -1, 2, -2, 10, -10)
"Of the last digit that a result is written with."


@dataclass(frozen=True)
class Solution:
    """A worked solution without marks."""

    question: str
    text: str
    sums: Mapping[int, str]
    "Where a result stands, and the sum that it is of."


def read(path: Path) -> list[Solution]:
    """The solutions of a file."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [_solution(row["question"], row["answer"]) for row in rows]


def _solution(question: str, marked: str) -> Solution:
    text, end = "", 0
    sums = {}
    for mark in MARK.finditer(marked):
        text += marked[end : mark.start()]
        sums[len(text)], end = mark[1], mark.end()
    return Solution(question, text + marked[end:], sums)


def changed(solutions: Sequence[Solution]) -> list[tuple[str, str]]:
    """The first line that the calculator changes in each solution that it changes, before and after."""
    after = _checked([(each.question, each.text) for each in solutions])
    both = [(each.text.splitlines(), text.splitlines()) for each, text in zip(solutions, after, strict=True)]
    return [
        next(pair for pair in zip(*lines, strict=True) if pair[0] != pair[1]) for lines in both if lines[0] != lines[1]
    ]


def _checked(asked: Sequence[tuple[str, str]]) -> list[str]:
    return [got.text if got else text for (_, text), got in zip(asked, arithmetic.check(asked), strict=True)]


def slipped(solution: Solution, carry: bool) -> str | None:
    """The solution with a slip in one result; `carry`: with what follows from it too, as who slips goes on.

    None where it has no such result, or where nobody could tell which later numbers are that result again.
    """
    own = [piece for piece in pieces(solution.text) if piece.kind is Kind.NUMBER]
    results = [i for i, piece in enumerate(own) if piece.start in solution.sums]
    if not results:
        return None
    rng = random.Random(derive(1, solution.question, carry))
    chosen, before = rng.choice(results), [number(piece.text) for piece in own]
    now = list(before)
    now[chosen] += number("1") * rng.choice(SLIPS) / 10 ** forms.decimals(own[chosen].text)
    if carry and not _carry(solution, own, before, now, chosen):
        return None
    text = solution.text
    for piece, old, new in reversed(list(zip(own, before, now, strict=True))):
        said = piece.text if old == new else forms.written(new, piece.text)
        if said is None:
            return None
        text = text[: piece.start] + said + text[piece.end :]
    return text


def _carry(solution: Solution, own: Sequence[Piece], before: Sequence[Any], now: list[Any], chosen: int) -> bool:
    """Work out what follows from the slip, by the sums that the marks name; False where sources are in doubt."""
    given = {number(piece.text) for piece in pieces(solution.question) if piece.kind is Kind.NUMBER}
    moved = {before[chosen]: now[chosen]}
    doubtful = before[chosen] in given | set(before[:chosen])
    for i in range(chosen + 1, len(own)):
        now[i] = moved.get(before[i], before[i])
        if own[i].start in solution.sums:
            now[i] = _sum(solution.sums[own[i].start], moved)
            if now[i] != before[i] and before[i] not in moved:
                doubtful = doubtful or before[i] in given | set(before[:i])
                moved[before[i]] = now[i]
    return not doubtful


def _sum(text: str, moved: Mapping[Any, Any]) -> Any:
    read_pieces = pieces(text)
    values = [number(piece.text) if piece.kind is Kind.NUMBER else None for piece in read_pieces]
    return Reader(read_pieces, [moved.get(value, value) for value in values], HUNDREDTH).read()


def row(name: str, solutions: Sequence[Solution], carry: bool) -> str:
    """A line of the table: slips, how many a text was restored from to the byte, and how many came to the answer."""
    pairs = [(each, text) for each in solutions if (text := _slipped(each, carry))]
    after = _checked([(each.question, text) for each, text in pairs])
    whole = sum(each.text == text for (each, _), text in zip(pairs, after, strict=True))
    ends = sum(each.text.split()[-1] == text.split()[-1] for (each, _), text in zip(pairs, after, strict=True))
    return f"| {name} | {len(pairs):,} | {whole:,} ({whole / len(pairs):.1%}) | {ends:,} ({ends / len(pairs):.1%}) |"


def _slipped(solution: Solution, carry: bool) -> str | None:
    try:
        return slipped(solution, carry)
    except UnreadableError:
        return None


def table(solutions: Sequence[Solution], lines: Sequence[tuple[str, str]]) -> str:
    """What was measured, in words and as a table."""
    closed = sum(len(equations(pieces(each.text))) for each in solutions)
    signs = sum(each.text.count("=") for each in solutions)
    return "\n".join(
        [
            f"{len(solutions):,} right solutions with {signs:,} equals signs, {closed:,} of them closed arithmetic.",
            f"{len(lines)} of the solutions are changed ({len(lines) / len(solutions):.2%}).",
            "",
            "| slip put into one result of each | slips | restored to the byte | right final answer |",
            "|---|--:|--:|--:|",
            row("that result alone", solutions, carry=False),
            row("carried on to the end", solutions, carry=True),
        ]
    )


def main(source: Path) -> None:
    """Print the changed lines and write the table."""
    solutions = read(source)
    lines = changed(solutions)
    for before, after in lines:
        print(f"- {before}\n+ {after}")
    page = PAGE.read_text(encoding="utf-8")
    if not MARKED.search(page):
        sys.exit(f"{PAGE} has no markers <!-- measured --> and <!-- /measured -->")
    shown = table(solutions, lines)
    PAGE.write_text(MARKED.sub(lambda match: f"{match[1]}\n{shown}\n\n{match[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
