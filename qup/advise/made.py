"""Advice from files to verdict: read, score in one pass, compare, decide."""

from dataclasses import dataclass

from qup.advise import learners, scoring, streams, unknown
from qup.advise import record as records
from qup.advise.asked import Asked
from qup.advise.comparing import Compared
from qup.advise.learners import Opened
from qup.advise.record import Record
from qup.advise.verdict import Verdict, decide, quoted


@dataclass(frozen=True, eq=False)
class Advice:
    """All that is said."""

    asked: Asked
    opened: Opened
    compared: Compared
    verdict: Verdict
    record: Record
    quoted: list[str]
    "How often such advice was right."
    unknown: list[str]
    "What it does not know."

    @property
    def reference(self) -> str:
        """The stream that the others are held against."""
        return self.compared.names[0]


def advise(asked: Asked) -> Advice:
    """Advice on some files for a learner.

    Raises:
        SettingsError: a file or the learner is not as expected; the message says what to do.
    """
    # The files first: they are read in no time, and a model may have to be fetched.
    read = streams.read_all(asked)
    golds, disputed = streams.golds(read)
    opened = learners.opened(asked)
    compared = Compared(scoring.score(read, opened, golds, asked.limit, asked.seed), asked.seed)
    record = records.published()
    verdict = decide(compared, record)
    notes = unknown.told(asked, opened, compared, record, disputed)
    return Advice(asked, opened, compared, verdict, record, quoted(verdict, record), notes)
