"""Plain supervised fine-tuning: -log p, where the dial's a is 0."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic.dataclasses import dataclass

from qup.settings import STRICT

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, config=STRICT)
class Objective:
    """A token's negative log-likelihood, nats."""

    ready: ClassVar[Literal["nll"]] = "nll"
    name: ClassVar[str] = "sft"
    alpha: ClassVar[float] = 0.0

    def losses(self, logp: "Tensor", entropy: "Tensor") -> "Tensor":
        """-log p."""
        return -logp
