"""SPPL, self-aligned perplexity (2502.11779): perplexity of a trace once the learner has seen how it answers itself.

As its authors' code has it (XuanRen4470/SPPL, icppl_calculation.py): the question is put with the learner's own correct
answer to another question, whose style it is told to follow. Theirs shows one to five such answers; ours shows one, and
in other words.
"""

import math
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT, Share


@dataclass(frozen=True, config=STRICT)
class Metric:
    """exp(mean_t l(y_t | x, own answer to another question))."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = (Pass.EXAMPLE,)

    share: Share = 0.02
    "Of the problems; its prompts are long."

    def values(self, seen: Seen) -> dict[str, float]:
        """`sppl`; no value for problems that are not in the share, or where no other problem has a native trace."""
        shown = seen.passes.get(Pass.EXAMPLE)
        return {"sppl": math.exp(-sum(shown.logprob) / len(shown.logprob))} if shown and shown.logprob else {}
