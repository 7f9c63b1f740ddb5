"""The question that the study puts, and what its streams are, in words for who knows neither."""

from collections.abc import Mapping, Sequence
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
OBJECTIVES = {"sft": "every token counts alike", "dft": "unlikely tokens count less"}
"What training under an objective is."


@dataclass(frozen=True)
class Question:
    """What was asked, of what, and read on what."""

    text: str
    streams: dict[str, str]
    "A stream's name to what it is, of those that have a word for it."
    beside: dict[str, str]
    "Name of a further way to build the traces to its refiner."


def numbers(declared: Declared, tables: Tables, beside: Sequence[Row]) -> Question:
    """The question of a study's main arms, and of those `beside` them that differ in their streams alone."""
    rows = {row.refiner: row for row in tables.rows.values() if row.oracle is None or row.label == _plain(row)}
    text = _text(declared, tables, len(tables.rows) + len(beside))
    return Question(text, _streams(rows), {row.label: row.refiner for row in beside})


def _plain(row: Row) -> str:
    return row.label.partition(" (")[0]


def _streams(rows: Mapping[str, Row]) -> dict[str, str]:
    return {row.label: STREAMS[refiner] for refiner, row in rows.items() if refiner in STREAMS}


def _text(declared: Declared, tables: Tables, streams: int) -> str:
    accuracy, primary = tables.base.accuracy, tables.primary
    graded = "other problems"
    if not isinstance(accuracy, Missing):
        graded = f"{accuracy.n} {graded}"
    looks = f", and is it the one that looks best (Q, the mean reward by `{primary}`)" if primary else ""
    return (
        f"On which of {streams} sets of worked solutions, *streams*, should a small model, the *learner*, be "
        f"trained{looks}? An *Oracle*, a stronger model or a program, rewrites or writes some. It was trained on each, "
        f"{declared.replicates} time{'s' * (declared.replicates != 1)} over{_trained(declared.objectives)}, and graded "
        f"on {graded}: U, the utility of a stream, is the accuracy gained by it, in points."
    )


def _trained(objectives: Sequence[str]) -> str:
    """By which objectives, of those that have a word for it."""
    said = [f"{name.upper()} ({OBJECTIVES[name]})" for name in objectives if name in OBJECTIVES]
    return f" by {' and '.join(said)}" if said else ""


def show(question: Question) -> Section:
    """A paragraph, and a glossary of the streams."""
    said = "; ".join(f"**{label}**, {words}" for label, words in question.streams.items())
    beside = ", ".join(f"**{label}**" + f" (`{by}`)" * (by != label) for label, by in question.beside.items())
    glossary = [f"The streams: {said}."] * bool(said) + [f"Beside them, by refiner: {beside}."] * bool(beside)
    return Section("The question", [question.text, *glossary])
