"""Guided re-solving (Zhao et al., 2509.15157): own correct traces; failed problems solved again; then the Oracle.

As we read it: correct solutions of the model itself are kept, wrong ones are rewritten by the model with the reference
as a guide, and only where that fails too is it trained on an expert's. The authors' importance sampling is an
objective, not a stream, and is not here. The wording of the prompt (qup/prompts/guide/guided.txt) is ours. Streams of
scope `solved` have no failed problem: give the arm `scope: all`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from qup import graders
from qup.oracles import Reply
from qup.prompts import guide
from qup.records import Verdict
from qup.refiners import Desk, Draft, Pool
from qup.refiners._references import ORACLE, OWN, Source, references, retold
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Stays as near to the learner as each problem lets it; `Refined.origin` tells how near."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE
    source: Source = "reference"
    "The guide: the data set's own solution, where it has none the Oracle's; or always the `oracle`'s."
    draws: PositiveInt = 1
    "Times that the learner tries a failed problem with the guide before the Oracle's solution stands in."
    prompt: str = "guided"
    "File under qup/prompts/guide: how the learner is asked with the solution in view."

    def __post_init__(self) -> None:
        guide.check(self.prompt)

    def texts(self) -> list[Path]:
        """The prompt."""
        return guide.texts(self.prompt)

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The native trace of a solved problem; of a failed one the learner's guided trace, or the Oracle's."""
        replies: list[Reply | None] = [Reply(draft.text, tokens=0, origin=OWN) for draft in drafts]
        failed = [row for row, draft in enumerate(drafts) if draft.stratum == "failed"]
        for row, reply in zip(failed, self._solved_again([drafts[row] for row in failed], desk, attempt), strict=True):
            replies[row] = reply
        return replies

    def _solved_again(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply]:
        guides = references(drafts, desk, self.source, attempt)
        replies = list(guides)
        open_rows = list(range(len(drafts)))
        for draw in range(self.draws):
            # What the draw before cost goes on the bill of the next.
            shown = [replace(guides[row], learner_tokens=replies[row].learner_tokens) for row in open_rows]
            tried = [drafts[row] for row in open_rows]
            said = retold(self.prompt, tried, shown, desk, attempt * self.draws + draw)
            for row, reply in zip(open_rows, said, strict=True):
                replies[row] = reply
            open_rows = _wrong(drafts, replies, open_rows)
        return _by_oracle(drafts, guides, replies, open_rows, desk, attempt)


def _wrong(drafts: Sequence[Draft], replies: Sequence[Reply], rows: Sequence[int]) -> list[int]:
    """Those rows whose reply does not come to the gold answer."""
    texts, cut = [replies[row].text for row in rows], [replies[row].truncated for row in rows]
    verdicts = graders.verdicts([drafts[row].problem for row in rows], texts, cut)
    return [row for row, verdict in zip(rows, verdicts, strict=True) if verdict is not Verdict.CORRECT]


def _by_oracle(  # noqa: PLR0917 - what was asked, shown and said, and where that failed
    drafts: Sequence[Draft],
    guides: Sequence[Reply],
    replies: Sequence[Reply],
    rows: Sequence[int],
    desk: Desk,
    attempt: int,
) -> list[Reply]:
    """The replies with the Oracle's solution in these rows; where that was the guide it is not asked again."""
    unasked = [row for row in rows if guides[row].origin != ORACLE]
    problems = [drafts[row].problem for row in unasked]
    solved = dict(zip(unasked, desk.oracle.solve(problems, attempt) if unasked else [], strict=True))
    own = list(replies)
    for row in rows:
        reply = solved.get(row, guides[row])
        own[row] = replace(reply, origin=ORACLE, learner_tokens=replies[row].learner_tokens)
    return own
