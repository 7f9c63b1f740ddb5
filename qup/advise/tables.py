"""The tables of advice, on the terminal and on the page alike."""

from collections.abc import Iterable

from qup.advise import words
from qup.advise.comparing import Gap
from qup.advise.made import Advice
from qup.advise.scoring import CORRECT, Scores
from qup.compare.tables import Side
from qup.report.foresight import LENGTH
from qup.report.view import DASH, Cell

FIRST = ("ppl", "excess_surprisal", "onpolicy_z", "rsr", LENGTH, CORRECT)
"What the summary shows; all metrics are on the page and in the JSON."


def lead(advice: Advice) -> str:
    """One line: the learner, the streams and what they share."""
    opened, compared = advice.opened, advice.compared
    count = len(compared.names)
    scored = sum(len(each.traces) for each in compared.scores)
    shared = f", {compared.shared} problems in all of them" if count > 1 else ""
    return (
        f"Learner {opened.name} ({opened.family or 'of unknown family'}, {words.size(opened.parameters)}); {count} "
        f"stream{'s' * (count != 1)}, {scored} traces scored{shared}."
    )


def streams(advice: Advice, metrics: Iterable[str] = FIRST) -> Side:
    """A row per stream."""
    compared = advice.compared
    shown = [metric for metric in metrics if any(metric in own for own in compared.means.values())]
    columns = ["stream", "traces scored", *map(words.label, shown)]
    rows = [[Cell(_name(advice, each)), _count(each), *_means(advice, each, shown)] for each in compared.scores]
    caption = "Means over each stream's own problems with 95% bootstrap intervals over problems."
    return Side("Streams", caption, columns, rows)


def pairs(advice: Advice, metrics: Iterable[str] = FIRST) -> list[Side]:
    """A row per pair of streams; nothing of a single one."""
    compared = advice.compared
    if len(compared.names) == 1:
        return []
    shown = [m for m in metrics if any(m in pair.gaps for pair in compared.pairs)]
    rows = [
        [
            Cell(f"{pair.first} - {pair.second}"),
            Cell(str(pair.shared), f"same trace in {pair.same}" if pair.same else ""),
            *(_gap(pair.gaps.get(metric), metric) for metric in shown),
        ]
        for pair in compared.pairs
    ]
    caption = (
        "First minus second, on the problems that both have (matched by the question's text); t intervals after Holm's "
        "correction over the pairs; * told from zero."
    )
    return [Side("Differences", caption, ["pair", "problems shared", *map(words.label, shown)], rows)]


def _name(advice: Advice, scores: Scores) -> str:
    name = scores.stream.name
    return f"{name} (reference)" if name == advice.reference and len(advice.compared.names) > 1 else name


def _count(scores: Scores) -> Cell:
    total = len(scores.stream.traces)
    return Cell(str(len(scores.traces)), f"of {total}" if total != len(scores.traces) else "")


def _means(advice: Advice, scores: Scores, metrics: Iterable[str]) -> Iterable[Cell]:
    means = advice.compared.means[scores.stream.name]
    for metric in metrics:
        mean = means.get(metric)
        if mean is None:
            yield Cell(DASH)
        else:
            ends = words.ends(metric, mean.low, mean.high)
            yield Cell(words.number(metric, mean.value), ends)


def _gap(gap: Gap | None, metric: str) -> Cell:
    if gap is None:
        return Cell(DASH)
    text = f"{words.number(metric, gap.value, sign=True)}{'*' * gap.resolved}"
    return Cell(text, words.ends(metric, gap.low, gap.high, sign=True), "told" if gap.resolved else "")
