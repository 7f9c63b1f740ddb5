"""Hinted decoding (2602.12222): the learner solves a problem with a hint before it, and is trained without the hint.

As we read it, simplified: the authors decode with two streams, one that sees the hint and one that does not, and
choose between them by entropy at each token. Here the learner decodes with the hint in its prompt, and nothing else is
changed. The wording of the prompt (qup/prompts/guide/hinted.txt) is ours.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.prompts import guide
from qup.refiners import Desk, Draft, Pool
from qup.refiners._references import Source, references, retold
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Takes what the learner writes with a solution in view, of solved and of failed problems."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE
    source: Source = "reference"
    "The hint: the data set's own solution, where it has none the Oracle's; or always the `oracle`'s."
    prompt: str = "hinted"
    "File under qup/prompts/guide: how the learner is asked with the solution in view."

    def __post_init__(self) -> None:
        guide.check(self.prompt)

    def texts(self) -> list[Path]:
        """The prompt."""
        return guide.texts(self.prompt)

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The learner's trace of each problem; one that misses the answer is drawn again, as `retries` has it."""
        return [*retold(self.prompt, drafts, references(drafts, desk, self.source, attempt), desk, attempt)]
