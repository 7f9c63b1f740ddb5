"""In-distribution fine-tuning (IDFT, 2602.12222): on the dial, each token at an a of its own, by how foreign it is.

A token's on-policy score is phi = log p + H, the term of which `qup/compat/onpolicy_z.py` sums: 0 on average where the
learner itself draws the token. Its a is exp(-phi / beta), within [lowest, highest]: 1 for such a token, more for one
that is less likely than the learner's entropy there allows, which so counts for less, and less for a likelier one.

Read off the authors' code (github.com/zhangmiaosen2000/Towards-On-Policy-SFT, `fsdp_polylog_trainer.py`) and its
scripts, whose beta 1 and bounds 0.1 and 2 are the defaults here; the paper itself was not at hand. Theirs is the loss
-p^a log p with a held fixed. We hold p^a fixed too, as `dft` does its weight, so that the gradient is -p^a grad log p:
in their code p^a passes gradient, which gives it the factor 1 + a log p and turns it around where p is below exp(-1/a).
Their warm-up from a = 1, off in their scripts, is left out. Not checked: which of the two the paper's equation means.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.objectives import on_dial
from qup.settings import STRICT

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, config=STRICT)
class Objective:
    """A token's (1 - p^a)/a with a = exp(-(log p + H) / beta) held fixed; its gradient is -p^a grad log p."""

    ready: ClassVar[None] = None
    name: ClassVar[str] = "idft"
    alpha: ClassVar[None] = None
    beta: PositiveFloat = 1.0
    "How many nats of phi change a by a factor of e."
    lowest: PositiveFloat = 0.1
    "Least a of a token."
    highest: PositiveFloat = 2.0
    "Largest a of a token."

    def __post_init__(self) -> None:
        if self.lowest > self.highest:
            raise SettingsError(f"expected at most highest, {self.highest:g}, got {self.lowest:g}", "lowest")

    def losses(self, logp: "Tensor", entropy: "Tensor") -> "Tensor":
        """(1 - p^a)/a, each token at its own a."""
        phi = (logp + entropy).detach().float()
        return on_dial(logp, (-phi / self.beta).exp().clamp(self.lowest, self.highest))
