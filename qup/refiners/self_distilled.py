"""Self-Distillation Fine-Tuning (SDFT, 2402.13669): the learner says a reference again in its own words.

As we read it: the seed model is shown problem and reference and writes its own response; where that breaks the final
answer, the reference itself is trained on. The wording of the prompt (qup/prompts/guide/self_distilled.txt) is ours.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup import graders
from qup.oracles import Reply
from qup.prompts import guide
from qup.records import Verdict
from qup.refiners import Desk, Draft, Pool
from qup.refiners._references import Source, references, retold
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Keeps the reference's logic and the learner's style; `Refined.origin` tells which traces are references."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE
    source: Source = "reference"
    "What is said again: the data set's own solution, where it has none the Oracle's; or always the `oracle`'s."
    prompt: str = "self_distilled"
    "File under qup/prompts/guide: how the learner is asked with the solution in view."

    def __post_init__(self) -> None:
        guide.check(self.prompt)

    def texts(self) -> list[Path]:
        """The prompt."""
        return guide.texts(self.prompt)

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """Each reference in the learner's words, or as it is where those come to another answer or to no end."""
        given = references(drafts, desk, self.source, attempt)
        said = retold(self.prompt, drafts, given, desk, attempt)
        problems, cut = [draft.problem for draft in drafts], [reply.truncated for reply in said]
        verdicts = graders.verdicts(problems, [reply.text for reply in said], cut)
        rows = zip(given, said, verdicts, strict=True)
        return [own if verdict is Verdict.CORRECT else _instead(own, reference) for reference, own, verdict in rows]


def _instead(own: Reply, reference: Reply) -> Reply:
    """The reference, at the cost of both."""
    return replace(reference, learner_tokens=own.learner_tokens)
