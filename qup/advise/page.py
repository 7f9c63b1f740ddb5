"""Advice as one HTML page that loads nothing: the answer, each stream, and its most foreign traces token by token."""

from dataclasses import dataclass
from pathlib import Path

from qup.advise import tables, words
from qup.advise.made import Advice
from qup.advise.scoring import Scored
from qup.lm import spelling
from qup.report.explorer import marks
from qup.report.explorer.marks import Edit, Token
from qup.report.foresight.races import NLL
from qup.report.page import render

TEMPLATE = Path(__file__).with_name("page.html.jinja")
MOST = 4
"Traces shown of a stream."


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
        steps=range(marks.STEPS + 1),
        full=marks.FULL,
    )


def _block(advice: Advice, place: int) -> Block:
    scores = advice.compared.scores[place]
    ordered = sorted(scores.traces, key=lambda trace: (-trace.values.get("ppl", 0.0), trace.candidate.row))
    return Block(scores.stream.name, [_shown(advice, place, trace) for trace in ordered[:MOST]])


def _shown(advice: Advice, place: int, trace: Scored) -> Shown:
    against, other = _counterpart(advice, place, trace)
    edits = marks.edited(_pieces(advice, other), _pieces(advice, trace)) if other else []
    facts = [f"row {trace.candidate.row}"]
    if "ppl" in trace.values:
        facts.append(f"perplexity {words.number('ppl', trace.values['ppl'])}")
    facts.append(f"{words.number(NLL, trace.values[NLL])} nats over {len(trace.stats.token_ids)} tokens")
    if trace.verdict is not None:
        facts.append(f"answer {trace.verdict.value}")
    nats = [-logprob for logprob in trace.stats.logprob]
    tokens = marks.tokens(trace.candidate.text, _lengths(advice, trace), nats)
    return Shown(trace.candidate.question, ", ".join(facts), tokens, against, edits)


def _counterpart(advice: Advice, place: int, trace: Scored) -> tuple[str | None, Scored | None]:
    """A trace of the same problem: the reference's, or of the reference itself the next stream's that has one."""
    for i, scores in enumerate(advice.compared.scores):
        if i != place:
            for other in scores.traces:
                if other.candidate.problem == trace.candidate.problem:
                    return scores.stream.name, other
    return None, None


def _lengths(advice: Advice, trace: Scored) -> list[int]:
    """Characters of each token of a trace."""
    return spelling.lengths(trace.candidate.text, advice.opened.learner.pieces(trace.stats.token_ids))


def _pieces(advice: Advice, trace: Scored) -> list[str]:
    return marks.pieces(trace.candidate.text, _lengths(advice, trace))
