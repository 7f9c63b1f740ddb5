"""The paper's numbers beside ours, where a study says which row of the paper it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qup.arms import ALIGNED, NATIVE, REFINED
from qup.paper import Gap, Reported, Row, Stream, paper
from qup.report.evidence import Evidence
from qup.report.numbers import Difference, Missing, Number
from qup.report.sections import contrasts
from qup.report.sections.contrasts import Contrast, Tested
from qup.report.sections.oracle import Tables
from qup.report.sections.sets import Sets
from qup.report.sections.study import Declared
from qup.report.traces import MICRO
from qup.report.view import DASH, Cell, Section, Table, number, percent, signed, word

PAIRS = ((ALIGNED, REFINED), (NATIVE, REFINED))
"The declared contrasts, which the notes' accuracies give too."
ABSENT = Missing("no such arm")
MEAN = "mean of sets"
UNKNOWN = Cell(DASH, "not in the notes")


@dataclass(frozen=True)
class Beside:
    """A stream of the paper and an arm of ours that is made the same way."""

    stream: str
    arm: str | None
    "None where no arm of ours is."
    reward: tuple[Reported | None, Number]
    "Theirs and ours: of two reward models, so of two units."
    ppl: tuple[Reported | None, Number]
    theirs: dict[str, Reported]
    "Objective to Avg@16 in percent over all of the paper's sets."
    ours: dict[str, dict[str, Number]]
    "Objective to set to Avg@k, as a share; of several sets their mean is there too."


@dataclass(frozen=True)
class Compared:
    """A difference of theirs and the same of ours: over all of the study's sets, of one set the declared contrast."""

    oracle: str
    "Ours."
    objective: str
    theirs: Gap
    ours: Difference | Missing
    said: str
    "What ours says. Not whether the signs agree: theirs is over sets of theirs, which need not be ours."


@dataclass(frozen=True)
class Paper:
    """All that the notes have of the row, beside what the study measured."""

    row: str
    learner: str
    sets: list[str]
    "That our differences are over, each counting alike."
    drawn: dict[str, int]
    "Set to answers drawn a problem, the k of our Avg@k."
    streams: list[Beside]
    gaps: list[Compared]


def numbers(evidence: Evidence, tables: Tables, sets: Sets, tested: Sequence[Contrast]) -> Paper | None:
    """None where the study names no row of the paper."""
    row = evidence.study.report.paper
    if row is None:
        return None
    theirs = paper().row(row)
    streams = [
        _beside(evidence, stream, theirs.streams[stream], arm, tables, sets)
        for stream, each in theirs.streams.items()
        for arm in _arms(tables, each.refiner)
    ]
    over = [evidence.study.evaluation.main, *evidence.sets]
    drawn = {task: sets.repeats.get("k", {}).get(task, evidence.study.evaluation.of_main.k) for task in over}
    return Paper(row, theirs.learner, over, drawn, streams, _gaps(evidence, theirs, tables, tested))


def _gaps(evidence: Evidence, theirs: Row, tables: Tables, tested: Sequence[Contrast]) -> list[Compared]:
    places = [
        (gap, oracle, objective, pair)
        for oracle in tables.groups
        for objective in evidence.objectives
        for pair in PAIRS
        for gap in theirs.gaps(*pair, objective)
    ]
    if not evidence.sets:
        return [_declared(*place, tested) for place in places]
    judged = evidence.judge([_over_sets(evidence, *place[1:]) for place in places])
    return [
        Compared(oracle, objective, gap, ours, _resolved(ours))
        for (gap, oracle, objective, _), ours in zip(places, judged, strict=True)
    ]


def _over_sets(evidence: Evidence, oracle: str, objective: str, pair: tuple[str, str]) -> Number:
    """The difference of two refiners' arms, Avg@k, mean over all sets."""
    arms = [evidence.find(oracle, refiner) for refiner in pair]
    sides = [evidence.over_sets(arm, objective) for arm in arms if arm is not None]
    if len(sides) < 2 or sides[0] is None or sides[1] is None:
        return Missing("not both arms have answers to every set")
    return sides[0].minus(sides[1]).estimate(evidence.level) or Missing("no answers")


def _arms(tables: Tables, refiner: str) -> list[str | None]:
    """Ours of a refiner; a None where there is none."""
    return [arm for arm, own in tables.rows.items() if own.refiner == refiner] or [None]


def _beside(  # noqa: PLR0917 - a stream of theirs, an arm of ours, and where its numbers stand
    evidence: Evidence, stream: str, theirs: Stream, arm: str | None, tables: Tables, sets: Sets
) -> Beside:
    own = None if arm is None else tables.rows[arm]
    reward: Number = own.rewards[tables.primary].mean if own and tables.primary else ABSENT
    ours: dict[str, dict[str, Number]] = {objective: {} for objective in evidence.objectives}
    for objective, by_set in ours.items():
        if arm is not None and own is not None:
            by_set[evidence.study.evaluation.main] = own.learners[objective].answered.accuracy
            by_set |= {task: each[objective].answered.accuracy for task, each in sets.arms[arm].items()}
            if evidence.sets:
                mean = evidence.over_sets(arm, objective)
                by_set[MEAN] = (mean and mean.rate(evidence.level)) or Missing("not every set was answered")
    return Beside(
        stream=stream,
        arm=arm,
        reward=(theirs.reward, reward),
        ppl=(theirs.ppl, own.ppl[MICRO] if own else ABSENT),
        theirs=theirs.accuracy,
        ours=ours,
    )


def _declared(gap: Gap, oracle: str, objective: str, pair: tuple[str, str], tested: Sequence[Contrast]) -> Compared:
    contrast = contrasts.find(tested, oracle, objective, pair)
    ours = contrast.tested if contrast else Missing("no such contrast")
    if isinstance(ours, Tested):
        said = "decoding-dependent" if ours.dependent else _resolved(ours.difference)
        return Compared(oracle, objective, gap, ours.difference, said)
    return Compared(oracle, objective, gap, ours, _resolved(ours))


def _resolved(ours: Difference | Missing) -> str:
    if isinstance(ours, Missing):
        return "not measured"
    return "resolved" if ours.resolved else "not resolved"


def show(compared: Paper | None, labels: Mapping[str, str], declared: Declared) -> Section | None:
    """What the notes say of their numbers, then three kinds of tables; None where the study names no row."""
    if compared is None:
        return None
    known = paper()
    bullets = [*(f"Contradiction: {text}" for text in known.contradictions), *known.open]
    facts = [[Cell(fact.fact), word(fact.value), word(known.statuses[fact.status])] for fact in known.facts]
    tables = [
        *([_gap_table(compared)] if compared.gaps else []),
        *(_accuracy_table(compared, objective, labels) for objective in declared.objectives if compared.streams),
        *([_trace_table(compared, labels)] if compared.streams else []),
        Table(["of the paper's recipe", "what notes say", "how sure"], facts, caption="The recipe, as notes have it."),
    ]
    return Section("The paper's numbers beside ours", _words(compared), bullets=bullets, tables=tables)


def _words(compared: Paper) -> list[str]:
    words = "; ".join(f"*{status}*: {text}" for status, text in paper().statuses.items())
    text = (
        f"Of {compared.learner}, from notes of third parties on arXiv 2606.16152: the paper was not at hand. How sure "
        f"a number of theirs is stands below it. {words}. Theirs have no interval in any note. Theirs are over all of "
        f"their sets and our differences {_over(compared)}, so it is not told whether signs agree."
    )
    return [text] if compared.streams else [text, "The notes have no number of this learner."]


def _over(compared: Paper) -> str:
    """What our differences are of."""
    if len(compared.sets) == 1:
        return f"of {compared.sets[0]} alone"
    return f"the mean over {', '.join(compared.sets)}, each set counting alike, all judged together"


def _gap_table(compared: Paper) -> Table:
    rows = [
        [
            Cell(f"{each.theirs.first} - {each.theirs.second}"),
            word(each.objective.upper()),
            Cell(f"{each.theirs.points:+.2f}", f"{each.theirs.status}, no interval"),
            word(each.oracle),
            percent(each.ours) if isinstance(each.ours, Missing) else signed(each.ours),
            word(each.said),
        ]
        for each in compared.gaps
    ]
    ours = f"ours on {compared.sets[0]}" if len(compared.sets) == 1 else f"ours, mean of {len(compared.sets)} sets"
    columns = ["theirs", "objective", "theirs over all sets, points", "Oracle of ours", f"{ours}, points", ours]
    caption = (
        f"Differences of accuracy: theirs taken between two of their numbers, over all of their sets; ours "
        f"{_over(compared)}."
    )
    return Table(columns, rows, caption=caption)


def _accuracy_table(compared: Paper, objective: str, labels: Mapping[str, str]) -> Table:
    sets = list(dict.fromkeys(name for each in compared.streams for name in each.ours[objective]))
    rows = [
        [
            Cell(each.stream),
            word(labels[each.arm] if each.arm else DASH),
            _reported(each.theirs.get(objective)),
            *(percent(each.ours[objective].get(name, ABSENT)) for name in sets),
        ]
        for each in compared.streams
    ]
    columns = ["stream", "our arm", "theirs, all sets", *(f"ours, {name}" for name in sets)]
    one, *others = sorted(set(compared.drawn.values()))
    ours = ", ".join(f"Avg@{k} on {task}" for task, k in compared.drawn.items()) if others else f"Avg@{one}"
    caption = f"Accuracy under {objective.upper()}, %: theirs Avg@16 over all of their sets; ours {ours}."
    return Table(columns, rows, caption=caption)


def _trace_table(compared: Paper, labels: Mapping[str, str]) -> Table:
    rows = [
        [
            Cell(each.stream),
            word(labels[each.arm] if each.arm else DASH),
            _reported(each.reward[0]),
            number(each.reward[1], 3),
            _reported(each.ppl[0]),
            number(each.ppl[1], 3),
        ]
        for each in compared.streams
    ]
    columns = ["stream", "our arm", "reward, theirs", "reward, ours", "PPL, theirs", "PPL, ours"]
    caption = "Before training. The reward models are not the same, so their units are not either."
    return Table(columns, rows, caption=caption)


def _reported(value: Reported | None) -> Cell:
    return UNKNOWN if value is None else Cell(f"{value.value:.2f}", value.status)
