"""Token masking (2501.14315): the Oracle-refined trace, without its foreign tokens in the loss.

As we read it: tokens of the ground truth whose perplexity under the model, exp(-log p), is above a threshold (2.5) are
left out of the loss, which keeps what the model knew. Their traces are a data set's; here they are the Oracle's, so
that the arm is `oracle_refined` to the letter, but for the tokens that `style_aligned` would have said otherwise.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.records import Mask, TokenStats
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """The Oracle's trace with a mask of its loss, scored by the untrained learner: one pass a trace."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.NONE
    threshold: Annotated[float, Field(ge=1)] = 2.5
    "Perplexity of a token above which it is not trained on; 2.5 is a probability of 0.4."
    trace: Literal["refined", "synthesized"] = "refined"
    "What is masked: the draft as the Oracle would improve it, or a solution that it writes from scratch."

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The Oracle's trace of each draft, with what of it is not to be trained on."""
        problems, texts = [draft.problem for draft in drafts], [draft.text for draft in drafts]
        replies = (
            desk.oracle.repair(problems, texts, False, attempt)
            if self.trace == "refined"
            else desk.oracle.solve(problems, attempt)
        )
        stats = desk.learner.score(problems, [reply.text for reply in replies])
        return [replace(reply, mask=self.mask(own)) for reply, own in zip(replies, stats, strict=True)]

    def mask(self, stats: TokenStats) -> Mask:
        """The places of the tokens whose perplexity is above the threshold."""
        most = math.log(self.threshold)
        return Mask(len(stats.logprob), [place for place, logp in enumerate(stats.logprob) if -logp > most])
