"""The numbers of the paper, arXiv 2606.16152, as far as notes of third parties have them; each with what is sure of it.

The paper itself was not at hand, so none of this is what it says; it is what others say that it says. `numbers.yaml`
is the one place where these numbers are written. A number that no note has is None here, never 0.

>>> paper().rows["qwen2.5-math-1.5b"].streams["SLM-RFT"].accuracy["dft"].value
37.06
"""

import functools
from dataclasses import field
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from qup import settings
from qup.errors import SettingsError, unknown
from qup.settings import STRICT

FILE = Path(__file__).with_name("numbers.yaml")
Status = Literal["confirmed", "single", "uncounted", "unconfirmed"]


@dataclass(frozen=True, config=STRICT)
class Reported:
    """A number that notes have."""

    value: float
    "In the notes' own unit: accuracy in percent, a reward in that of their reward model."
    status: Status
    source: str
    "One of `Paper.sources`."


@dataclass(frozen=True, config=STRICT)
class Stream:
    """One training stream of the paper."""

    refiner: str
    "What makes such a stream here; not all of them are files of qup/refiners."
    oracle: str | None = None
    "None where none is asked."
    reward: Reported | None = None
    "Mean over traces."
    ppl: Reported | None = None
    "Perplexity of the untrained learner on the traces."
    accuracy: dict[str, Reported] = field(default_factory=dict)
    "Objective to Avg@16 in percent, one number over all of the paper's sets."
    retention: Reported | None = None
    "Semantic retention as a judge rates it, 1 to 5; no metric of ours."

    @property
    def reported(self) -> list[Reported]:
        """All numbers of the stream."""
        single = (self.reward, self.ppl, self.retention)
        return [number for number in (*single, *self.accuracy.values()) if number is not None]


@dataclass(frozen=True, config=STRICT)
class Row:
    """One learner of the paper."""

    learner: str
    family: str
    size: str
    "Parameters, as its name has them."
    status: Status
    "Of the learner being one of the paper's."
    streams: dict[str, Stream]
    "By the paper's names; empty where the notes have no number."

    def gap(self, first: str, second: str, objective: str) -> "Gap | None":
        """Accuracy of one stream minus another's, in points; None where the notes lack either."""
        pair = [self.streams[name].accuracy.get(objective) for name in (first, second)]
        if pair[0] is None or pair[1] is None:
            return None
        return Gap(first, second, round(pair[0].value - pair[1].value, 2), worst(pair[0].status, pair[1].status))

    def gaps(self, first: str, second: str, objective: str) -> "list[Gap]":
        """The differences of two refiners, one for each pair of their streams of which the notes have both."""
        pairs = [
            (a, b)
            for a, of_a in self.streams.items()
            for b, of_b in self.streams.items()
            if (of_a.refiner, of_b.refiner) == (first, second)
        ]
        gaps = [self.gap(a, b, objective) for a, b in pairs]
        return [gap for gap in gaps if gap is not None]


@dataclass(frozen=True, config=STRICT)
class Gap:
    """A difference that we take between two numbers of the notes: they give it no interval."""

    first: str
    second: str
    points: float
    status: Status
    "The weaker one of its two numbers."


@dataclass(frozen=True, config=STRICT)
class Fact:
    """What notes say of the recipe."""

    fact: str
    value: str
    status: Status
    source: str


@dataclass(frozen=True, config=STRICT)
class Paper:
    """All that is known of the paper's numbers."""

    statuses: dict[Status, str]
    "The strongest first, each in words."
    sources: dict[str, str]
    rows: dict[str, Row]
    "By the name that a study gives as `report.paper`."
    facts: list[Fact]
    contradictions: list[str]
    "What notes say in words and their numbers do not."
    open: list[str]
    "What no note says."

    def __post_init__(self) -> None:
        numbers = [number for row in self.rows.values() for each in row.streams.values() for number in each.reported]
        for source in [*(number.source for number in numbers), *(fact.source for fact in self.facts)]:
            if source not in self.sources:
                raise unknown("source", source, self.sources)

    def row(self, name: str, *where: str) -> Row:
        """One learner of the paper; `where` is the setting that names it.

        Raises:
            SettingsError: it has no such row.
        """
        if name not in self.rows:
            raise unknown("row of the paper", name, self.rows, *where)
        return self.rows[name]


@functools.cache
def paper() -> Paper:
    """What the file has, checked.

    Raises:
        SettingsError: it does not fit.
    """
    try:
        return settings.read(Paper, settings.read_yaml(FILE))
    except SettingsError as error:
        raise error.below(FILE.name) from error


def worst(*statuses: Status) -> Status:
    """The weakest of some statuses."""
    order: tuple[Status, ...] = ("confirmed", "single", "uncounted", "unconfirmed")
    return max(statuses, key=order.index)
