"""Every way to build the traces: main arms and the study's further ones that differ from them in their streams alone.

Each is compared with RFT, what a team has without an Oracle, all of an Oracle and an objective in one family of Holm's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.numbers import Missing
from qup.report.sections.contrasts import Tested, estimate, greedy_cell, tested_of
from qup.report.sections.oracle import Row
from qup.report.traces import MICRO
from qup.report.view import DASH, Cell, Finding, Section, Table, number, signed

REFERENCE = Cell(DASH, "the reference")


@dataclass(frozen=True)
class Ways:
    """The ways of one Oracle under one objective."""

    oracle: str
    objective: str
    arms: list[str]
    "The highest utility of sampled answers first, RFT among them."
    further: list[str]
    "Those of them that are not among the main arms, as the study lists them."
    leads: dict[str, Tested | Missing]
    "Arm to its utility minus that of RFT, judged together for each decoding; RFT has none."
    epochs: dict[str, float]
    "Arm to how often its runs saw a trace, their mean: fewer traces are seen more often for the same tokens."


def numbers(every: Evidence, oracles: Sequence[str]) -> list[Ways]:
    """Per Oracle and objective; none where the study lists no further way of the Oracle."""
    native, compared = every.native, [oracle for oracle in oracles if every.further_ways(oracle)]
    if native is None:
        return []
    return [_ways(every, oracle, objective, native) for oracle in compared for objective in every.objectives]


def beside(ways: Sequence[Ways]) -> list[str]:
    """The further arms among them, each once, as the study lists them."""
    return list(dict.fromkeys(arm for each in ways for arm in each.further))


def _ways(every: Evidence, oracle: str, objective: str, native: str) -> Ways:
    utilities = {arm: every.held.learner(arm, objective).utility for arm in every.ways(oracle)}
    values = {arm: float("-inf") if isinstance(own, Missing) else own.value for arm, own in utilities.items()}
    arms = sorted(values, key=lambda arm: -values[arm])
    others = [arm for arm in arms if arm != native]
    sampled, greedy = (
        every.judge([estimate(every, arm, native, objective, decoding) for arm in others])
        for decoding in (SAMPLED, GREEDY)
    )
    leads = {
        arm: tested_of(every, every.arms[arm], every.arms[native], objective, read)
        for arm, read in zip(others, zip(sampled, greedy, strict=True), strict=True)
    }
    return Ways(oracle, objective, arms, every.further_ways(oracle), leads, _epochs(every, objective, arms))


def _epochs(every: Evidence, objective: str, arms: Sequence[str]) -> dict[str, float]:
    curves = {arm: [each for each in every.arms[arm].curves if each.objective == objective] for arm in arms}
    return {
        arm: fmean(each.epoch[-1] for each in own) for arm, own in curves.items() if own and all(e.epoch for e in own)
    }


def show(ways: Sequence[Ways], rows: Mapping[str, Row], reward: str | None) -> Section | None:
    """What is told of each against RFT, then a table per Oracle and objective; `reward` is the one verdicts go by."""
    if not ways:
        return None
    text = (
        "Streams out of the same training problems, trained on alike: they differ in which of these they have, and in "
        "how their traces are built. Differences from RFT, the learner's own correct traces, in accuracy points, after "
        "Holm's correction over all ways of a table, which is wider than that over the main arms alone in Contrasts; "
        "bold is resolved. What each looks like and costs stands beside what it trains."
    )
    return Section(
        "Every way to build the traces",
        [text],
        findings=[_told(each, rows) for each in ways],
        tables=[_table(each, rows, reward) for each in ways],
    )


def _told(ways: Ways, rows: Mapping[str, Row]) -> Finding:
    """Which ways are told from RFT by sampled answers; what greedy ones say stands in the table."""
    leads = {rows[arm].label: lead for arm, lead in ways.leads.items()}
    tested = {label: lead for label, lead in leads.items() if isinstance(lead, Tested)}
    unmeasured = [label for label in leads if label not in tested]
    said = _sorted(tested) if tested else {}
    if unmeasured:
        said |= {"Not measured beside RFT": unmeasured}
    lines = [f"{what}: {', '.join(labels) or 'none'}." for what, labels in said.items()]
    return f"{ways.objective.upper()}, Oracle {ways.oracle}, by sampled answers", lines


def _sorted(leads: Mapping[str, Tested]) -> dict[str, list[str]]:
    """Labels by what is told of them."""
    if any(lead.difference.estimate.replicated is False for lead in leads.values()):
        return {"Not replicated, so that nothing is told": list(leads)}
    kinds = {1: "Told to be better than RFT", -1: "Told to be worse", 0: "Not told apart from it"}
    said: dict[str, list[str]] = {kinds[1]: [], kinds[-1]: [], "Decoding-dependent": [], kinds[0]: []}
    for label, lead in leads.items():
        said["Decoding-dependent" if lead.dependent else kinds[_sign(lead)]].append(label)
    return said


def _sign(lead: Tested) -> int:
    """1 or -1 where the way is told to be better or worse, else 0."""
    if not lead.difference.resolved:
        return 0
    return 1 if lead.difference.estimate.value > 0 else -1


def _table(ways: Ways, rows: Mapping[str, Row], reward: str | None) -> Table:
    quality = [] if reward is None else [reward]
    columns = ["arm", "refiner", "traces", "epochs", *quality, "PPL", "Oracle tokens a trace"]
    cells = [
        [*_stream(rows[arm], ways.epochs.get(arm), quality), _oracle(rows[arm], rows), *_trained(ways, arm, rows)]
        for arm in ways.arms
    ]
    return Table(
        [*columns, "U", "U - RFT", "greedy"],
        cells,
        caption=f"{ways.objective.upper()}, Oracle {ways.oracle}: the highest utility first.",
    )


def _stream(row: Row, epochs: float | None, quality: Sequence[str]) -> list[Cell]:
    """What there is to train on, and what it looks like."""
    stream, ppl = row.stream, row.ppl[MICRO]
    problems = stream.problems if isinstance(ppl, Missing) else ppl.n
    return [
        Cell(row.label),
        Cell(row.refiner, mark="text"),
        Cell(str(stream.traces), f"of {problems} problems"),
        Cell(DASH if epochs is None else f"{epochs:.1f}"),
        *(number(row.rewards[reward].mean) for reward in quality),
        number(ppl),
    ]


def _oracle(row: Row, rows: Mapping[str, Row]) -> Cell:
    """Its own tokens; a choice among other arms' traces asks nothing itself, and has no price of its own."""
    stream = row.stream
    asked = sum(count for arm, count in stream.origins.items() if arm in rows and rows[arm].oracle is not None)
    if asked and not stream.oracle_tokens:
        return Cell(DASH, f"{asked} traces are of arms that asked")
    return Cell(f"{stream.oracle_tokens / max(stream.traces, 1):.0f}")


def _trained(ways: Ways, arm: str, rows: Mapping[str, Row]) -> list[Cell]:
    return [signed(rows[arm].learners[ways.objective].utility), *_leads(ways.leads.get(arm))]


def _leads(lead: Tested | Missing | None) -> list[Cell]:
    """Of sampled and of greedy answers."""
    if lead is None:
        return [REFERENCE, REFERENCE]
    return [number(lead)] * 2 if isinstance(lead, Missing) else [signed(lead.difference), greedy_cell(lead.greedy)]
