"""Suffix repair: the draft up to its first wrong step, word for word, and from there on the Oracle.

Ours; the cut is that of step-by-step verification (as in 2305.20050), and what is kept is the learner's own. Who knows
the first wrong step: on the glass box its parser; elsewhere the calculator, where an equation is wrong; else the Oracle
says which, and an answer that is no step's number is a failed call. A step is a line, or a sentence of a text of one
line. Right drafts are taken as they are and cost nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup import arithmetic
from qup.answers.boxes import spoken
from qup.glassbox import SOURCE, grammar, puzzle
from qup.glassbox.derivation import first_wrong
from qup.oracles import Reply, Speaker
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT

LINES = re.compile(r"[^\n]*\n+|[^\n]+")
SENTENCES = re.compile(r".+?(?:[.!?;]\s+|\Z)", re.DOTALL)
SAID = re.compile(r"\W*(?:(?:line|step|number)\W*)?(\d{1,4})\W*", re.IGNORECASE)
"A number, with `line` before it or brackets around it; of an argument nobody knows which number is meant."


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Keeps the beginning that is right and lets the Oracle's style in behind it."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """Each right draft as it stands, each wrong one with a new end."""
        wrong = [i for i, draft in enumerate(drafts) if draft.stratum == "failed"]
        kept = _seen([drafts[i] for i in wrong])
        unseen = [i for i, length in zip(wrong, kept, strict=True) if length is None]
        located = _located(desk.oracle, {i: drafts[i] for i in unseen}, attempt)
        lengths = dict(zip(wrong, kept, strict=True)) | {i: where for i, (where, _) in located.items()}
        ends = _continued(desk.oracle, {i: (drafts[i], n) for i, n in lengths.items() if n is not None}, attempt)
        replies = {i: _with_cost(ends.get(i), located[i][1] if i in located else None) for i in wrong}
        return [replies.get(i, Reply(draft.text, tokens=0)) for i, draft in enumerate(drafts)]


def steps(text: str) -> list[str]:
    """A text cut into its steps, which joined are the text: lines with what ends them, or the sentences of one line."""
    lines = LINES.findall(text)
    return lines if len(lines) > 1 else SENTENCES.findall(text)


def _seen(drafts: Sequence[Draft]) -> list[int | None]:
    """How many characters of each wrong draft stand before its first wrong step, without an Oracle; None: not seen."""
    others = [draft for draft in drafts if draft.problem.source != SOURCE]
    checked = iter(arithmetic.check([(draft.problem.question, draft.text) for draft in others]))
    return [_parsed(draft) if draft.problem.source == SOURCE else _checked(draft, next(checked)) for draft in drafts]


def _parsed(draft: Draft) -> int:
    """Of a trace of the glass box; where all steps are right, the closing or what cannot be read is wrong."""
    placed = grammar.placed(draft.text)
    at = first_wrong([each.step for each in placed], puzzle.read(draft.problem.question))
    return placed[at].start if at < len(placed) else (placed[-1].end if placed else 0)


def _checked(draft: Draft, checked: arithmetic.Checked | None) -> int | None:
    if checked is None or checked.first is None:
        return None
    before = 0
    for step in steps(draft.text):
        if before + len(step) > checked.first:
            break
        before += len(step)
    return before


def _located(oracle: Speaker, drafts: Mapping[int, Draft], attempt: int) -> dict[int, tuple[int | None, Reply]]:
    """By draft: how many characters are to be kept by the Oracle's word, None where it gave none; and what it said."""
    if not drafts:
        return {}
    cut = {i: steps(draft.text) for i, draft in drafts.items()}
    replies = oracle.locate([draft.problem for draft in drafts.values()], list(cut.values()), attempt)
    located = {}
    for (i, own), reply in zip(cut.items(), replies, strict=True):
        said = SAID.fullmatch(spoken(reply.text).strip())
        place = int(said[1]) if said and not reply.truncated and reply.failure is None else 0
        located[i] = (len("".join(own[: place - 1])) if 1 <= place <= len(own) else None, reply)
    return located


def _continued(oracle: Speaker, cut: Mapping[int, tuple[Draft, int]], attempt: int) -> dict[int, Reply]:
    """By draft: what is kept of it and the Oracle's end."""
    if not cut:
        return {}
    prefixes = [draft.text[:length] for draft, length in cut.values()]
    replies = oracle.proceed([draft.problem for draft, _ in cut.values()], prefixes, attempt)
    return {i: _joined(*pair) for i, pair in zip(cut, zip(prefixes, replies, strict=True), strict=True)}


def _joined(prefix: str, reply: Reply) -> Reply:
    """The beginning to the byte and the end, without the beginning where the Oracle said it again."""
    end, said = reply.text, prefix.strip()
    if said and end.lstrip().startswith(said):
        end = end.lstrip()[len(said) :].lstrip()
    gap = "" if not prefix or prefix[-1].isspace() else " "
    return replace(reply, text=f"{prefix}{gap}{end.lstrip() if prefix else end}")


def _with_cost(end: Reply | None, located: Reply | None) -> Reply:
    """What an attempt came to: the end with the price of both calls, or why there is none."""
    if end is None:
        assert located is not None
        said = located.failure or f"no number of a step: {located.text[:40]!r}"
        return replace(located, text="", failure=said)
    return replace(end, tokens=end.tokens + (located.tokens if located else 0))
