"""Studies side by side, in words: the tables that terminal and page both have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qup.arms import ALIGNED, NATIVE, REFINED
from qup.compare.changes import Change, flat
from qup.compare.reading import Figure, Index, Line, Published
from qup.paper import Gap, paper
from qup.paper import Row as Theirs
from qup.report.view import DASH, Cell, word

EMPTY = Cell(DASH)
UNRUN = Cell(DASH, "not run")
UNKNOWN = Cell(DASH, "not in the notes", "text")
UNITS = ((10**9, "B"), (10**6, "M"), (10**3, "K"))
HEX = 7
"Digits of a commit that are shown."


@dataclass(frozen=True)
class Side:
    """A table whose first column names the rows."""

    title: str
    caption: str
    columns: list[str]
    rows: list[list[Cell]]
    links: dict[str, str] = field(default_factory=dict)
    "Row's name to the page that its first cell leads to."


@dataclass(frozen=True)
class Answer:
    """One study in words."""

    name: str
    title: str
    page: str | None
    said: list[tuple[str, str, str]]
    "What it is of, what to train on, and the verdict; what is equal is said once."


def sides(published: Sequence[Published]) -> list[Side]:
    """What all studies have, and the paper's rows beside them."""
    return [studies(published), beside(published)]


def answers(published: Iterable[Published]) -> list[Answer]:
    """What each study says, in words alone."""
    found = []
    for each in published:
        said: dict[tuple[str, str], list[str]] = {}
        for line in each.lines:
            said.setdefault((line.choice, line.verdict), []).append(f"{line.objective.upper()}, Oracle {line.oracle}")
        words = [("; ".join(names), *both) for both, names in said.items()]
        found.append(Answer(each.name, each.title, each.page, words or [(DASH, DASH, each.problem)]))
    return found


def differing(published: Iterable[Published]) -> Side | None:
    """The settings that are not the same in all studies; None where fewer than two are known."""
    known = {each.name: flat(each.made.settings) for each in published if each.made.settings}
    if len(known) < 2:
        return None
    keys = list(dict.fromkeys(key for own in known.values() for key in own))
    rows = [
        [Cell(key), *(word(own.get(key, "not set")) for own in known.values())]
        for key in keys
        if len({own.get(key) for own in known.values()}) > 1
    ]
    caption = "Settings that are not the same in all studies, as each was made; of some that is not known."
    return Side("What is set otherwise", caption, ["setting", *known], rows)


def studies(published: Iterable[Published]) -> Side:
    """A row per study, Oracle and objective."""
    shown = list(published)
    columns = ["study", "learner", "family", "size", "Oracle", "objective", "verdict, both decodings"]
    columns += ["RFT - Refined, points", "repair value V, points", "drift cost C, points", "paradox index"]
    return Side(
        title="Studies side by side",
        caption="Differences of utility in accuracy points under sampled decoding, below them greedy, each with the "
        "interval that decides. Bold: resolved after correction. The paradox index is the share of resolved pairs of "
        "arms whose quality and utility differ in sign, then what it can be over all pairs.",
        columns=[*columns, "made at"],
        rows=[row for each in shown for row in _rows(each)],
        links={each.name: each.page for each in shown if each.page},
    )


def _rows(each: Published) -> list[list[Cell]]:
    by = each.made
    named = [Cell(each.name), word(each.learner or DASH), word(by.family or DASH), Cell(size(by.parameters))]
    if each.problem:
        return [[*named, EMPTY, EMPTY, word(each.problem), *[EMPTY] * 4, commit(each)]]
    return [[*named, *_line(each, line), commit(each)] for line in each.lines]


def _line(each: Published, line: Line) -> list[Cell]:
    pairs = [(getattr(line.sampled, name), getattr(line.greedy, name)) for name in ("gap", "repair", "drift")]
    return [
        Cell(line.oracle, each.oracles.get(line.oracle, ""), "text"),
        word(line.objective.upper()),
        Cell(line.verdict, mark="text long"),
        *(decoded(*pair) for pair in pairs),
        index(line.index),
    ]


def decoded(sampled: Figure, greedy: Figure) -> Cell:
    """A difference under both decodings; bold where sampled answers resolve it, which is what verdicts go by."""
    said = f"greedy {points(greedy)}\n{interval(greedy)}" if greedy.value is not None else f"greedy\n{greedy.reason}"
    if sampled.value is None:
        return Cell(DASH, f"{sampled.reason}\n{said}")
    small = "\n".join(part for part in (interval(sampled), behind(sampled), said) if part)
    return Cell(points(sampled), small, "told" if sampled.resolved else "")


def points(figure: Figure) -> str:
    """A share as accuracy points."""
    return DASH if figure.value is None else f"{100 * figure.value:+.1f}"


def interval(figure: Figure) -> str:
    """Its interval, in points."""
    if figure.low is None or figure.high is None:
        return "no interval"
    return f"[{100 * figure.low:+.1f}, {100 * figure.high:+.1f}]"


def behind(figure: Figure) -> str:
    """How many problems and replicates."""
    said = [] if figure.n is None else [f"n {figure.n}"]
    if figure.replicates is not None:
        said.append(f"{figure.replicates} replicate{'s' * (figure.replicates != 1)}")
    return ", ".join(said)


def index(found: Index) -> Cell:
    """The paradox index over the resolved pairs, with what it could be over all of them."""
    if found.pairs is None:
        return Cell(DASH, found.reason)
    if found.bounds is None:
        return Cell(DASH, f"{found.reason}\n{found.pairs} pairs")
    low, high = found.bounds
    of = f"of {found.resolved} resolved\n[{low:.2f}, {high:.2f}]\nof {found.pairs} pairs"
    return Cell(DASH if found.value is None else f"{found.value:.2f}", of)


def size(parameters: int | None) -> str:
    """A number of parameters in three digits."""
    for unit, letter in UNITS:
        # Half a thousandth below a unit is written as one of it.
        if parameters is not None and parameters >= 0.9995 * unit:
            return f"{parameters / unit:#.3g}".rstrip(".") + letter
    return DASH if parameters is None else str(parameters)


def commit(each: Published) -> Cell:
    """The commit that made a report, in short, and on how many training sets."""
    by, count = each.made, each.replicates
    said = ["not replicated" if count is None else f"{count} replicate{'s' * (count != 1)}"]
    if by.clean is False:
        said.append("with uncommitted changes")
    return Cell(by.commit[:HEX] if by.commit else DASH, "\n".join(said))


def beside(published: Iterable[Published]) -> Side:
    """The paper's learners and what is known of them, beside ours that are about them."""
    about: dict[str, list[Published]] = {}
    for each in published:
        about.setdefault(each.row or each.name, []).append(each)
    rows = [row for name, theirs in paper().rows.items() for row in _learner(theirs, about.get(name, []))]
    columns = ["the paper's learner", "family", "size", "objective", "RFT - Refined, theirs", "ours"]
    return Side(
        title="The paper's learners beside ours",
        caption="Theirs from notes of third parties on arXiv 2606.16152, taken between two of their accuracies: no "
        "note has an interval. The paper was not at hand. Theirs are over all of its sets, ours on the one that the "
        "last column names, so equal signs are no agreement. V is SAR - RFT, C is SAR - Refined.",
        columns=[*columns, "V, theirs", "ours", "C, theirs", "ours", "our study"],
        rows=rows,
        links={each.name: each.page for found in about.values() for each in found if each.page},
    )


def _learner(theirs: Theirs, ours: Sequence[Published]) -> list[list[Cell]]:
    known = [objective for stream in theirs.streams.values() for objective in stream.accuracy]
    lines = [(each, line) for each in ours for line in each.lines]
    objectives = list(dict.fromkeys([*known, *(line.objective for _, line in lines)]))
    named = [Cell(theirs.learner), word(theirs.family), Cell(theirs.size)]
    rows = []
    for objective in objectives or [DASH]:
        own = [pair for pair in lines if pair[1].objective == objective]
        cells = [_pair(theirs, objective, pair) for pair in own] or [_pair(theirs, objective, None)]
        rows += [[*named, word(objective.upper()), *pair] for pair in cells]
    return rows


def _pair(theirs: Theirs, objective: str, ours: tuple[Published, Line] | None) -> list[Cell]:
    pairs = {"gap": (NATIVE, REFINED), "repair": (ALIGNED, NATIVE), "drift": (ALIGNED, REFINED)}
    cells = []
    for name, refiners in pairs.items():
        line = ours[1] if ours else None
        cells.append(reported(theirs.gaps(*refiners, objective)))
        cells.append(decoded(getattr(line.sampled, name), getattr(line.greedy, name)) if line else UNRUN)
    return [*cells, _ours(*ours) if ours else EMPTY]


def _ours(published: Published, line: Line) -> Cell:
    """The study, its Oracle and the set that its differences are of."""
    return Cell(published.name, f"{line.oracle}\non {published.main or 'a set that is not known'}", "text")


def reported(gaps: Sequence[Gap]) -> Cell:
    """Differences of theirs, one line each."""
    if not gaps:
        return UNKNOWN
    first, *others = [f"{gap.points:+.2f}" for gap in gaps]
    said = [f"{gap.first} - {gap.second}, {gap.status}" for gap in gaps]
    more = [f"{value}: {words}" for value, words in zip(others, said[1:], strict=True)]
    return Cell(first, "\n".join([said[0], *more, "no interval"]), "text")


def streams() -> Side:
    """Every number of theirs, with how sure it is."""
    columns = ["stream", "learner", "reward", "PPL", "SFT Avg@16, %", "DFT Avg@16, %", "semantic retention, 1 to 5"]
    rows = []
    for theirs in paper().rows.values():
        for name, each in theirs.streams.items():
            found = (each.reward, each.ppl, each.accuracy.get("sft"), each.accuracy.get("dft"), each.retention)
            cells = [UNKNOWN if value is None else Cell(f"{value.value:.2f}", value.status, "text") for value in found]
            rows.append([Cell(name), word(theirs.learner), *cells])
    words = "; ".join(f"{status}: {text}" for status, text in paper().statuses.items())
    return Side("What notes have of the paper's streams", f"How sure: {words}.", columns, rows)


def changed(names: Sequence[str], changes: Iterable[Change] | None) -> Side:
    """What differs in the settings of two studies; None where those of one are not known."""
    rows = [[Cell(change.key), word(_set(change.old)), word(_set(change.new))] for change in changes or ()]
    if changes is None:
        why = "what made a report is not known: its made.json is missing, or of another report"
        rows = [[Cell(DASH, why), Cell(DASH), Cell(DASH)]]
    caption = f"Settings of {names[0]} that are others in {names[1]}, as each was made."
    return Side("What changed", caption, ["setting", names[0], names[1]], rows)


def _set(value: str | None) -> str:
    return "not set" if value is None else value


def notes() -> Mapping[str, list[str]]:
    """What is to be known of the paper's numbers beside them."""
    return {"Contradictions in the notes": paper().contradictions, "What no note says": paper().open}
