"""Perceived quality: each stream against the others problem by problem, with length held fixed, and beyond mere style.

The main tables have Q, a mean. Here stands what a mean hides: how often a stream wins, how far above its peers it is in
a reward's own spread, what is left at equal length, how well reward models agree, and how far a reward moves when a
trace is only laid out otherwise: a gap in quality that does not reach beyond that may be one of layout.
"""

from collections.abc import Mapping
from dataclasses import replace

from qup.report import perceived
from qup.report.evidence import Evidence
from qup.report.numbers import Difference, Missing
from qup.report.perceived import Quality, Stream
from qup.report.view import DASH, Cell, Section, Table, number, word


def numbers(evidence: Evidence) -> Quality:
    """Of the main arms, by every reward that perceives quality and the panel."""
    return perceived.numbers(evidence)


def show(quality: Quality, labels: Mapping[str, str]) -> list[Section]:
    """One table, and the details folded."""
    rows = [
        [Cell(labels[arm]), word(oracle), *_cells(stream, reward, _void(quality, arm, reward))]
        for oracle, by_reward in quality.streams.items()
        for reward, streams in by_reward.items()
        for arm, stream in streams.items()
    ]
    text = (
        "By each reward that perceives quality. z: of a trace among those of the same problem, over problems of which "
        "every stream of the Oracle, RFT among them, has a value. Wins: share of problems on which a stream scores "
        "above RFT, a tie counting half. At equal length: the gap to RFT less what log tokens explain within problem "
        "and stream, pooled over streams; what streams differ in between them tells nothing of length. Beyond style: "
        "whether the whole interval of the gap lies beyond the mean shift of a sample that is only restyled; a gap "
        "that does not is flagged. Bold is resolved: the interval after Holm's correction, over all rows of an "
        "Oracle's column, excludes 0, of wins one half; of a reward whose premise failed nothing is, nor of the reward "
        "that a stream's traces were chosen by: by it they win whatever they are."
    )
    columns = [
        "stream",
        "Oracle",
        "reward",
        "z",
        "wins against RFT, %",
        "Q - Q(RFT)",
        "at equal length",
        "beyond style",
    ]
    first = Section("Perceived quality", [text], bullets=_flags(quality, labels), tables=[Table(columns, rows)])
    return [first, _details(quality)] if rows else []


def _void(quality: Quality, arm: str, reward: str) -> str:
    """Why no claim on a stream may rest on a reward; empty where one may."""
    if not quality.valid[reward]:
        return "premise failed"
    return "chose these traces" if reward in quality.partial.get(arm, ()) else ""


def _cells(stream: Stream, reward: str, void: str) -> list[Cell]:
    """The reward and what it says; nothing is bold where that is void."""
    words = {None: DASH, True: "yes", False: "no: flagged"}
    style = Cell(words[stream.beyond_style], mark="text bad" if stream.beyond_style is False else "text")
    told = [_told(stream.z), _told(stream.win, 1, 100), _told(stream.gap, 3), _told(stream.adjusted, 3)]
    return [Cell(reward, void, "text"), *(replace(cell, mark="") if void else cell for cell in told), style]


def _told(value: Difference | Missing, digits: int = 2, scale: float = 1.0) -> Cell:
    """Bold if it is resolved, with the interval that decided."""
    if isinstance(value, Missing):
        return number(value)
    cell = number(value.shown, digits, scale=scale, sign=scale == 1)
    return Cell(cell.text, cell.small, "told" if value.resolved else "")


def _flags(quality: Quality, labels: Mapping[str, str]) -> list[str]:
    flagged = {
        (oracle, reward): [labels[arm] for arm, stream in streams.items() if stream.beyond_style is False]
        for oracle, by_reward in quality.streams.items()
        for reward, streams in by_reward.items()
    }
    return [
        f"{reward}, Oracle {oracle}: the gap to RFT of {', '.join(arms)} is not beyond what a restyle alone does to it."
        for (oracle, reward), arms in flagged.items()
        if arms
    ]


def _details(quality: Quality) -> Section:
    restyles = sorted({name for style in quality.style.values() for name in style.restyles})
    absent = Missing("changed no sample")
    style = [
        [
            Cell(reward),
            number(each.relative),
            number(each.shift, 3),
            *(number(each.restyles.get(name, absent), 3, sign=True) for name in restyles),
        ]
        for reward, each in quality.style.items()
    ]
    slopes = [
        [Cell(reward), word(oracle), number(slope, 3, sign=True)]
        for oracle, own in quality.slopes.items()
        for reward, slope in own.items()
    ]
    agreement = [
        [Cell(oracle), word(", ".join(each.rewards)), number(each.traces), number(each.streams)]
        for oracle, each in quality.agreement.items()
    ]
    text = (
        "Style sensitivity: mean |R(y) - R(restyle(y))| over the learner's own samples, in standard deviations of R "
        "over them, then in the reward's unit, and which way each restyle pulls; n counts problems. Kendall's W: 1 "
        "where all reward models rank alike, about 1 / their number by chance; n counts problems."
    )
    tables = [
        Table(["reward", "style sensitivity, SD", "mean shift", *restyles], style),
        Table(["Oracle", "reward models", "W of a problem's traces", "W of streams"], agreement),
        Table(["reward", "Oracle", "slope of R by log tokens"], slopes),
    ]
    return Section("Perceived quality: style, length, agreement", [text], tables=tables, folded=True)
