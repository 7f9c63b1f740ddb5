"""Every way to build the traces: main arms and the study's further ones that differ from them in their streams alone.

Each is compared with RFT, what a team has without an Oracle, all of an Oracle and an objective in one family of Holm's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qup.records import GREEDY, SAMPLED
from qup.report.evidence import Evidence
from qup.report.family import UNREAD
from qup.report.numbers import Missing, Number
from qup.report.sections.contrasts import Tested, tested_of
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
        every.judge([_lead(every, arm, native, objective, decoding) for arm in others])
        for decoding in (SAMPLED, GREEDY)
    )
    leads = {
        arm: tested_of(every, every.arms[arm], every.arms[native], objective, read)
        for arm, read in zip(others, zip(sampled, greedy, strict=True), strict=True)
    }
    return Ways(oracle, objective, arms, every.further_ways(oracle), leads)


def _lead(every: Evidence, arm: str, native: str, objective: str, decoding: str) -> Number:
    if decoding == GREEDY and not every.study.evaluation.of_main.greedy:
        return UNREAD
    crossed = every.difference(arm, native, objective, decoding)
    return every.held.number(crossed, Missing(f"an arm has no {objective} evaluation"))


def show(ways: Sequence[Ways], rows: Mapping[str, Row], reward: str | None) -> Section | None:
    """What is told of each against RFT, then a table per Oracle and objective; `reward` is the one verdicts go by."""
    if not ways:
        return None
    text = (
        "Streams of the same problems, trained on alike: they differ in how their traces are built. Differences from "
        "RFT, the learner's own correct traces, in accuracy points, after Holm's correction over all ways of a table; "
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

    def named(which: Callable[[Tested], bool]) -> str:
        leads = {arm: lead for arm, lead in ways.leads.items() if isinstance(lead, Tested)}
        return ", ".join(rows[arm].label for arm, lead in leads.items() if which(lead)) or "none"

    told = [
        f"Told to be better than RFT: {named(lambda lead: _sign(lead) > 0)}.",
        f"Told to be worse: {named(lambda lead: _sign(lead) < 0)}.",
        f"Decoding-dependent: {named(lambda lead: lead.dependent)}.",
        f"Not told apart from it: {named(lambda lead: not _sign(lead) and not lead.dependent)}.",
    ]
    return f"{ways.objective.upper()}, Oracle {ways.oracle}, by sampled answers", told


def _sign(lead: Tested) -> int:
    """1 or -1 where the way is told to be better or worse whatever the decoding, else 0."""
    if lead.dependent or not lead.difference.resolved:
        return 0
    return 1 if lead.difference.estimate.value > 0 else -1


def _table(ways: Ways, rows: Mapping[str, Row], reward: str | None) -> Table:
    quality = [] if reward is None else [reward]
    columns = ["arm", "refiner", "traces", *quality, "PPL", "Oracle tokens a trace", "U", "U - RFT", "greedy"]
    cells = [_row(rows[arm], ways.leads.get(arm), ways.objective, quality) for arm in ways.arms]
    return Table(columns, cells, caption=f"{ways.objective.upper()}, Oracle {ways.oracle}: the highest utility first.")


def _row(row: Row, lead: Tested | Missing | None, objective: str, quality: Sequence[str]) -> list[Cell]:
    stream = row.stream
    return [
        Cell(row.label),
        Cell(row.refiner, mark="text"),
        Cell(str(stream.traces), f"{stream.problems} problems"),
        *(number(row.rewards[reward].mean) for reward in quality),
        number(row.ppl[MICRO]),
        Cell(f"{stream.oracle_tokens / max(stream.traces, 1):.0f}"),
        signed(row.learners[objective].utility),
        *_leads(lead),
    ]


def _leads(lead: Tested | Missing | None) -> list[Cell]:
    """Of sampled and of greedy answers."""
    if lead is None:
        return [REFERENCE, REFERENCE]
    if isinstance(lead, Missing):
        return [number(lead)] * 2
    return [signed(lead.difference), number(lead.greedy) if isinstance(lead.greedy, Missing) else signed(lead.greedy)]
