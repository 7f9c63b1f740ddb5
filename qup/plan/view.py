"""A plan for readers: a table in a terminal, plain lines elsewhere, JSON for programs."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qup.plan.changes import State
from qup.plan.rows import Plan, Row
from qup.plan.spans import Span, total
from qup.plan.work import Kind

UNKNOWN = "?"
COLUMNS = ("stage", "", "answers", "prompt", "completion", "scored", "trained", "time", "memory", "disk")
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
TIMES = ((3600.0, " h"), (60.0, " min"))


def show(made: Plan, console: Console) -> None:
    """Everything, as wide as the console is."""
    if console.is_terminal:
        console.print(_table(made))
    else:
        for row in cells(made)[1:]:
            console.print(escape(_line(row)), soft_wrap=True)
    for line in lines(made):
        console.print(escape(line), soft_wrap=True)


def _table(made: Plan) -> Table:
    table = Table(*COLUMNS[:2], title=None, box=None, pad_edge=False)
    for name in COLUMNS[2:]:
        table.add_column(name, justify="right")
    for row in cells(made)[1:]:
        table.add_row(*map(escape, row))
    return table


def _line(row: list[str]) -> str:
    """A row as a line that says what each figure is."""
    named = [f"{name} {cell}" for name, cell in zip(COLUMNS[2:], row[2:], strict=True) if cell]
    return f"{' '.join(filter(None, row[:2]))}: {', '.join(named)}"


def cells(made: Plan) -> list[list[str]]:
    """The table, its head first; stages of a kind that cost the same are one row."""
    rows = [_cells(group) for group in groups(made.rows)]
    sums = _cells(list(made.rows))
    sums[0], sums[1] = "all stages", ""
    return [list(COLUMNS), *rows, sums]


def groups(rows: tuple[Row, ...]) -> list[list[Row]]:
    """Rows next to each other that are of one kind and state."""
    grouped: list[list[Row]] = []
    for row in rows:
        if grouped and _like(grouped[-1][0], row):
            grouped[-1].append(row)
        else:
            grouped.append([row])
    return grouped


def _like(one: Row, other: Row) -> bool:
    step = one.stage.step.removesuffix("-native")
    same = _state(one) == _state(other)
    return same and step == other.stage.step.removesuffix("-native")


def _state(row: Row) -> str:
    return "" if row.change is None else row.change.state.value


def _cells(rows: list[Row]) -> list[str]:
    """A row of the table, of one stage or the sum of some."""
    first = rows[0]
    name = first.stage.step.removesuffix("-native") + (f" x {len(rows)}" if len(rows) > 1 else "")
    written = (Kind.GENERATE, Kind.CALL)

    def summed(*kinds: Kind, what: str = "items") -> str:
        return number(total(row.stage.sum(*kinds, what=what) for row in rows))

    memory = [row.memory for row in rows]
    largest = max((each for each in memory if each), key=lambda span: span.high, default=None)
    return [
        name,
        _state(first),
        summed(*written),
        summed(*written, what="prompt"),
        summed(*written, what="completion"),
        summed(Kind.SCORE),
        summed(Kind.TRAIN, what="completion"),
        duration(total(row.estimate.seconds for row in rows)),
        UNKNOWN if None in memory or largest is None else number(largest, "B"),
        number(total(row.disk for row in rows), "B"),
    ]


def lines(made: Plan) -> Iterator[str]:
    """What the table does not hold: the sum, where figures are from, what runs and why, what to know."""
    yield ""
    cached = sum(change.state is State.CACHED for change in made.changes)
    what = f"{len(made.changes) - cached} stages will or may run, {cached} are cached" if made.changes else "all stages"
    yield f"{made.study}: {what}; {duration(made.seconds)} in all, on {made.machine.label} ({made.machine.why})"
    costs = [row.cost for row in made.rows]
    if any(row.stage.sum(Kind.CALL).high for row in made.rows):
        yield f"endpoints: {money(costs)}"
    yield f"lengths: {made.lengths}"
    yield f"speed: {made.speed}"
    sources = dict.fromkeys(row.estimate.source for row in made.rows)
    yield f"times: {'; '.join(sources)}"
    yield from (f"note: {note}" for note in made.notes)
    yield from (change.line for change in made.changes if change.state is not State.CACHED)


def money(costs: list[Span | None]) -> str:
    """Dollars of all stages; where an endpoint has no price, that it has none."""
    if None in costs:
        return "no price is given (oracles.<name>.api.price), so tokens alone are counted"
    paid = total(cost for cost in costs if cost)
    return f"${paid.mid:,.2f} (${paid.low:,.2f} to ${paid.high:,.2f})"


def number(span: Span, unit: str = "") -> str:
    """`1.2k` of an exact quantity, `1.2k (0.9-1.5)` of one that is not; nothing of none."""
    if span.high == 0:
        return ""
    size, letter = next(((size, letter) for size, letter in UNITS if span.mid >= size), (1.0, ""))
    return _ranged(span * (1 / size), f"{letter}{unit}")


def duration(span: Span) -> str:
    """`3.2 min (2.5-4.1)`."""
    size, unit = next(((size, unit) for size, unit in TIMES if span.mid >= size), (1.0, " s"))
    return _ranged(span * (1 / size), unit)


def _ranged(span: Span, unit: str) -> str:
    low, mid, high = (f"{value:.0f}" if value >= 100 else f"{value:.3g}" for value in (span.low, span.mid, span.high))
    return f"{mid}{unit}" if low == mid == high else f"{mid}{unit} ({low}-{high})"


def plain(made: Plan) -> dict[str, Any]:
    """The plan as JSON has it: stage by stage, spans as `[low, expected, high]`."""
    return {
        "study": made.study,
        "machine": {"label": made.machine.label, "why": made.machine.why},
        "lengths": made.lengths,
        "speed": made.speed,
        "seconds": _span(made.seconds),
        "stages": [_row(row) for row in made.rows],
        "changes": [dataclasses.asdict(change) for change in made.changes],
        "notes": list(made.notes),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "stage": row.stage.name,
        "state": _state(row) or None,
        "reasons": list(row.change.reasons) if row.change else [],
        "jobs": row.stage.jobs,
        "generations": _span(row.stage.generations),
        "seconds": _span(row.estimate.seconds),
        "source": row.estimate.source,
        "memory": row.memory and _span(row.memory),
        "disk": _span(row.disk),
        "dollars": row.cost and _span(row.cost),
        "work": [_work(work) for work in row.stage.works],
    }


def _work(work: Any) -> dict[str, Any]:
    fields = {f.name: getattr(work, f.name) for f in dataclasses.fields(work)}
    return {name: _span(value) if isinstance(value, Span) else value for name, value in fields.items()}


def _span(span: Span) -> list[float]:
    return [span.low, span.mid, span.high]
