"""Advice as one HTML page that loads nothing: the answer, each stream, and its most foreign traces token by token."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.advise import tables, words
from qup.advise.made import Advice
from qup.advise.scoring import Scored
from qup.report.foresight.races import NLL
from qup.report.page import render

TEMPLATE = Path(__file__).with_name("page.html.jinja")
MOST = 4
"Traces shown of a stream."
FULL = 6.0
"Nats of surprisal from which a token has the full shade."
STEPS = 8
"Shades."
PIECES = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True)
class Token:
    """A stretch of a trace as it is shown: one token, or several that make a character together."""

    text: str
    surprisal: float
    "Nats."

    @property
    def shade(self) -> int:
        """0 to `STEPS`."""
        return min(STEPS, int(STEPS * self.surprisal / FULL))

    @property
    def title(self) -> str:
        """What shows when it is pointed at."""
        return f"{self.surprisal:.2f} nats"


@dataclass(frozen=True)
class Edit:
    """A stretch of two traces: `equal`, `insert` (in this one alone) or `delete` (in the other one alone)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Shown:
    """One foreign trace."""

    question: str
    facts: str
    tokens: list[Token]
    against: str | None
    "The stream whose trace of the problem it is held against."
    edits: list[Edit]


@dataclass(frozen=True)
class Block:
    """One stream's foreign traces."""

    name: str
    traces: list[Shown]


def html(advice: Advice) -> str:
    """The page."""
    every = sorted({metric for own in advice.compared.means.values() for metric in own})
    summary = [tables.streams(advice), *tables.pairs(advice)]
    details = [tables.streams(advice, every), *tables.pairs(advice, every)]
    return render(
        TEMPLATE,
        {},
        title="Which traces to train on",
        lead=tables.lead(advice),
        advice=advice,
        summary=summary,
        details=details,
        blocks=[_block(advice, i) for i in range(len(advice.compared.scores))],
        steps=range(STEPS + 1),
        full=FULL,
    )


def _block(advice: Advice, place: int) -> Block:
    scores = advice.compared.scores[place]
    ordered = sorted(scores.traces, key=lambda trace: (-trace.values.get("ppl", 0.0), trace.candidate.row))
    return Block(scores.stream.name, [_shown(advice, place, trace) for trace in ordered[:MOST]])


def _shown(advice: Advice, place: int, trace: Scored) -> Shown:
    against, other = _counterpart(advice, place, trace)
    edits = edited(other.candidate.text, trace.candidate.text) if other else []
    facts = [f"row {trace.candidate.row}"]
    if "ppl" in trace.values:
        facts.append(f"perplexity {words.number('ppl', trace.values['ppl'])}")
    facts.append(f"{words.number(NLL, trace.values[NLL])} nats over {len(trace.stats.token_ids)} tokens")
    if trace.verdict is not None:
        facts.append(f"answer {trace.verdict.value}")
    decode: Any = advice.opened.learner.scorer.chat.tokenizer.decode
    tokens = spelled(decode, trace.stats.token_ids, [-logprob for logprob in trace.stats.logprob])
    return Shown(trace.candidate.question, ", ".join(facts), tokens, against, edits)


def _counterpart(advice: Advice, place: int, trace: Scored) -> tuple[str | None, Scored | None]:
    """A trace of the same problem: the reference's, or of the reference itself the next stream's that has one."""
    for i, scores in enumerate(advice.compared.scores):
        if i != place:
            for other in scores.traces:
                if other.candidate.problem == trace.candidate.problem:
                    return scores.stream.name, other
    return None, None


def spelled(decode: Any, token_ids: Sequence[int], surprisals: Sequence[float]) -> list[Token]:
    """The text of each token; tokens that end amid a character stand together, their surprisals added up."""
    shown: list[Token] = []
    held: list[int] = []
    nats = 0.0
    for token, surprisal in zip(token_ids, surprisals, strict=True):
        held.append(token)
        nats += surprisal
        text = decode(held)
        if "\N{REPLACEMENT CHARACTER}" not in text:
            shown.append(Token(text, nats))
            held, nats = [], 0.0
    return [*shown, Token(decode(held), nats)] if held else shown


def edited(before: str, after: str) -> list[Edit]:
    """What makes one trace of the other, word by word."""
    a, b = PIECES.findall(before), PIECES.findall(after)
    edits = []
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            edits.append(Edit("equal", "".join(b[b1:b2])))
            continue
        edits += [Edit("delete", "".join(a[a1:a2]))] if a2 > a1 else []
        edits += [Edit("insert", "".join(b[b1:b2]))] if b2 > b1 else []
    return edits
