"""The question that the study puts, and what its streams are, in words for who knows neither."""

from collections.abc import Mapping
from dataclasses import dataclass

from qup.arms import ALIGNED, NATIVE, REFINED, RESTYLED, SYNTHESIZED
from qup.report.numbers import Missing
from qup.report.sections.oracle import Row, Tables
from qup.report.sections.study import Declared
from qup.report.view import Section

STREAMS = {
    NATIVE: "the learner's own right solutions",
    REFINED: "those rewritten by the Oracle",
    SYNTHESIZED: "the Oracle's own",
    RESTYLED: "the learner's logic in the Oracle's words",
    ALIGNED: "the learner's words, its logic repaired",
}
"What a stream of a main refiner is."


@dataclass(frozen=True)
class Question:
    """What was asked, of what, and read on what."""

    text: str
    streams: dict[str, str]
    "A stream's name to what it is, of those that have a word for it."


def numbers(declared: Declared, tables: Tables) -> Question:
    """The question of a study's main arms."""
    rows = {row.refiner: row for row in tables.rows.values() if row.oracle is None or row.label == _plain(row)}
    return Question(_text(declared, tables), _streams(rows))


def _plain(row: Row) -> str:
    return row.label.partition(" (")[0]


def _streams(rows: Mapping[str, Row]) -> dict[str, str]:
    return {row.label: STREAMS[refiner] for refiner, row in rows.items() if refiner in STREAMS}


def _text(declared: Declared, tables: Tables) -> str:
    accuracy, primary = tables.base.accuracy, tables.primary
    graded = "problems that it was not trained on"
    if not isinstance(accuracy, Missing):
        graded = f"{accuracy.n} {graded}"
    looks = f", and is it the one that looks best (Q, the mean reward by `{primary}`)" if primary else ""
    return (
        f"Which of {len(tables.rows)} sets of worked solutions, *streams*, makes the better model of a learner{looks}? "
        f"The learner was trained on each, {declared.replicates} time{'s' * (declared.replicates != 1)} over, and "
        f"graded on {graded}: U, the utility of a stream, is the accuracy gained by training on it, in points."
    )


def show(question: Question) -> Section:
    """A paragraph, and a glossary of the streams."""
    said = "; ".join(f"**{label}**, {words}" for label, words in question.streams.items())
    return Section("The question", [question.text, *([f"The streams: {said}."] if said else [])])
