"""Dynamic fine-tuning (2508.05629, TRL's `dft`): -log p weighted by p, where the dial's a is 1.

The weight passes no gradient, so the gradient, -p grad log p, is that of 1 - p; the losses themselves differ. They are
10 to 20 times smaller than those of SFT, and the paper trains with ten times its learning rate: 5e-5 against 5e-6.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic.dataclasses import dataclass

from qup.settings import STRICT

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, config=STRICT)
class Objective:
    """A token's negative log-likelihood, nats, times the learner's own probability of it."""

    ready: ClassVar[Literal["dft"]] = "dft"
    name: ClassVar[str] = "dft"
    alpha: ClassVar[float] = 1.0

    def losses(self, logp: "Tensor", entropy: "Tensor") -> "Tensor":
        """-p log p, of which p is held fixed."""
        return -logp.detach().exp() * logp
