"""Any place on the dial between and beyond SFT and DFT (2510.00526): (1 - p^a)/a, written `{alpha: 0.5}`.

The paper goes to a = 10. Below 0, where a token of p near 0 would have a loss and a gradient without bound, nothing is
trained here.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from qup.objectives import on_dial
from qup.settings import STRICT

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, config=STRICT)
class Objective:
    """A token's (1 - p^a)/a, no more than 1/a; its gradient is -p^a grad log p."""

    ready: ClassVar[None] = None
    alpha: Annotated[float, Field(ge=0.001, le=10)]
    "a: near 0 it is `sft`, at 1 its gradient is that of `dft`, above 1 unlikely tokens count for even less."

    @property
    def name(self) -> str:
        """`alpha-0.5`."""
        return f"alpha-{self.alpha:g}"

    def losses(self, logp: "Tensor", entropy: "Tensor") -> "Tensor":
        """(1 - p^a)/a."""
        return on_dial(logp, self.alpha)
